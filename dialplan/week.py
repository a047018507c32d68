"""The weekly plan: which slot holds at an instant, in local time, across clock changes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A stretch of local wall time on some days of the week.

    Attributes:
        weekdays: the days on which it starts, 0 = Monday ... 6 = Sunday; at least one.
        start: local wall time, included.
        end: local wall time, not included; at or before `start` it is the next day's, so
            00:00-00:00 is the whole day and 22:00-06:00 crosses midnight.
        route: the name of a route; None: closed.
    """

    weekdays: frozenset[int]
    start: time
    end: time
    route: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekPlan:
    """Slots that do not overlap.

    Attributes:
        slots: in any order; none means that nothing holds at any time.
    """

    slots: tuple[Slot, ...] = ()
