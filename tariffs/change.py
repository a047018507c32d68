"""What a running call is told: changes of level, free time, and what shall not be charged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld:
    """What the table brings by itself at an instant, and the call is spared.

    Attributes:
        at_us: the instant, µs since the epoch.
        kind: a step: the level stays, and has no step any more until it is entered again.
            fixed: no fixed charge that falls due then is charged; later ones are.
        level: the number the step would have led to, for the record.
    """

    at_us: int
    kind: Literal["step", "fixed"]
    level: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """What the table will bring by itself next, if nothing is asked.

    Attributes:
        at_us: when, µs since the epoch.
        in_force: number of the level in force until then.
        entered_us: since when.
        step_to: number of the level it steps to; None: fixed charges fall due.
    """

    at_us: int
    in_force: int
    entered_us: int
    step_to: int | None = None

    @property
    def kind(self) -> Literal["step", "fixed"]:
        """What it is, as `Withheld` names it."""
        return "fixed" if self.step_to is None else "step"
