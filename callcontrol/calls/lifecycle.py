"""run_call(): the life of a call in one straight function, with one exit that records it.

The call's own socket carries it from `connect` to the bridge and is then closed: an open one
costs the switch 0.5 ms a call-second. From there on everything, the end above all, comes over
the link to the switch, so that a running call is the same thing to the engine that set it up
and to one that takes it over.
"""

from __future__ import annotations

from callcontrol.calls.advice import takes_advice
from callcontrol.calls.announce import announce
from callcontrol.calls.arrival import call_of
from callcontrol.calls.call import Call
from callcontrol.calls.coming import foresee
from callcontrol.calls.dial import connect
from callcontrol.calls.engine import Engine
from callcontrol.calls.figures import count_record, count_refusal
from callcontrol.calls.hangup import (
    WENT_WRONG,
    obstacle,
    refuse,
    release,
)
from callcontrol.calls.level_plan import follow_plan, unfollow_plan
from callcontrol.calls.levels import deal_with_changes, settle_changes
from callcontrol.calls.price_told import tell_price, unspoken_price
from callcontrol.calls.recording import cdr_of, draft_of, unfinished
from callcontrol.calls.state import CallState
from callcontrol.calls.watch import hold_at_answer, unwatch, watch
from callcontrol.cdr import Cdr
from callcontrol.clock import at_of
from callcontrol.errors import CallControlError, JournalError, SessionGone
from callcontrol.esl.event import Event
from callcontrol.esl.session import Session
from callcontrol.routing import decide_from
from dialplan import WITHHELD_REFUSED, Connect, Release

# A call is on the disk before anybody's phone rings, so that a kill leaves no call that nobody
# has noted. For a disk slower than this no caller waits: the switch has a note of its own.
_ON_DISK_S = 0.25

TEST_CALL = "test_call"
"""Flag of a record: the number was not in service yet, and its tester called."""


def run_call(session: Session, engine: Engine) -> None:
    """Live one call: decide, dial, meter, release, record.

    Args:
        session: the call's own socket, just accepted; closed here once the call is set up.
        engine: everything that calls share.

    Raises:
        SessionError: the switch did not say which call this is; there is none to record.

    Switches: waits for the switch, for as long as the call lasts.
    """
    accepted_s = engine.clock.monotonic_s()
    call = received(session.open(engine.settings.connect_deadline_s), accepted_s, engine)
    if not engine.live_calls.add(call):
        # The switch sent the leg here again (a transfer): the call it has already sees to it.
        engine.log.warning("leg_came_twice", call_id=call.call_id)
        return
    engine.metrics.calls_in_progress.set(len(engine.live_calls))
    try:
        set_up(session, call, engine)
    except SessionGone:
        pass  # The caller has left, or the socket broke; the link to the switch tells which.
    except CallControlError as exc:
        engine.metrics.call_errors.labels(type(exc).__name__).inc()
        engine.log.warning("call_failed", call_id=call.call_id, reason=str(exc))
        release(call, exc.hangup_cause, engine)
    except Exception as exc:
        # A border: a mistake of ours in one call must neither leave its caller hanging nor cost
        # its record, and must not reach any other call.
        engine.metrics.call_errors.labels(type(exc).__name__).inc()
        engine.log.exception("call_failed", call_id=call.call_id)
        release(call, WENT_WRONG, engine)
    if call.state is not CallState.ANSWERED:
        # The leg looks at its commands every 20 ms. Were the socket closed before, it would go
        # on in the switch's dialplan and never see our release.
        session.wait_over(engine.settings.command_deadline_s)
    session.close()
    wait_for_end(call, engine)
    record(call, engine)


def received(channel: Event, accepted_s: float, engine: Engine) -> Call:
    """Make a call of the switch's channel. Switches: no."""
    call = call_of(channel, engine)
    call.accepted_s = accepted_s
    engine.log.info(
        "call_received",
        call_id=call.call_id,
        leg_uuid=call.leg_uuid,
        called=call.dialled,
        caller="withheld" if call.caller.withheld else call.caller.raw,
    )
    return call


def set_up(session: Session, call: Call, engine: Engine) -> None:
    """Decide a call and refuse or connect it; when this returns it is answered or released.

    Raises:
        SessionGone: the caller has left.
        CallControlError: the call cannot go on; it is to be released with the error's cause.

    Switches: waits for the disk, at most a quarter of a second, and for the switch, at most
    an announcement, the ringing of the whole route, and a message.
    """
    try:
        decision = decided(call, engine)
    finally:
        call.draft = draft_of(call, engine.settings.engine)
    engine.journal.opened(call.call_id, {"draft": call.draft.to_json()}, wait_s=_ON_DISK_S)
    if isinstance(decision, Connect):
        decision = _told(session, call, decision, engine)
    if isinstance(decision, Release):
        count_refusal(decision, engine.metrics)
        if decision.message is not None:
            announce(session, call, decision.message, engine)
        is_433 = decision.rule == WITHHELD_REFUSED and engine.settings.withheld_refusal == "433"
        answer = "433 Anonymity Disallowed" if is_433 else None
        refuse(session, call, decision.cause, sip_answer=answer)
        return
    if connect(session, call, decision, engine, on_answer=hold_at_answer(call, engine)):
        answered(call, engine)


def decided(call: Call, engine: Engine) -> Connect | Release:
    """Decide a call from the reference in force, which it keeps to its end. Switches: no."""
    started_s = engine.clock.monotonic_s()
    reference = engine.reference()
    at = at_of(call.received_us)
    decision = decide_from(
        reference,
        called=call.dialled,
        caller=call.caller,
        at=at,
        in_progress=engine.live_calls.in_progress,
    )
    if isinstance(decision, Connect):
        call.tariff = reference.tariff_at(decision.tariff, at)
        call.settlement = reference.settlement_of(decision.number.number)
        decision = (
            obstacle(call, decision, engine)
            or unspoken_price(call, decision, engine)
            or decision
        )
    if isinstance(decision, Connect):
        call.level = decision.level
        engine.live_calls.count_in(call, decision.scopes)
    operator = reference.operators.of(call.trunk, call.caller, is_asserted=call.is_asserted)
    call.origin = operator.code if operator else None
    call.takes_advice = takes_advice(call.trunk, reference)
    if decision.number is not None and decision.number.is_test_call(call.caller, at):
        call.flags.append(TEST_CALL)
    call.decision = decision
    call.gateways = reference.directory.gateways
    call.routed_us = max(call.received_us, engine.clock.now_us())
    call.move_to(CallState.ROUTED)
    engine.metrics.decision_seconds.observe(engine.clock.monotonic_s() - started_s)
    engine.log.info(
        "call_decided",
        call_id=call.call_id,
        decision="connect" if isinstance(decision, Connect) else "release",
        rule=decision.rule,
    )
    return decision


def _told(session: Session, call: Call, decision: Connect, engine: Engine) -> Connect | Release:
    """Tell the caller the price where that is due, and decide anew when it ends the call."""
    released = tell_price(session, call, decision, engine)
    if released is not None:
        call.decision, call.level = released, None
    if released is not None or call.announcements:
        call.draft = draft_of(call, engine.settings.engine)
        engine.journal.noted(call.call_id, {"draft": call.draft.to_json()})
    return released or decision


def answered(call: Call, engine: Engine) -> None:
    """Start the meter at the switch's instant of the answer. Switches: no."""
    call.move_to(CallState.ANSWERED)
    start_us = call.answered_us or call.received_us
    engine.metrics.setup_seconds.observe(max(0, start_us - call.received_us) / 1_000_000)
    call.draft = draft_of(call, engine.settings.engine)
    engine.journal.noted(call.call_id, {"draft": call.draft.to_json()})
    watch(call, engine)
    foresee(call, engine)
    follow_plan(call, engine)
    deal_with_changes(call, engine)
    engine.live_calls.changed()
    engine.log.info("call_answered", call_id=call.call_id, at_level=call.level)


def wait_for_end(call: Call, engine: Engine) -> None:
    """Wait until the switch says that the caller's leg is gone, or it is proved to be.

    Switches: waits for the switch. A leg that was answered may last for hours; the regular
    comparison with the switch's own list (resync) ends the wait for one whose end was missed.
    """
    if call.answered_us is not None:
        call.ended.wait()
        return
    # Set-up is over, so the leg is gone or going, unless the socket broke under a live one:
    # that one is released, because a call nobody hears may not be connected unmetered.
    deadline_s = engine.settings.ended_deadline_s
    call.ended.wait(deadline_s)
    if call.ended.ready():
        return
    if release(call, WENT_WRONG, engine):
        call.ended.wait(deadline_s)
    if not call.ended.ready():
        call.ended.set(None)


def record(call: Call, engine: Engine) -> None:
    """Write the one record of a call and forget the call.

    Switches: waits for the disk, at most the journal's deadline, and first for the changes of
    level that are being dealt with.
    """
    settle_changes(call, engine)
    unwatch(call, engine)
    unfollow_plan(call, engine)
    call.move_to(CallState.RELEASED)
    if not call.is_adopted:
        call.draft = draft_of(call, engine.settings.engine)
    ended = call.ended.get()
    try:
        cdr = cdr_of(call, ended)
    except Exception as exc:
        # A border: a record that cannot be finished is kept as far as it goes, and flagged.
        engine.metrics.call_errors.labels(type(exc).__name__).inc()
        engine.log.exception("record_unfinished", call_id=call.call_id)
        cdr = unfinished(call, ended)
    finished_s = engine.clock.monotonic_s()
    try:
        engine.journal.record(cdr)
    except JournalError as exc:
        # The journal keeps what it could not write and writes it when there is room; meanwhile
        # its fault stands in the way of new charged calls.
        engine.metrics.call_errors.labels(type(exc).__name__).inc()
        engine.log.exception("journal_failed", call_id=call.call_id)
    engine.metrics.journal_seconds.observe(engine.clock.monotonic_s() - finished_s)
    call.move_to(CallState.RECORDED)
    engine.live_calls.remove(call)
    _tell(cdr, engine)


def _tell(cdr: Cdr, engine: Engine) -> None:
    engine.metrics.calls_in_progress.set(len(engine.live_calls))
    count_record(cdr, engine.metrics)
    engine.log.info(
        "call_recorded",
        call_id=cdr.call_id,
        disposition=cdr.disposition,
        released_by=cdr.released_by,
        cause=cdr.hangup_cause,
        metered_us=cdr.metered_us,
        charge=str(cdr.charge.gross) if cdr.charge else None,
    )
