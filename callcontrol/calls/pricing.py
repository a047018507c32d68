"""What a finished call costs its caller and brings its customer, put into its record."""

from __future__ import annotations

from dataclasses import replace

from callcontrol.calls.call import Call
from callcontrol.cdr import Cdr, CdrChange, CdrCharge, CdrLine, CdrSegment, CdrSettlement
from dialplan import kind_of_line, parse_target
from tariffs import Meter, Rated, settle


def priced(cdr: Cdr, call: Call) -> Cdr:
    """Stop the call's meter and put charge and settlement into its record.

    A meter that was not started, because the answer was not seen, runs now, over the same time.

    Args:
        cdr: the record with its times.
        call: for its meter, tariff and terms.
    """
    if cdr.answered_us is None or call.tariff is None or call.level is None:
        return replace(cdr, level_at_start=None, tariff=None, tariff_version="")
    if call.meter is None:
        call.meter = Meter(call.tariff, level=call.level, start_us=cdr.answered_us)
    released_us = cdr.answered_us if cdr.released_us is None else cdr.released_us
    rated = call.meter.stop(released_us)
    return replace(
        cdr,
        metered_us=rated.metered_us,
        segments=tuple(
            CdrSegment(
                level=one.level,
                from_us=one.from_us,
                to_us=one.to_us,
                seconds=one.seconds,
                amount=one.amount,
            )
            for one in rated.segments
        ),
        lines=tuple(
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
        changes=(
            *(
                CdrChange(level=one.level, asked_us=one.at_us, by=one.by, in_force_us=one.at_us)
                for one in rated.applied
            ),
            *(
                CdrChange(level=one.level, asked_us=one.at_us, by=one.by, refused=one.reason)
                for one in rated.refused
            ),
        ),
        charge=CdrCharge(
            gross=rated.charge,
            net=rated.net,
            vat=rated.vat,
            vat_rate=rated.vat_rate,
            exact=rated.exact,
            rounding=rated.rounding,
            is_capped=rated.capped,
            currency=rated.currency,
        ),
        settlement=_settled(cdr, call, rated, transport_us=released_us - cdr.answered_us),
    )


def _settled(cdr: Cdr, call: Call, rated: Rated, *, transport_us: int) -> CdrSettlement | None:
    answered = next((one for one in cdr.attempts if one.is_answered), None)
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
