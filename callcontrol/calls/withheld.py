"""What the table brought by itself and the caller was not told in time: it is not charged.

An automatic step and a fixed charge in the call come by the table alone, at an instant fixed
beforehand. Where the law wants them told, they come only if the record proves that they were:

* a step by its change in the record, in force when it was due; one that is told too late comes
  when the announcement has ended, and one that is refused never;
* a fixed charge by an announcement of its own, heard to its end before it fell due, and
  accepted where that is asked; or by that of its level, which tells its fixed charges too, if
  there was no time for another.

Worked out from the facts alone, so a call whose engine was gone at that instant is spared what
nobody told, and whoever prices the record again comes to the same.
"""

from __future__ import annotations

from collections.abc import Iterator

from callcontrol.calls.call import Call
from callcontrol.calls.meters import tell
from callcontrol.cdr import CdrAnnouncement
from callcontrol.cdr.free_time import free_times
from callcontrol.prompts import (
    ACCEPT_KEY,
    Needed,
    needed_before_change,
    needed_before_fixed,
)
from tariffs import STEP, Coming, Meter, Rated, Tariff, Withheld, due_charges, told_level

NOT_TOLD = "price not announced"
NO_CONSENT = "no consent"

# The announcement of a level tells its fixed charges for so long; later ones are told anew.
TOLD_WITH_LEVEL_US = 10_000_000


def owed(tariff: Tariff, coming: Coming, *, is_new: bool = True) -> tuple[Needed, ...]:
    """List what must be said before something comes by the table itself.

    Args:
        tariff: the table.
        coming: a step, or fixed charges.
        is_new: the level it steps to was not in force in this call before.
    """
    if coming.step_to is not None:
        step = needed_before_change(
            tariff, coming.step_to, coming.at_us, in_force=coming.in_force, is_new=is_new
        )
        return () if step is None else (step,)
    level = told_level(tariff, coming.in_force, coming.at_us)
    found = (
        needed_before_fixed(tariff, coming.in_force, charge, coming.at_us)
        for charge in due_charges(level, coming.entered_us, coming.at_us)
    )
    return tuple(one for one in found if one is not None)


def owed_next(call: Call, coming: Coming) -> tuple[Needed, ...]:
    """List what must be said to a call that is metered before something comes; see `owed`."""
    if call.tariff is None or call.meter is None:
        return ()
    is_new = coming.step_to is None or call.meter.is_new(
        coming.step_to, max(coming.at_us, call.told_us)
    )
    return owed(call.tariff, coming, is_new=is_new)


def is_told(call: Call, coming: Coming, needed: tuple[Needed, ...]) -> bool:
    """Say whether all that is owed before something comes has been done in time."""
    if not needed:
        return True
    if coming.step_to is not None:
        return any(one.came_by_itself and one.asked_us == coming.at_us for one in call.changes)
    heard = [
        one
        for one in call.announcements
        if one.level == coming.in_force
        and not one.is_cut_off
        and one.ended_us is not None
        and one.ended_us <= coming.at_us
    ]
    own = [one for one in heard if one.due_us == coming.at_us]
    is_asked = any(one.duty.consent for one in needed)
    with_level = (
        one
        for one in heard
        if one.due_us is None and coming.at_us - (one.ended_us or 0) <= TOLD_WITH_LEVEL_US
    )
    if any(not is_asked or one.consent_key == ACCEPT_KEY for one in with_level):
        return True
    return len(own) == len(needed) and all(map(_answered, own, needed))


def withheld_of(call: Call, start_us: int, until_us: int) -> tuple[Withheld, ...]:
    """List what the table would have brought before an instant, and was not told.

    Args:
        call: for its tariff, changes and announcements.
        start_us: when charging starts, microseconds since the epoch.
        until_us: not before the start.
    """
    if not call.told_here or call.tariff is None or call.level is None:
        return ()
    found: set[Withheld] = set()
    while True:
        meter = Meter(call.tariff, level=call.level, start_us=start_us, withheld=found)
        tell(meter, call.changes, free_times(call.announcements, start_us), until_us=until_us)
        # A step that is withheld changes all that follows, so what follows is looked at anew.
        more = set(_untold(call, call.tariff, meter.rated(until_us), start_us)) - found
        if not more:
            return tuple(sorted(found, key=lambda one: one.at_us))
        found |= more


def _untold(call: Call, tariff: Tariff, rated: Rated, start_us: int) -> Iterator[Withheld]:
    """List the fixed charges up to the first step that was not told, and that step."""
    in_force, entered_us = call.level or 0, start_us
    entries = {start_us: in_force}
    seen = {in_force}
    step: Withheld | None = None
    late = {
        one.in_force_us for one in call.changes if one.by == STEP and not one.came_by_itself
    }
    for change in rated.applied:
        coming = Coming(
            at_us=change.at_us, in_force=in_force, entered_us=entered_us, step_to=change.level
        )
        if change.by == STEP and change.at_us not in late:
            needed = owed(tariff, coming, is_new=change.level not in seen)
            if not is_told(call, coming, needed):
                step = Withheld(at_us=change.at_us, kind="step", level=change.level)
                break
        in_force, entered_us = change.level, change.at_us
        entries[entered_us] = in_force
        seen.add(in_force)
    dues = {one.at_us for one in rated.lines if one.kind == "fixed" and one.amount}
    for at_us in sorted(due for due in dues if due is not None):
        if step is not None and at_us >= step.at_us:
            break
        entered_us = max(one for one in entries if one <= at_us)
        coming = Coming(at_us=at_us, in_force=entries[entered_us], entered_us=entered_us)
        if not is_told(call, coming, owed(tariff, coming)):
            yield Withheld(at_us=at_us, kind="fixed")
    if step is not None:
        yield step


def _answered(one: CdrAnnouncement, needed: Needed) -> bool:
    return not needed.duty.consent or one.consent_key == ACCEPT_KEY
