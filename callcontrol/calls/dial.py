"""Try targets in order until one answers or the dialplan says stop."""

from __future__ import annotations

import uuid

from callcontrol.calls.announce import announce
from callcontrol.calls.call import Call, LegUuid, Try
from callcontrol.calls.dialstring import bridge_argument, destination_of
from callcontrol.calls.engine import Engine
from callcontrol.calls.figures import count_try
from callcontrol.calls.hangup import refuse
from callcontrol.calls.kept_facts import keep
from callcontrol.calls.state import CallState
from callcontrol.errors import CommandTimeout, SessionGone
from callcontrol.esl import command
from callcontrol.esl.event import Event
from callcontrol.esl.session import Session
from dialplan import Attempt, Connect, Dial, Stop, next_attempt, outcome_of

# What the switch may take beyond the ring time to tell us that a bridge has ended.
_GRACE_S = 10.0


def connect(
    session: Session, call: Call, decision: Connect, engine: Engine, *, on_answer: str | None
) -> bool:
    """Dial until somebody answers; release the caller when nobody does.

    Args:
        session: the call's own socket.
        call: the call; its tries are added to.
        decision: the route and what may be shown.
        engine: everything else.
        on_answer: the api command that the switch runs at the answer.

    Returns:
        True when a destination answered and both legs are bridged.

    Raises:
        SessionGone: the caller has left.
        CommandTimeout: the switch says nothing any more.
        CommandRejected: it refused the bridge.

    Switches: waits for the switch, at most the ring time of each step, a message,
    and a little.
    """
    call.move_to(CallState.DIALLING)
    started_s = engine.clock.monotonic_s()
    while True:
        elapsed_s = engine.clock.monotonic_s() - started_s
        attempts = [one.attempt for one in call.tries if one.attempt is not None]
        plan = next_attempt(decision.route, attempts, elapsed_s)
        if isinstance(plan, Stop):
            call.failed = plan.disposition
            if decision.number.failed_message is not None:
                announce(session, call, decision.number.failed_message, engine)
            refuse(session, call, plan.cause)
            return False
        if _dial(session, call, plan, decision, engine, on_answer=on_answer):
            return True


def _dial(
    session: Session,
    call: Call,
    dial: Dial,
    decision: Connect,
    engine: Engine,
    *,
    on_answer: str | None,
) -> bool:
    """Ring the branches of one plan; says whether one of them answered and is bridged."""
    this = Try(
        dial=dial,
        leg_uuids=tuple(LegUuid(str(uuid.uuid4())) for _ in dial.branches),
        started_us=engine.clock.now_us(),
    )
    call.tries.append(this)
    argument = bridge_argument(
        dial,
        [
            destination_of(branch, leg_uuid, dial=dial, call=call, decision=decision)
            for branch, leg_uuid in zip(dial.branches, this.leg_uuids, strict=True)
        ],
        profile=engine.settings.sip_profile,
        progress_s=engine.settings.progress_deadline_s,
        on_answer=on_answer,
        hides_keys=decision.number.level_keys,
    )
    first = [keep(call, engine.settings.engine)]
    if len(call.tries) == 1:
        # The switch's dialplan has armed a hangup against an engine that takes a call and dies.
        first.insert(0, command.api("sched_del", call.leg_uuid))
    this.application_uuid = session.execute("bridge", argument, first=first)
    if len(call.tries) == 1:
        engine.metrics.first_command_seconds.observe(
            engine.clock.monotonic_s() - call.accepted_s
        )
    engine.log.info(
        "attempt_started",
        call_id=call.call_id,
        step=dial.step + 1,
        targets=[branch.target.address for branch in dial.branches],
        gateways=[branch.gateway for branch in dial.branches],
    )
    try:
        attempt = _outcome(session, call, this, engine)
    finally:
        count_try(this, engine.metrics)
    engine.log.info(
        "attempt_ended",
        call_id=call.call_id,
        step=dial.step + 1,
        outcome="answered" if attempt.is_answered else outcome_of(attempt.cause),
        cause=attempt.cause,
    )
    return attempt.is_answered


def _outcome(session: Session, call: Call, this: Try, engine: Engine) -> Attempt:
    """Wait until a try is answered or has failed."""
    patience_s = this.dial.ring_s + _GRACE_S
    deadline_s = engine.clock.monotonic_s() + patience_s
    while this.attempt is None:
        event = session.next_event(max(0.0, deadline_s - engine.clock.monotonic_s()))
        if event is None:
            raise CommandTimeout("bridge", patience_s, leg_uuid=call.leg_uuid)
        _take_in(event, call, this)
    return this.attempt


def _take_in(event: Event, call: Call, this: Try) -> None:
    """Note what one event tells of a try.

    With early media the bridge comes before the answer, else after it: both must have come.

    Raises:
        SessionGone: it tells that the caller has left.
    """
    if call.ringing_us is None:
        rang_us = event.progress_us or event.progress_media_us
        # Media that was opened for an announcement, before this try, tells of no ringing.
        if rang_us is not None and rang_us >= this.started_us:
            call.ringing_us = this.ringing_us = rang_us
    match event.name:
        case "CHANNEL_EXECUTE" if event.application_uuid == this.application_uuid:
            this.started_us = event.event_us or this.started_us
        case "CHANNEL_BRIDGE":
            this.answered_leg = event.other_leg_uuid
        case "CHANNEL_EXECUTE_COMPLETE" if event.application_uuid == this.application_uuid:
            _ended(event, this)
        case "CHANNEL_HANGUP":
            raise SessionGone("the caller has left", leg_uuid=call.leg_uuid)
    if this.answered_leg is not None and event.answered_us is not None:
        call.answered_us = this.answered_us = event.answered_us
        this.attempt = Attempt(dial=this.dial, cause="SUCCESS", is_answered=True)


def _ended(event: Event, this: Try) -> None:
    """Note why a bridge failed, of each branch alone where the switch tells.

    `originate_disposition` is the cause of the whole. Application-Response means nothing, and
    `originate_failed_cause` and `last_bridge_*` may be left over from an earlier bridge.
    """
    told = leg_causes(event)
    this.ended_us = event.event_us
    this.attempt = Attempt(
        dial=this.dial,
        cause=event.variable("originate_disposition") or "NORMAL_TEMPORARY_FAILURE",
        causes=tuple(told.get(leg_uuid) for leg_uuid in this.leg_uuids),
    )
    answer = event.variable("last_bridge_proto_specific_hangup_cause") or ""
    if len(this.leg_uuids) == 1 and answer.startswith("sip:") and answer[4:].isdigit():
        this.sip_code = int(answer[4:])


def leg_causes(event: Event) -> dict[str, str]:
    """Read why each leg that did not answer ended, by its uuid; of all tries of the call."""
    pairs = (pair.partition(";") for pair in event.list_variable("originate_causes"))
    return {leg_uuid: cause for leg_uuid, _, cause in pairs if cause not in ("", "NONE")}
