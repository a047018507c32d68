"""The record of a call, built from what we did and what the switch says of the leg's end.

The switch's last word, CHANNEL_HANGUP_COMPLETE, decides over what we saw before: a call whose
answer crossed the caller's hanging up was answered if the switch says so, and is charged.
Times are the switch's microseconds throughout, never those of our reading its events.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from callcontrol.calls.call import Call, Try
from callcontrol.calls.engine import Engine
from callcontrol.cdr import (
    Cdr,
    CdrAttempt,
    CdrChange,
    CdrCharge,
    CdrLine,
    CdrSegment,
    CdrSettlement,
)
from callcontrol.cdr.record import ClosedHow, Disposition, ReleasedBy
from callcontrol.esl.event import Event
from dialplan import Connect, Target, kind_of_line, q850_of, sip_code_of
from tariffs import Meter, Rated, settle

_BY_CALLER = frozenset({"recv_bye", "recv_cancel"})
_CAUSE_UNKNOWN = "NORMAL_UNSPECIFIED"
_ANSWERED = 200


def opening_facts(call: Call) -> Mapping[str, object]:
    """Tell the journal, in plain values, of a call that has begun."""
    decision = call.decision
    return {
        "leg_uuid": call.leg_uuid,
        "switch": call.switch,
        "dialled": call.dialled,
        "caller_raw": call.caller.raw,
        "caller": call.caller.number,
        "caller_withheld": call.caller.withheld,
        "received_us": call.received_us,
        "routed_us": call.routed_us,
        "rule": decision.rule if decision else None,
        "number": decision.number.number if decision and decision.number else None,
        "tariff": call.tariff.name if call.tariff else None,
        "tariff_version": call.tariff.version if call.tariff else None,
        "level": decision.level if isinstance(decision, Connect) else None,
    }


def cdr_of(call: Call, ended: Event | None, engine: Engine) -> Cdr:
    """Build the record of a call that is over.

    Args:
        call: the call.
        ended: the switch's CHANNEL_HANGUP_COMPLETE; None when the end was not seen: the call is
            closed at the last instant at which the switch had it, and marked `reconciled`.
        engine: for the engine's name.
    """
    answered_us = (ended.answered_us if ended else None) or call.answered_us
    released_us = (ended.hangup_us if ended else None) or call.seen_us
    flags = list(call.flags)
    if released_us < (answered_us or call.received_us):
        # A clock was set back. No duration is negative, and somebody should know.
        flags.append("clock_ran_backwards")
        released_us = answered_us or call.received_us
    decision = call.decision
    number = decision.number if decision else None
    cause = (ended.hangup_cause if ended else None) or call.released or _CAUSE_UNKNOWN
    rated = _rated(call, answered_us, released_us)
    closed: ClosedHow = "normal" if ended else "reconciled"
    return Cdr(
        call_id=call.call_id,
        switch_uuid=call.leg_uuid,
        switch=call.switch,
        engine=engine.settings.engine,
        dialled=call.dialled,
        number=number.number if number else None,
        category=number.category if number else None,
        customer=number.customer_id if number else None,
        caller=call.caller.number,
        caller_raw=call.caller.raw,
        caller_withheld=call.caller.withheld,
        received_us=call.received_us,
        routed_us=call.routed_us,
        ringing_us=call.ringing_us,
        answered_us=answered_us,
        released_us=released_us,
        disposition=_disposition(call, is_answered=answered_us is not None),
        released_by=_released_by(call, ended, cause, is_answered=answered_us is not None),
        hangup_cause=cause,
        q850=q850_of(cause),
        sip_code=_sip_code(call, ended, cause, is_answered=answered_us is not None),
        rule=decision.rule if decision else "not decided",
        presentation=str(decision.presentation) if isinstance(decision, Connect) else None,
        attempts=tuple(
            attempt
            for one in call.tries
            for attempt in _attempts(one, answered_us, released_us, cause)
        ),
        other_leg_uuid=call.tries[-1].answered_leg if call.tries else None,
        closed_how=closed,
        flags=tuple(flags),
        **_money(call, rated, answered_us, released_us),
    )


def _rated(call: Call, answered_us: int | None, released_us: int) -> Rated | None:
    """Stop the meter; one that was not started, because the answer was not seen, runs now."""
    if answered_us is None or call.tariff is None or not isinstance(call.decision, Connect):
        return None
    meter = call.meter or Meter(call.tariff, level=call.decision.level, start_us=answered_us)
    call.meter = meter
    return meter.stop(released_us)


def _disposition(call: Call, *, is_answered: bool) -> Disposition:
    if is_answered:
        return "answered"
    if call.decision is None:
        return "failed"
    if not isinstance(call.decision, Connect):
        return call.decision.disposition.value
    if call.failed is not None:
        return call.failed.value
    return "failed" if call.released else "abandoned"


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


def _attempts(
    one: Try, answered_us: int | None, released_us: int, cause: str
) -> tuple[CdrAttempt, ...]:
    """Tell of each branch of a try alone; one that was still ringing ended with the call."""
    attempt = one.attempt
    causes = attempt.causes if attempt and attempt.causes else (None,) * len(one.leg_uuids)
    rows = []
    for branch, leg_uuid, own in zip(one.dial.branches, one.leg_uuids, causes, strict=True):
        has_answered = leg_uuid == one.answered_leg and answered_us is not None
        why = cause if has_answered or attempt is None else own or attempt.cause
        if attempt is not None and attempt.is_answered and not has_answered:
            why = "LOSE_RACE"
        rows.append(
            CdrAttempt(
                step=one.dial.step + 1,
                target=branch.target.address,
                gateway=branch.gateway,
                started_us=one.started_us,
                ringing_us=one.ringing_us,
                answered_us=answered_us if has_answered else None,
                ended_us=one.ended_us or released_us,
                cause=why,
                q850=q850_of(why),
                sip_code=_ANSWERED if has_answered else one.sip_code,
                is_answered=has_answered,
                leg_uuid=leg_uuid,
            )
        )
    return tuple(rows)


class _Money(TypedDict, total=False):
    """The fields of a record that tell of time and money."""

    metered_us: int
    level_at_start: int | None
    tariff: str | None
    tariff_version: str
    segments: tuple[CdrSegment, ...]
    lines: tuple[CdrLine, ...]
    changes: tuple[CdrChange, ...]
    charge: CdrCharge | None
    settlement: CdrSettlement | None


def _money(
    call: Call, rated: Rated | None, answered_us: int | None, released_us: int
) -> _Money:
    if rated is None or call.tariff is None or not isinstance(call.decision, Connect):
        return {}
    return {
        "metered_us": rated.metered_us,
        "level_at_start": call.decision.level,
        "tariff": call.tariff.name,
        "tariff_version": call.tariff.version,
        "segments": tuple(
            CdrSegment(
                level=one.level,
                from_us=one.from_us,
                to_us=one.to_us,
                seconds=one.seconds,
                amount=one.amount,
            )
            for one in rated.segments
        ),
        "lines": tuple(
            CdrLine(
                kind=one.kind,
                level=one.level,
                amount=one.amount,
                at_us=one.at_us,
                from_us=one.from_us,
                to_us=one.to_us,
                seconds=one.seconds,
            )
            for one in rated.lines
        ),
        "changes": (
            *(
                CdrChange(level=one.level, asked_us=one.at_us, by=one.by, in_force_us=one.at_us)
                for one in rated.applied
            ),
            *(
                CdrChange(level=one.level, asked_us=one.at_us, by=one.by, refused=one.reason)
                for one in rated.refused
            ),
        ),
        "charge": CdrCharge(
            gross=rated.charge,
            net=rated.net,
            vat=rated.vat,
            vat_rate=rated.vat_rate,
            exact=rated.exact,
            rounding=rated.rounding,
            is_capped=rated.capped,
            currency=rated.currency,
        ),
        "settlement": _settlement(call, rated, answered_us, released_us),
    }


def _settlement(
    call: Call, rated: Rated, answered_us: int | None, released_us: int
) -> CdrSettlement | None:
    target = _answered_target(call)
    if call.settlement is None or target is None or answered_us is None:
        return None
    kind = kind_of_line(target)
    settled = settle(rated, call.settlement, transport_us=released_us - answered_us, kind=kind)
    return CdrSettlement(
        share=settled.share,
        transport=settled.transport,
        payout=settled.payout,
        kind=kind,
        currency=rated.currency,
    )


def _answered_target(call: Call) -> Target | None:
    for one in reversed(call.tries):
        for branch, leg_uuid in zip(one.dial.branches, one.leg_uuids, strict=True):
            if leg_uuid == one.answered_leg:
                return branch.target
    return None
