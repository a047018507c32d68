"""Watches an answered call: its meter, its automatic steps, and its maximum, here and there.

A call is released just before the charge that would pass its maximum: by us, to the
millisecond, and by the switch, a second late at most, should we be gone by then. Every change
of level moves that instant, so both are set anew.
"""

from __future__ import annotations

import math

from callcontrol.calls.advice import advise_change
from callcontrol.calls.call import Call
from callcontrol.calls.engine import Engine
from callcontrol.calls.hangup import BEFORE_MAXIMUM_US, MAXIMUM_REACHED, release_soon
from callcontrol.calls.meters import meter_of
from callcontrol.calls.withheld import is_told, owed_next, withheld_of
from callcontrol.cdr.metered import charged_from_us
from callcontrol.errors import SessionError
from callcontrol.esl import command
from tariffs import STEP, Coming, Withheld

# What the ticker calls the moment at which the caller is told of what comes next.
TELL = "tell"

_CAUSE = "allotted_timeout"


def hold_at_answer(call: Call, engine: Engine) -> str | None:
    """Give the command by which the switch itself ends the call at its maximum charge.

    The destination's leg runs it at the answer, so it holds whatever becomes of us. The switch
    counts in whole clock seconds and may be up to one early; we release to the millisecond, so
    its own hold is set a second late and acts only when we are gone. The charge is right in
    either case: it stops at the maximum.
    """
    meter = meter_of(call, call.received_us)
    exhausted_us = meter.exhausted_at_us() if meter else None
    if exhausted_us is None:
        return None
    # The meter may start after the answer, when the price was spoken just before.
    waits_us = max(
        0, charged_from_us(call.announcements, call.received_us) - engine.clock.now_us()
    )
    hold_s = _hold_s(exhausted_us + waits_us, call.received_us)
    return f"sched_hangup +{hold_s} {call.leg_uuid} {_CAUSE}"


def watch(call: Call, engine: Engine) -> None:
    """Run an answered call's meter, and release the call just before its maximum.

    Switches: no, unless there were changes before: then as `rearm`.
    """
    start_us = charged_from_us(call.announcements, call.answered_us or call.received_us)
    # Only of a call taken over can anything have come that nobody told.
    call.withheld = withheld_of(call, start_us, max(engine.clock.now_us(), start_us))
    call.meter = meter_of(call, start_us)
    if call.meter is None:
        return
    call.told_us = max(call.meter.start_us, *(one.in_force_us or 0 for one in call.changes), 0)
    call.held_us = None if call.changes else call.meter.exhausted_at_us()
    follow(call, engine, is_new=True)
    if call.changes:
        rearm(call, engine)


def follow(call: Call, engine: Engine, *, is_new: bool = False) -> None:
    """Show the level in force, and wait for the next automatic step and the maximum.

    Called at the answer, and whenever the level has changed or may have.

    Switches: no, unless advice of charge is sent: then as `rearm`.
    """
    if call.meter is None:
        return
    now_us = max(engine.clock.now_us(), call.meter.start_us)
    level = call.meter.level_at(max(now_us, call.told_us))
    if level != call.level_now:
        call.level_now = level
        engine.live_calls.changed()
        if not is_new:
            engine.metrics.level_changes.labels(STEP, "applied").inc()
            engine.log.info("level_changed", call_id=call.call_id, to_level=level, by=STEP)
            advise_change(call, engine)
    coming = call.meter.coming(max(now_us, call.told_us), with_fixed=call.told_here)
    key = (call.leg_uuid, STEP)
    if coming is None:
        engine.ticker.cancel(key)
    else:
        engine.ticker.schedule(key, coming.at_us, lambda: _comes(call, coming, engine))
    if call.on_coming is not None:
        call.on_coming(coming)
    exhausted_us = call.meter.exhausted_at_us()
    if exhausted_us is None:
        engine.ticker.cancel(call.leg_uuid)
    else:
        engine.ticker.schedule(
            call.leg_uuid,
            exhausted_us - BEFORE_MAXIMUM_US,
            lambda: release_soon(call, MAXIMUM_REACHED, engine),
        )


def _comes(call: Call, coming: Coming, engine: Engine) -> None:
    """Go on when something comes by the table itself; what was not told does not."""
    if call.told_here and not is_told(call, coming, owed_next(call, coming)):
        withhold(call, coming)
        rearm(call, engine)
    follow(call, engine)


def withhold(call: Call, coming: Coming) -> None:
    """Spare the call what comes by the table itself. Switches: no."""
    one = Withheld(at_us=coming.at_us, kind=coming.kind, level=coming.step_to)
    if one not in call.withheld:
        call.withheld = (*call.withheld, one)
    tell_again(call)


def tell_again(call: Call) -> None:
    """Tell a new meter everything, because something is known now of the past. Switches: no."""
    if call.meter is not None:
        call.meter = meter_of(call, call.meter.start_us)


def rearm(call: Call, engine: Engine) -> None:
    """Have the switch hold the hangup for the instant at which the maximum is reached now.

    Without a link it is left as it is, and done when the link is back (`calls/resync.py`): our
    own watch does not depend on it.

    Switches: only while the switch does not read, at most the deadline for writing.
    """
    exhausted_us = call.meter.exhausted_at_us() if call.meter else None
    if exhausted_us == call.held_us and not call.is_hold_stale:
        return
    commands = [command.api("sched_del", call.leg_uuid)]
    if exhausted_us is not None:
        hold_s = _hold_s(exhausted_us, engine.clock.now_us())
        commands.append(command.api("sched_hangup", f"+{hold_s}", call.leg_uuid, _CAUSE))
    call.held_us, call.is_hold_stale = exhausted_us, False
    try:
        engine.link.post(*commands)
    except SessionError as exc:
        call.is_hold_stale = True
        engine.log.info("hold_not_taken", call_id=call.call_id, reason=str(exc))


def unwatch(call: Call, engine: Engine) -> None:
    """Wait for nothing of this call any more. Switches: no."""
    engine.ticker.cancel(call.leg_uuid)
    engine.ticker.cancel((call.leg_uuid, STEP))
    engine.ticker.cancel((call.leg_uuid, TELL))


def _hold_s(exhausted_us: int, now_us: int) -> int:
    """Give the whole seconds to an instant, so that the switch is never early."""
    return max(0, math.ceil((exhausted_us - now_us) / 1_000_000)) + 1
