"""Describes a recorded call as `callcontrol rate` reads it, so that anybody can price it again.

All that a charge follows from is in the record but the table: when charging started, the
changes of level, the time in which a price was spoken, and what was withheld because it was
not. Automatic steps that came by themselves follow from the table.
"""

from __future__ import annotations

from collections.abc import Iterator

from callcontrol.cdr import Cdr
from callcontrol.cdr.free_time import free_times
from callcontrol.cdr.metered import charged_from_us, told_changes, withheld_in
from callcontrol.clock import text_of
from tariffs import Level, Tariff

Described = dict[str, object]


def described_record(record: Cdr, tariff: Tariff) -> Described | None:
    """Describe a call.

    Args:
        record: of a call that is over.
        tariff: the table that the record names.

    Returns:
        The call as plain JSON; None when nothing of it was metered.
    """
    if record.answered_us is None or record.released_us is None or not record.level_at_start:
        return None
    start_us = charged_from_us(record.announcements, record.answered_us)
    end_us = record.released_us
    if end_us < start_us:
        return None
    return {
        "tariff": _tariff(tariff),
        "start": text_of(start_us),
        "end": text_of(end_us),
        "level": record.level_at_start,
        "changes": [
            {"at": text_of(at_us), "level": one.level}
            for at_us, one in told_changes(record, end_us)
        ],
        "free": list(_free(record, start_us, end_us)),
        "withheld": [
            {"at": text_of(one.at_us), "kind": one.kind} for one in withheld_in(record)
        ],
    }


def _free(record: Cdr, start_us: int, end_us: int) -> Iterator[Described]:
    for one in free_times(record.announcements, start_us):
        if one.from_us < end_us:
            until = (
                {} if one.until_us is None else {"until": text_of(min(one.until_us, end_us))}
            )
            yield {"from": text_of(one.from_us), **until}


def _tariff(tariff: Tariff) -> Described:
    described: Described = {
        "category": tariff.category,
        "currency": tariff.currency,
        "includes_vat": tariff.includes_vat,
        "increment_s": tariff.increment_s,
        "free_s": tariff.free_s,
        "levels": {str(number): _level(level) for number, level in tariff.levels.items()},
    }
    if tariff.rounding.to is not None:
        described["rounding"] = {"to": f"{tariff.rounding.to:f}", "mode": tariff.rounding.mode}
    if tariff.max_charge is not None:
        described["max_charge"] = f"{tariff.max_charge:f}"
    return described


def _level(level: Level) -> Described:
    described: Described = {
        "per_minute": f"{level.per_minute:f}",
        "per_call": f"{level.per_call:f}",
    }
    if level.fixed:
        described["fixed"] = [
            {"amount": f"{one.amount:f}", "after_s": one.after_s, "every_s": one.every_s}
            for one in level.fixed
        ]
    if level.then is not None:
        described["then"] = {"after_s": level.then.after_s, "level": level.then.level}
    return described
