"""The record of a call, built from what we did and what the switch says of the leg's end.

A draft of it is made when the call is decided and again when it is answered, and goes to the
journal: with the draft and the switch's word alone, whoever takes the call over can finish it.

The switch's last word, CHANNEL_HANGUP_COMPLETE, decides over what we saw before: a call whose
answer crossed the caller's hanging up was answered if the switch says so, and is charged.
Times are the switch's microseconds throughout, never those of our reading its events.
"""

from __future__ import annotations

from dataclasses import replace

from callcontrol.calls.call import Call, Try
from callcontrol.calls.dial import leg_causes
from callcontrol.calls.pricing import priced
from callcontrol.cdr import Cdr, CdrAttempt
from callcontrol.cdr.record import ClosedHow, Disposition, ReleasedBy
from callcontrol.esl import switch_cdrs
from callcontrol.esl.event import Event
from dialplan import Connect, Release, q850_of, sip_code_of

_BY_CALLER = frozenset({"recv_bye", "recv_cancel"})
_CAUSE_UNKNOWN = "NORMAL_UNSPECIFIED"
_ANSWERED = 200
_LOST = "LOSE_RACE"
_SHUTDOWN = "SYSTEM_SHUTDOWN"  # both legs end with it


def draft_of(call: Call, engine: str) -> Cdr:
    """Write down what is known of a call before its end; the rest says so.

    Args:
        call: the call.
        engine: the engine's name.
    """
    decision = call.decision
    number = decision.number if decision else None
    return Cdr(
        call_id=call.call_id,
        switch_uuid=call.leg_uuid,
        switch=call.switch,
        engine=engine,
        dialled=call.dialled,
        number=number.number if number else None,
        category=number.category if number else None,
        customer=number.customer_id if number else None,
        caller=call.caller.number,
        caller_raw=call.caller.raw,
        caller_withheld=call.caller.withheld,
        origin=call.origin,
        received_us=call.received_us,
        routed_us=call.routed_us,
        ringing_us=call.ringing_us,
        answered_us=call.answered_us,
        disposition=decision.disposition.value if isinstance(decision, Release) else "failed",
        released_by="unknown",
        hangup_cause=_CAUSE_UNKNOWN,
        rule=decision.rule if decision else "not decided",
        presentation=str(decision.presentation) if isinstance(decision, Connect) else None,
        level_at_start=call.level,
        tariff=call.tariff.name if call.tariff else None,
        tariff_version=call.tariff.version if call.tariff else "",
        tariff_class=call.tariff.charge_class if call.tariff else None,
        attempts=tuple(attempt for one in call.tries for attempt in _attempts(one)),
        announcements=tuple(call.announcements),
        other_leg_uuid=call.tries[-1].answered_leg if call.tries else None,
    )


def cdr_of(call: Call, ended: Event | None) -> Cdr:
    """Finish the record of a call that is over.

    Args:
        call: the call, with its draft.
        ended: the switch's CHANNEL_HANGUP_COMPLETE; None when the end was not seen: the call is
            closed at the last instant at which the switch had it, and marked `reconciled`.
    """
    answered_us = (ended.answered_us if ended else None) or call.answered_us
    released_us = (ended.hangup_us if ended else None) or call.seen_us
    flags = call.flags
    if released_us < (answered_us or call.received_us):
        # A clock was set back. No duration is negative, and somebody should know.
        flags = [*flags, "clock_ran_backwards"]
        released_us = answered_us or call.received_us
    cause = (ended.hangup_cause if ended else None) or call.released or _CAUSE_UNKNOWN
    is_answered = answered_us is not None
    attempts = tuple(
        _ended(attempt, ended, released_us, cause) for attempt in call.draft.attempts
    )
    return replace(
        call.draft,
        answered_us=answered_us,
        released_us=released_us,
        disposition=_disposition(call, ended, is_answered=is_answered),
        released_by=_released_by(call, ended, cause, is_answered=is_answered),
        hangup_cause=cause,
        q850=q850_of(cause),
        sip_code=_sip_code(call, ended, cause, is_answered=is_answered),
        attempts=attempts,
        closed_how=_closed_how(call, ended),
        flags=tuple(flags),
        **priced(call, answered_us=answered_us, released_us=released_us, attempts=attempts),
    )


def unfinished(call: Call, ended: Event | None) -> Cdr:
    """Write down what is certain of a call whose record cannot be finished."""
    answered_us = (ended.answered_us if ended else None) or call.answered_us
    return replace(
        call.draft,
        answered_us=answered_us,
        released_us=(ended.hangup_us if ended else None) or call.seen_us,
        disposition=call.draft.disposition if answered_us is None else "answered",
        closed_how=_closed_how(call, ended),
        flags=(*call.flags, "unfinished"),
    )


def _closed_how(call: Call, ended: Event | None) -> ClosedHow:
    if ended is None:
        return "reconciled"
    is_told = ended.name != switch_cdrs.NAME
    return "normal" if is_told and not call.is_adopted else "recovered"


def _disposition(call: Call, ended: Event | None, *, is_answered: bool) -> Disposition:
    if is_answered:
        return "answered"
    if call.level is None:
        return call.draft.disposition
    if call.failed is not None:
        return call.failed.value
    if ended is not None and ended.variable("sip_hangup_disposition") in _BY_CALLER:
        return "abandoned"
    return "failed"


def _released_by(
    call: Call, ended: Event | None, cause: str, *, is_answered: bool
) -> ReleasedBy:
    """Say who ended the call; the switch's own hold acts for us."""
    if ended is None:
        return "engine" if call.released else "unknown"
    if ended.variable("sip_hangup_disposition") in _BY_CALLER:
        return "caller"
    if cause == call.released or cause == "ALLOTTED_TIMEOUT":
        return "engine"
    if cause == _SHUTDOWN:
        return "switch"
    if is_answered and cause == ended.variable("bridge_hangup_cause"):
        return "destination"
    return "switch"


def _sip_code(call: Call, ended: Event | None, cause: str, *, is_answered: bool) -> int | None:
    """Say what the caller's INVITE was answered with."""
    if is_answered:
        return _ANSWERED
    if ended is None:
        return None
    told = ended.variable("sip_term_status") or ""
    if told.isascii() and told.isdigit():
        return int(told)
    return call.sip_code or sip_code_of(cause)


def _attempts(one: Try) -> tuple[CdrAttempt, ...]:
    """Tell of each branch of a try alone; of one that goes on the end is not known yet."""
    attempt = one.attempt
    causes = attempt.causes if attempt and attempt.causes else (None,) * len(one.leg_uuids)
    rows = []
    for branch, leg_uuid, own in zip(one.dial.branches, one.leg_uuids, causes, strict=True):
        has_answered = leg_uuid == one.answered_leg and one.answered_us is not None
        cause = None
        if attempt is not None and not has_answered:
            cause = _LOST if attempt.is_answered else own or attempt.cause
        rows.append(
            CdrAttempt(
                step=one.dial.step + 1,
                target=branch.target.address,
                gateway=branch.gateway,
                started_us=one.started_us,
                ringing_us=one.ringing_us,
                answered_us=one.answered_us if has_answered else None,
                ended_us=one.answered_us if cause == _LOST else one.ended_us,
                cause=cause,
                q850=q850_of(cause) if cause else None,
                sip_code=_ANSWERED if has_answered else one.sip_code,
                is_answered=has_answered,
                leg_uuid=leg_uuid,
            )
        )
    return tuple(rows)


def _ended(
    attempt: CdrAttempt, ended: Event | None, released_us: int, cause: str
) -> CdrAttempt:
    """Finish an attempt that lasted as long as the call, or rang beside the one that did."""
    if attempt.cause == _LOST:
        told = leg_causes(ended).get(attempt.leg_uuid or "") if ended else None
        return replace(attempt, cause=told, q850=q850_of(told)) if told else attempt
    if attempt.cause is not None:
        return attempt
    return replace(attempt, ended_us=released_us, cause=cause, q850=q850_of(cause))
