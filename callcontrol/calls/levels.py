"""Changes of the level of a running call: one door, one at a time, in the order asked.

Whoever asks (the destination's keys, a row in Postgres, a weekly plan) comes through
`ask_level`. What is asked of one call is dealt with by one greenlet, which lives only while
something is asked:

1. Would it be refused? The table may lack the level, the law forbid it, or what it charges at
   once pass the maximum. Then the call goes on unchanged, and the reason is kept.
2. The caller is told, and consents, where that is asked (`calls/speaking.py`).
3. It goes to the journal, and is on the disk.
4. Only then does it count: the meter, the watch over the maximum, ours and the switch's, the
   view. An engine killed a moment later has lost nothing: the next one reads the journal.

It is in force from a defined instant: that of the key by the switch's clock, the one a row
names, or that of the asking; never before an earlier change.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import gevent
from gevent.event import AsyncResult

from callcontrol.calls.advice import advise_change
from callcontrol.calls.call import Asked, Call
from callcontrol.calls.engine import Engine
from callcontrol.calls.kept_facts import keep_changes
from callcontrol.calls.level_keys import LevelKeys
from callcontrol.calls.meters import HAD_ENDED
from callcontrol.calls.speaking import told_of_change
from callcontrol.calls.state import CallState
from callcontrol.calls.watch import follow, rearm
from callcontrol.cdr import CdrChange
from callcontrol.errors import JournalError, SessionError, WireError
from callcontrol.esl.event import Event
from dialplan import E164, ServiceNumber
from tariffs import STEP

DESTINATION = "destination"
PLAN = "plan"

# What the journal calls the changes of a call: this and their number, from 0.
CHANGE = "change."

NOT_METERED = "the call is not metered"
NOT_ALLOWED = "the number does not allow it"
NOT_KEPT = "it could not be kept in the journal"
TOO_MANY = "too many changes in one call"

# A call whose destination plays with the keys must not fill the journal.
_MOST_CHANGES = 1000

# What waits to be dealt with, of one call.
_MOST_WAITING = 100

_BEFORE_ANSWER = frozenset({CallState.RECEIVED, CallState.ROUTED, CallState.DIALLING})


def ask_level(
    call: Call,
    level: int,
    engine: Engine,
    *,
    by: str,
    asked_us: int,
    at_us: int | None = None,
    request: int | None = None,
) -> AsyncResult[CdrChange]:
    """Ask for another level in a running call.

    Args:
        call: the call, in whatever state.
        level: the number asked for, any.
        engine: everything else.
        by: who asks, for the record.
        asked_us: when; microseconds since the epoch.
        at_us: from when it shall hold, not in the future; None: from `asked_us` on.
        request: the number of the row that asks, if it was one.

    Returns:
        set with what came of it: in force and since when, or refused and why. Of a call that
        is still ringing it waits for the answer.

    Switches: no.
    """
    asked = Asked(
        change=CdrChange(level=level, asked_us=asked_us, by=by, request=request),
        at_us=asked_us if at_us is None else at_us,
    )
    if len(call.asked) >= _MOST_WAITING or len(call.changes) >= _MOST_CHANGES:
        if "level_changes_dropped" not in call.flags:
            call.flags.append("level_changes_dropped")
        asked.outcome.set(replace(asked.change, refused=TOO_MANY))
        return asked.outcome
    call.asked.append(asked)
    if call.state not in _BEFORE_ANSWER:
        deal_with_changes(call, engine)
    return asked.outcome


def deal_with_changes(call: Call, engine: Engine) -> None:
    """Deal with what is asked of a call that is answered, or over, beside it. Switches: no."""
    if (call.asked or call.to_tell) and call.changing is None:
        call.changing = gevent.spawn(_deal, call, engine)


def settle_changes(call: Call, engine: Engine) -> None:
    """Let what was asked before the end of a call come to its own end, before the record.

    Switches: waits for the disk, at most the journal's deadline for each change.
    """
    deal_with_changes(call, engine)
    if call.changing is not None:
        call.changing.join()


def heard(event: Event, engine: Engine) -> None:
    """Take a key that the switch heard on a leg of a call, whoever's it is. Switches: no."""
    call = engine.live_calls.find(event.uuid)
    if call is not None:
        if call.on_key is not None:
            call.on_key(event)
        return
    call = engine.live_calls.find(event.other_leg_uuid or "")
    if call is None or call.state is not CallState.ANSWERED:
        return
    try:
        pressed_us = event.event_us or engine.clock.now_us()
    except WireError:
        return
    if call.keys is None:
        call.keys = LevelKeys()
    level = call.keys.press(event.header("DTMF-Digit") or "", pressed_us)
    if level is not None:
        ask_level(call, level, engine, by=DESTINATION, asked_us=pressed_us)


def number_of(call: Call, engine: Engine) -> ServiceNumber | None:
    """Give the number of a call: as it was decided, or as it is now for one taken over."""
    if call.decision is not None:
        return call.decision.number
    return engine.reference().directory.numbers.get(E164(call.draft.number or ""))


def _deal(call: Call, engine: Engine) -> None:
    """Deal with what is asked of a call until nothing is."""
    try:
        while call.asked or call.to_tell:
            if call.to_tell is not None:
                _tell_first(call, engine)
                continue
            asked = call.asked[0]
            try:
                change = _dealt_with(call, asked, engine)
            except Exception:
                # A border: a mistake in one change must not stop the next one, nor the call.
                engine.log.exception("level_change_failed", call_id=call.call_id)
                change = replace(asked.change, refused="it went wrong")
            call.asked.popleft()
            asked.outcome.set(change)
    finally:
        call.changing = None


def _tell_first(call: Call, engine: Engine) -> None:
    """Tell the caller of what comes by the table itself: that has an instant to keep."""
    tell, call.to_tell = call.to_tell, None
    try:
        if tell is not None:
            tell()
    except Exception:
        # A border, as below: what was not told is not charged.
        engine.log.exception("telling_failed", call_id=call.call_id)


def _dealt_with(call: Call, asked: Asked, engine: Engine) -> CdrChange:
    change, at_us = asked.change, max(asked.at_us, call.told_us)
    refused = _obstacle(call, change, at_us, engine)
    if refused is None:
        told = told_of_change(call, change.level, at_us, engine)
        # The world has gone on meanwhile, and a step may have come before.
        at_us = max(at_us, told.in_force_us)
        refused = told.refused or _obstacle(call, change, at_us, engine)
    change = kept_change(call, change, at_us, refused, engine)
    if change.in_force_us is not None:
        _put_in_force(call, change, change.in_force_us, engine)
    tell_operator(call, change, engine)
    return change


def kept_change(
    call: Call, change: CdrChange, at_us: int, refused: str | None, engine: Engine
) -> CdrChange:
    """Write down what becomes of a change, before it counts.

    Args:
        call: its changes are added to.
        change: as it was asked for.
        at_us: from when it shall hold, microseconds since the epoch.
        refused: why it shall not; None: it shall.
        engine: everything else.

    Returns:
        The change in force, or refused, because it could not be kept if for nothing else.

    Switches: waits for the disk, at most the journal's deadline.
    """
    number = len(call.changes)
    if refused is None:
        change = replace(change, in_force_us=at_us)
        try:
            engine.journal.keep(call.call_id, {f"{CHANGE}{number}": change.to_fact()})
        except JournalError as exc:
            engine.log.warning("level_not_kept", call_id=call.call_id, reason=str(exc))
            refused = NOT_KEPT
    if refused is not None:
        change = replace(change, in_force_us=None, refused=refused)
        # It takes the place of what could not be kept, should that be written yet.
        engine.journal.noted(call.call_id, {f"{CHANGE}{number}": change.to_fact()})
    call.changes.append(change)
    return change


def _obstacle(call: Call, change: CdrChange, at_us: int, engine: Engine) -> str | None:
    """Say what stands in the way of a change, or None. Switches: no."""
    if call.state is not CallState.ANSWERED:
        return HAD_ENDED
    if call.meter is None:
        return NOT_METERED
    if change.by == DESTINATION:
        number = number_of(call, engine)
        if number is None or not number.level_keys:
            return NOT_ALLOWED
    return call.meter.would_refuse(change.level, at_us)


def _put_in_force(call: Call, change: CdrChange, at_us: int, engine: Engine) -> None:
    if call.meter is None:
        return
    call.meter.change_level(change.level, at_us, by=change.by)
    call.level_now = change.level
    call.told_us = at_us
    follow(call, engine)
    rearm(call, engine)
    keep_on_switch(call, engine)
    advise_change(call, engine)
    engine.live_calls.changed()


def keep_on_switch(call: Call, engine: Engine) -> None:
    """Have the switch keep the changes too, should the journal be lost with its disk."""
    kept = keep_changes(call)
    if kept is not None:
        # Without a link the journal alone has this one.
        with suppress(SessionError):
            engine.link.post(kept)


def tell_operator(call: Call, change: CdrChange, engine: Engine) -> None:
    """Count and log what became of a change. Switches: no."""
    is_refused = change.refused is not None
    kind = change.by if change.by in (DESTINATION, PLAN, STEP) else "request"
    engine.metrics.level_changes.labels(kind, "refused" if is_refused else "applied").inc()
    engine.log.info(
        "level_refused" if is_refused else "level_changed",
        call_id=call.call_id,
        to_level=change.level,
        by=change.by,
        asked_us=change.asked_us,
        **({"reason": change.refused} if is_refused else {"in_force_us": change.in_force_us}),
    )
