"""Tells the caller of a fixed charge or an automatic step before it comes by the table itself.

It is said early enough to have been heard, and answered where that is asked, when it falls due:
to the caller alone, in the bridge, free. A step that could not be told in time, because
something else was being said, comes when its own announcement has ended; one that is refused
does not come. A fixed charge has its instant or none: told too late it is not charged.

What was told in time is in the record, and only that comes (`calls/withheld.py`).
"""

from __future__ import annotations

from functools import partial

from callcontrol.calls.call import Call
from callcontrol.calls.engine import Engine
from callcontrol.calls.levels import (
    deal_with_changes,
    keep_on_switch,
    kept_change,
    tell_operator,
)
from callcontrol.calls.meters import HAD_ENDED
from callcontrol.calls.speaking import say
from callcontrol.calls.state import CallState
from callcontrol.calls.watch import TELL, follow, rearm, tell_again, withhold
from callcontrol.calls.withheld import NOT_TOLD, is_told, owed_next
from callcontrol.cdr import CdrChange
from callcontrol.errors import PromptError
from callcontrol.prompts import Needed
from tariffs import STEP, Coming

# What there is to spare between the end of an announcement and what it tells.
MARGIN_US = 1_000_000


def foresee(call: Call, engine: Engine) -> None:
    """Have the caller told of what comes by the table itself, from now on. Switches: no.

    A step that fell due while no engine was there is told now.
    """
    if call.meter is None or not call.told_here:
        return
    call.on_coming = partial(_wait, call, engine)
    now_us = max(engine.clock.now_us(), call.told_us)
    missed = _missed_step(call, now_us)
    if missed is not None:
        _take_in_hand(call, missed, engine)
    _wait(call, engine, call.meter.coming(now_us))


def _wait(call: Call, engine: Engine, coming: Coming | None) -> None:
    """Wait for the moment to tell of what comes next."""
    key = (call.leg_uuid, TELL)
    if coming is None or coming == call.foretold:
        engine.ticker.cancel(key)
        return
    needed = owed_next(call, coming)
    exhausted_us = call.meter.exhausted_at_us() if call.meter else None
    if is_told(call, coming, needed) or (
        # The call ends before it comes.
        exhausted_us is not None and exhausted_us <= coming.at_us
    ):
        engine.ticker.cancel(key)
        return
    lasts_us = sum(_length_us(one, engine) + _answer_us(one, engine) for one in needed)
    engine.ticker.schedule(
        key,
        coming.at_us - lasts_us - MARGIN_US,
        lambda: _take_in_hand(call, coming, engine),
    )


def _take_in_hand(call: Call, coming: Coming, engine: Engine) -> None:
    call.foretold = coming
    call.to_tell = lambda: _tell(call, coming, engine)
    if call.state is CallState.ANSWERED:
        deal_with_changes(call, engine)


def _tell(call: Call, coming: Coming, engine: Engine) -> None:
    """Tell of what comes, unless the call has gone another way meanwhile."""
    if not _still_comes(call, coming, engine):
        return
    if coming.step_to is None:
        _tell_fixed(call, coming, engine)
    else:
        _tell_step(call, coming, coming.step_to, engine)
    follow(call, engine)
    rearm(call, engine)


def _tell_fixed(call: Call, coming: Coming, engine: Engine) -> None:
    for needed in owed_next(call, coming):
        if engine.clock.now_us() + _length_us(needed, engine) > coming.at_us:
            why = "there was no time to say it before it fell due"
            engine.log.warning("price_not_announced", call_id=call.call_id, reason=why)
            return
        told = say(call, needed, engine, due_us=coming.at_us)
        if told.refused is not None:
            _log_refused(call, coming, told.refused, engine)
            return
    if is_told(call, coming, owed_next(call, coming)):
        _not_withheld(call, coming)


def _tell_step(call: Call, coming: Coming, level: int, engine: Engine) -> None:
    at_us = max(coming.at_us, call.told_us)
    if call.meter is None or call.meter.would_refuse(level, at_us) is not None:
        return  # the table's own refusal: nothing comes that had to be told
    change = CdrChange(level=level, asked_us=coming.at_us, by=STEP)
    refused: str | None = None
    for needed in owed_next(call, coming):
        told = say(call, needed, engine)
        at_us = max(at_us, told.in_force_us)
        refused = refused or told.refused
    if call.state is not CallState.ANSWERED or refused == HAD_ENDED:
        return
    if refused is None and at_us > coming.at_us:
        withhold(call, coming)
        refused = call.meter.would_refuse(level, max(at_us, call.told_us))
    change = kept_change(call, change, max(at_us, coming.at_us), refused, engine)
    if change.in_force_us is None:
        tell_operator(call, change, engine)
        return
    if change.in_force_us == coming.at_us:
        _not_withheld(call, coming)
    else:
        tell_again(call)
        call.told_us = max(call.told_us, change.in_force_us)
        keep_on_switch(call, engine)


def _not_withheld(call: Call, coming: Coming) -> None:
    """Let it come: it was told in time, though that is known only now."""
    call.withheld = tuple(
        one for one in call.withheld if (one.at_us, one.kind) != (coming.at_us, coming.kind)
    )
    tell_again(call)


def _still_comes(call: Call, coming: Coming, engine: Engine) -> bool:
    if call.state is not CallState.ANSWERED or call.ended.ready() or call.meter is None:
        return False
    now_us = max(engine.clock.now_us(), call.told_us)
    if now_us < coming.at_us:
        return call.meter.coming(now_us) == coming
    if coming.step_to is None:
        return False
    return call.meter.level_at(now_us) == coming.in_force and not any(
        one.in_force_us is not None and one.in_force_us > coming.entered_us
        for one in call.changes
    )


def _missed_step(call: Call, now_us: int) -> Coming | None:
    """Find the step that fell due while no engine was there to tell of it."""
    steps = [one for one in call.withheld if one.kind == "step"]
    if not steps or call.meter is None:
        return None
    last = max(steps, key=lambda one: one.at_us)
    rated = call.meter.rated(max(now_us, call.meter.start_us))
    entries = [(one.at_us, one.level) for one in rated.applied]
    entered_us, in_force = max(
        [(call.meter.start_us, call.level or 0), *entries], key=lambda one: one[0]
    )
    is_tried = any(one.by == STEP and one.asked_us == last.at_us for one in call.changes)
    if is_tried or last.level is None or entered_us > last.at_us:
        return None
    return Coming(
        at_us=last.at_us, in_force=in_force, entered_us=entered_us, step_to=last.level
    )


def _length_us(needed: Needed, engine: Engine) -> int:
    """Say how long it takes to say it; nothing where it cannot be said."""
    try:
        prompt = engine.prompts.find(needed)
    except PromptError:
        return 0
    return 0 if prompt is None else prompt.length_us


def _answer_us(needed: Needed, engine: Engine) -> int:
    return engine.settings.consent_wait_s * 1_000_000 if needed.duty.consent else 0


def _log_refused(call: Call, coming: Coming, why: str, engine: Engine) -> None:
    if why != NOT_TOLD:  # which has been said already
        engine.log.info("charge_refused", call_id=call.call_id, due_us=coming.at_us, reason=why)
