"""A value with scheduled changes: what holds at an instant."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Generic, TypeVar

from dialplan.errors import Fault, InvalidTimeline

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Timeline(Generic[T]):
    """A value that holds from always, and the values that replace it later.

    A change takes effect on the first call decided at or after its instant.

    Attributes:
        initial: what holds before the first change.
        changes: (aware instant, value) pairs; kept in the order of their instants.

    Raises:
        InvalidTimeline: two changes have the same instant, or one has no time zone.
    """

    initial: T
    changes: tuple[tuple[datetime, T], ...] = ()
    _instants: tuple[datetime, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Put the changes in order and refuse those that have none."""
        if not self.changes:  # as nearly all of a hundred thousand numbers'
            object.__setattr__(self, "_instants", ())
            return
        naive = [at for at, _ in self.changes if at.tzinfo is None]
        if naive:
            raise InvalidTimeline(*(_fault(at, "has no time zone") for at in naive))
        ordered = tuple(sorted(self.changes, key=lambda change: change[0]))
        instants = tuple(at for at, _ in ordered)
        twice = [at for at, after in pairwise(instants) if at == after]
        if twice:
            raise InvalidTimeline(*(_fault(at, "has two changes") for at in twice))
        object.__setattr__(self, "changes", ordered)
        object.__setattr__(self, "_instants", instants)

    def at(self, instant: datetime) -> T:
        """Give the value in force at an aware instant."""
        passed = bisect_right(self._instants, instant)
        return self.changes[passed - 1][1] if passed else self.initial

    def values(self) -> tuple[T, ...]:
        """Give every value that holds at some time, the initial one first."""
        if not self.changes:
            return (self.initial,)
        return (self.initial, *(value for _, value in self.changes))


def _fault(at: datetime, message: str) -> Fault:
    return Fault(path=at.isoformat(), message=message)
