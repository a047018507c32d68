"""Case: one thing to get right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tests.conformance.stage import Leg, Stage

FAILS: Final = "something else"
"""What a library that fails gives, where that depends on the machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing to get right.

    Attributes:
        name: what a sound library does.
        play: plays the switch and gives what the subject made of it.
        right: what `play` gives with a sound library.
        greenswitch: what it gives with plain greenswitch 0.0.19: why our sessions replace so
            much of it, and, where it differs from `right`, the proof that the case can tell;
            FAILS: anything but that.
        limit: how many legs the subject is to admit at a time.
    """

    name: str
    play: Callable[[Stage], object]
    right: object
    greenswitch: object
    limit: int | None = None


def names_told(leg: Leg, count: int) -> list[str]:
    """Give the names of the events told, at most so many."""
    names: list[str] = []
    while len(names) < count and (told := leg.told("event")) is not None:
        names.append(told["event"])
    return names


def headers_of(leg: Leg, *names: str) -> list[str | None] | None:
    """Give some headers of the next event told."""
    told = leg.told("event")
    return None if told is None else [told["headers"].get(name) for name in names]
