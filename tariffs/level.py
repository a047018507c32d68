"""Level: one numbered price of a table, with its fixed charges and its automatic step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from tariffs.errors import Fault
from tariffs.money import amount_fault

LEVELS = range(1, 91)  # the numbers a level can have
LONGEST_S = 86_400  # no offset, period or lead-in is longer than a day
MOST_FIXED = 10  # schedules of fixed charges in one level; each may be due every second

_NOTHING = Decimal("0.00")


@dataclass(frozen=True, slots=True, kw_only=True)
class FixedCharge:
    """A charge during the call (taxe fixe durant l'appel), due while the level is in force.

    Attributes:
        amount: charged each time it falls due.
        after_s: seconds from the entry of the level to the first charge.
        every_s: seconds from one charge to the next; None charges once for each entry.
    """

    amount: Decimal
    after_s: int
    every_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Then:
    """The automatic step of a level.

    Attributes:
        after_s: seconds the level is in force before the step.
        level: the number of the level that follows.
    """

    after_s: int
    level: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """What a call costs while this level is in force.

    Plain data: the Tariff that holds it judges it, so that all faults of a table come at once.

    Attributes:
        per_minute: price of a minute, charged by the increment.
        per_call: charged the first time the level is in force in a call (prix à l'appel).
        fixed: charges during the call; the schedule starts afresh at each entry of the level.
        then: the automatic step, if any.
    """

    per_minute: Decimal = _NOTHING
    per_call: Decimal = _NOTHING
    fixed: tuple[FixedCharge, ...] = ()
    then: Then | None = None


def level_faults(level: Level) -> Iterator[Fault]:
    """Find what is malformed in a level, whatever its table and the law say."""
    yield from amount_faults("per_minute", level.per_minute)
    yield from amount_faults("per_call", level.per_call)
    if len(level.fixed) > MOST_FIXED:
        yield Fault(path="fixed", message=f"more than {MOST_FIXED} charges")
    for index, charge in enumerate(level.fixed):
        path = f"fixed.{index}"
        yield from amount_faults(f"{path}.amount", charge.amount)
        yield from seconds_faults(f"{path}.after_s", charge.after_s)
        if charge.every_s is not None:
            yield from seconds_faults(f"{path}.every_s", charge.every_s, least=1)
    if level.then is not None:
        yield from seconds_faults("then.after_s", level.then.after_s)


def amount_faults(path: str, amount: Decimal) -> Iterator[Fault]:
    """Find what is wrong with one amount that was given."""
    if message := amount_fault(amount):
        yield Fault(path=path, message=message)


def seconds_faults(
    path: str, seconds: int, *, least: int = 0, most: int = LONGEST_S
) -> Iterator[Fault]:
    """Find what is wrong with one number of seconds that was given."""
    if type(seconds) is not int or not least <= seconds <= most:
        yield Fault(path=path, message=f"not a whole number of seconds from {least} to {most}")
