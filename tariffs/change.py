"""What a running call is told: changes of level, asked for and refused, and free time."""

from __future__ import annotations

from dataclasses import dataclass

STEP = "step"  # by whom an automatic step is made


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A change of level.

    Attributes:
        at_us: the instant from which it holds, µs since the epoch.
        level: the number of the new level.
        by: who asked; `STEP` is the table itself.
    """

    at_us: int
    level: int
    by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A change that did not come into force; the call goes on unchanged.

    Attributes:
        at_us: the instant it was asked for, µs since the epoch.
        level: the number asked for.
        by: who asked; `STEP` is the table itself.
        reason: why not, in a few words.
    """

    at_us: int
    level: int
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeTime:
    """A stretch in which time costs nothing: increments that start in it are not charged.

    Attributes:
        from_us: its first instant, µs since the epoch.
        until_us: the first instant after it; None while it lasts.
    """

    from_us: int
    until_us: int | None = None
