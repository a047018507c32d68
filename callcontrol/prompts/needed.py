"""Which prompts a tariff table needs, by the duties of law and table; pure.

The same functions serve the making of prompts and the call, so what a call looks for is what
was made. A call that comes to a duty by way of a newer law than the prompts were made for finds
none, and is not charged unannounced.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from callcontrol.prompts.sentence import Spoken
from tariffs import (
    Duty,
    FixedCharge,
    Level,
    Tariff,
    before_change,
    before_charging,
    before_fixed,
    told_level,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Needed:
    """A prompt that is needed.

    Attributes:
        tariff: the table's name.
        level: number of the level whose price is told.
        spoken: what it says.
        duty: why, and what follows it.
    """

    tariff: str
    level: int
    spoken: Spoken
    duty: Duty


def needed_before_charging(tariff: Tariff, number: int, at_us: int) -> Needed | None:
    """Say what must be played before a call is charged at its first level; None: nothing.

    Args:
        tariff: the table.
        number: of the level.
        at_us: of the call, µs since the epoch.

    Raises:
        UnknownLevel: the table lacks the level.
    """
    duty = before_charging(tariff, number, at_us)
    level = told_level(tariff, number, at_us)
    return _of_level("start", tariff, number, level, duty) if duty.spoken else None


def needed_before_change(
    tariff: Tariff, number: int, at_us: int, *, in_force: int, is_new: bool
) -> Needed | None:
    """Say what must be played before another level is in force; None: nothing.

    Args:
        tariff: the table.
        number: of the new level.
        at_us: of the change, µs since the epoch.
        in_force: number of the level before.
        is_new: the level was not in force in this call before.

    Raises:
        UnknownLevel: the table lacks one of the levels.
    """
    duty = before_change(tariff, number, at_us, in_force=in_force, is_new=is_new)
    level = told_level(tariff, number, at_us)
    return (
        _of_level("change", tariff, number, level, duty, is_new=is_new) if duty.spoken else None
    )


def needed_before_fixed(
    tariff: Tariff, number: int, charge: FixedCharge, at_us: int
) -> Needed | None:
    """Say what must be played before a fixed charge falls due in a call; None: nothing.

    Args:
        tariff: the table.
        number: of the level in force.
        charge: with its amount as the caller pays it (`told_level`).
        at_us: when it falls due, µs since the epoch.
    """
    duty = before_fixed(tariff, charge.amount, at_us)
    if not duty.spoken:
        return None
    spoken = Spoken(
        kind="fixed",
        language=tariff.announcement.language,
        currency=tariff.currency,
        per_call=charge.amount,
        consent=duty.consent,
    )
    return Needed(tariff=tariff.name, level=number, spoken=spoken, duty=duty)


def needed_prompts(tariff: Tariff, at_us: int) -> Iterator[Needed]:
    """List every prompt a table may need in a call of an instant, each once."""
    seen = set()
    for needed in _all(tariff, at_us):
        if (key := (needed.level, needed.spoken)) not in seen:
            seen.add(key)
            yield needed


def _all(tariff: Tariff, at_us: int) -> Iterator[Needed]:
    for number in tariff.levels:
        if start := needed_before_charging(tariff, number, at_us):
            yield start
        # of the level before only its minute price matters: the cheapest and the dearest do
        others = sorted(
            (other for other in tariff.levels if other != number),
            key=lambda other: tariff.levels[other].per_minute,
        )
        for in_force in dict.fromkeys((*others[:1], *others[-1:])):
            for is_new in (True, False):
                change = needed_before_change(
                    tariff, number, at_us, in_force=in_force, is_new=is_new
                )
                if change is not None:
                    yield change
        for charge in told_level(tariff, number, at_us).fixed:
            if fixed := needed_before_fixed(tariff, number, charge, at_us):
                yield fixed


def _of_level(
    kind: str, tariff: Tariff, number: int, level: Level, duty: Duty, *, is_new: bool = True
) -> Needed:
    spoken = Spoken(
        kind="start" if kind == "start" else "change",
        language=tariff.announcement.language,
        currency=tariff.currency,
        per_minute=level.per_minute,
        per_call=level.per_call if is_new else level.per_call * 0,
        fixed=level.fixed,
        consent=duty.consent,
    )
    return Needed(tariff=tariff.name, level=number, spoken=spoken, duty=duty)
