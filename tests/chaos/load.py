"""The calls of a chaos run: which are placed when, and what each of them is to come to."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Any

from tests.chaos.reference import CAPPED, HANGS_UP, PLAIN, RINGS, SECOND, UNKNOWN

# Of a hundred calls.
_SHARES = {PLAIN: 60, RINGS: 15, HANGS_UP: 10, SECOND: 5, CAPPED: 5, UNKNOWN: 5}

ENDED_BY_CALLER = frozenset({PLAIN, RINGS, SECOND})
"""Numbers on which nobody but the caller ends an answered call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """One call as its caller saw it.

    Attributes:
        sender: the caller's number, a different one for each call.
        number: what was called.
        began_s, ended_s: on the run's clock.
        final: the SIP code of the last answer; None: there was none.
        was_answered: it was connected.
        ended_by: `caller`, `switch` (which sent BYE), `refused` or `nobody`.
    """

    sender: str
    number: str
    began_s: float
    ended_s: float
    final: int | None
    was_answered: bool
    ended_by: str

    @property
    def was_dropped(self) -> bool:
        """Whether it was up, and ended by neither party."""
        ends_it = self.number in ENDED_BY_CALLER
        return self.was_answered and self.ended_by == "switch" and ends_it


def plans(chance: random.Random, *, seconds: float, rate: float) -> list[dict[str, Any]]:
    """Plan the calls of a run: so many a second, each of a caller of its own."""
    numbers = chance.choices(
        list(_SHARES), weights=list(_SHARES.values()), k=round(seconds * rate)
    )
    return [
        {
            "number": number,
            "sender": f"+4179{index:07}",
            "after_s": round(index / rate, 3),
            "talk_s": 20 if number in (CAPPED, HANGS_UP) else round(chance.uniform(1, 8), 2),
            "label": f"{index / rate:.3f}",
        }
        for index, number in enumerate(numbers)
    ]


def placed(seen: dict[str, Any]) -> Placed:
    """Read what a caller reports."""
    began_s = float(seen["label"])
    return Placed(
        sender=seen["from"],
        number=seen["number"],
        began_s=began_s,
        ended_s=began_s + (seen["setup_ms"] + seen["talk_ms"]) / 1000,
        final=seen["final"],
        was_answered=seen["answered"],
        ended_by=seen["ended_by"],
    )


def hanging(plan: dict[str, Any]) -> Placed:
    """Give the call of a caller who has heard of no end."""
    return Placed(
        sender=plan["sender"],
        number=plan["number"],
        began_s=plan["after_s"],
        ended_s=math.inf,
        final=None,
        was_answered=False,
        ended_by="nobody",
    )
