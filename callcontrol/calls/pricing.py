"""What a call costs its caller and brings its customer, put into its record at the end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

from callcontrol.calls.call import Call
from callcontrol.calls.meters import tell
from callcontrol.calls.withheld import NOT_TOLD, withheld_of
from callcontrol.cdr import (
    CdrAttempt,
    CdrChange,
    CdrCharge,
    CdrLine,
    CdrSegment,
    CdrSettlement,
)
from callcontrol.cdr.free_time import free_times
from callcontrol.cdr.metered import charged_from_us
from dialplan import kind_of_line, parse_target
from tariffs import STEP, Meter, Rated, Withheld, settle


def priced(
    call: Call,
    *,
    answered_us: int | None,
    released_us: int | None,
    attempts: Sequence[CdrAttempt],
) -> Mapping[str, Any]:
    """Price a call that is over: charge, changes and settlement, as its record has them.

    The meter that ran with the call has shown what it costs; the record is priced by a new one,
    told the same, because only now is it known which changes came before the end, and because a
    meter may not have been started when the answer was not seen.

    Args:
        call: for its meter, tariff, changes and terms.
        answered_us: the switch's instant of the answer, microseconds since the epoch.
        released_us: that of the end.
        attempts: for the line that answered.

    Returns:
        the fields of the record.
    """
    if answered_us is None or call.tariff is None or call.level is None:
        return {
            "level_at_start": None,
            "tariff": None,
            "tariff_version": "",
            "tariff_class": None,
        }
    start_us = charged_from_us(call.announcements, answered_us)
    released_us = answered_us if released_us is None else released_us
    withheld = withheld_of(call, start_us, max(released_us, start_us))
    meter = Meter(call.tariff, level=call.level, start_us=start_us, withheld=withheld)
    free = free_times(call.announcements, start_us)
    changes = tell(meter, call.changes, free, until_us=released_us)
    changes = (*changes, *_untold_steps(call, changes, withheld))
    rated = meter.stop(max(released_us, start_us))
    if released_us < start_us:
        rated = _never_begun(rated)
    return {
        "metered_us": rated.metered_us,
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
        "changes": tuple(sorted((*changes, *_steps(rated, changes)), key=_instant_us)),
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
        "settlement": _settled(attempts, call, rated, transport_us=released_us - answered_us),
    }


def _never_begun(rated: Rated) -> Rated:
    """Price a call that ended before anything could be charged: not even its base fee."""
    nothing = Decimal("0.00")
    return replace(
        rated,
        charge=nothing,
        exact=Fraction(0),
        rounding=Fraction(0),
        capped=False,
        vat=nothing,
        net=nothing,
        metered_us=0,
        segments=(),
        lines=(),
    )


def _untold_steps(
    call: Call, changes: Iterable[CdrChange], withheld: Iterable[Withheld]
) -> Iterator[CdrChange]:
    """Tell of the automatic steps that were withheld while nobody was there to try."""
    tried = {one.asked_us for one in changes if one.by == STEP}
    for one in withheld:
        if one.kind == "step" and one.at_us not in tried and one.level is not None:
            yield CdrChange(level=one.level, asked_us=one.at_us, by=STEP, refused=NOT_TOLD)


def _instant_us(change: CdrChange) -> int:
    """Say where a change stands among others: as the meter was told them, from when each held.

    By when they were asked for, one that was found late would stand before its time.
    """
    return change.asked_us if change.in_force_us is None else change.in_force_us


def _steps(rated: Rated, told: Iterable[CdrChange]) -> Iterator[CdrChange]:
    """Tell of the automatic steps that came by themselves."""
    later = {one.in_force_us for one in told if one.by == STEP}
    for applied in rated.applied:
        if applied.by == STEP and applied.at_us not in later:
            at_us = applied.at_us
            yield CdrChange(level=applied.level, asked_us=at_us, by=STEP, in_force_us=at_us)
    for refused in rated.refused:
        if refused.by == STEP:
            yield CdrChange(
                level=refused.level, asked_us=refused.at_us, by=STEP, refused=refused.reason
            )


def _settled(
    attempts: Sequence[CdrAttempt], call: Call, rated: Rated, *, transport_us: int
) -> CdrSettlement | None:
    answered = next((one for one in attempts if one.is_answered), None)
    if call.settlement is None or answered is None:
        return None
    gateways = () if answered.gateway is None else (answered.gateway,)
    kind = kind_of_line(parse_target(answered.target, gateways=gateways))
    settled = settle(rated, call.settlement, transport_us=transport_us, kind=kind)
    return CdrSettlement(
        share=settled.share,
        transport=settled.transport,
        payout=settled.payout,
        kind=kind,
        currency=rated.currency,
    )
