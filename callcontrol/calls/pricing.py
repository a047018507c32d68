"""What a call costs its caller and brings its customer, put into its record at the end."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from callcontrol.calls.call import Call
from callcontrol.cdr import Cdr, CdrChange, CdrCharge, CdrLine, CdrSegment, CdrSettlement
from callcontrol.cdr.free_time import free_times
from dialplan import kind_of_line, parse_target
from tariffs import STEP, FreeTime, Meter, Rated, settle

HAD_ENDED = "the call had ended"


def charged_from_us(call: Call, answered_us: int) -> int:
    """Say when charging starts: at the answer, but never before the wait after the price."""
    waits = (one.charged_from_us for one in call.announcements)
    return max(answered_us, *(until_us for until_us in waits if until_us is not None), 0)


def meter_of(call: Call, start_us: int) -> Meter | None:
    """Make the meter of a call, as all the changes so far have left it.

    Args:
        call: for its tariff, the level it starts at and its changes.
        start_us: when charging starts, microseconds since the epoch.

    Returns:
        None for a call that costs nothing.
    """
    if call.tariff is None or call.level is None:
        return None
    meter = Meter(call.tariff, level=call.level, start_us=start_us)
    tell(meter, call.changes, free_times(call.announcements, start_us))
    return meter


def tell(
    meter: Meter,
    changes: Iterable[CdrChange],
    free: Iterable[FreeTime] = (),
    *,
    until_us: int | None = None,
) -> tuple[CdrChange, ...]:
    """Tell a meter the changes of a call, in order; gives what became of each.

    Args:
        meter: told nothing yet.
        changes: those that were refused are passed over.
        free: when time cost nothing, in order.
        until_us: the end of the call: what was to be in force then or later never was.
    """
    turns = deque(_turns(free, until_us))
    outcome = []
    for one in changes:
        if one.in_force_us is not None:
            if until_us is not None and one.in_force_us >= until_us:
                refused: str | None = HAD_ENDED
            else:
                _tell_turns(meter, turns, one.in_force_us)
                refusal = meter.change_level(one.level, one.in_force_us, by=one.by)
                refused = None if refusal is None else refusal.reason
            if refused is not None:
                one = replace(one, in_force_us=None, refused=refused)
        outcome.append(one)
    _tell_turns(meter, turns, None)
    return tuple(outcome)


def _turns(free: Iterable[FreeTime], until_us: int | None) -> Iterator[tuple[int, bool]]:
    """List when free time begins (True) and ends (False), before the end of the call."""
    for one in free:
        for at_us, is_free in ((one.from_us, True), (one.until_us, False)):
            if at_us is not None and (until_us is None or at_us < until_us):
                yield at_us, is_free


def _tell_turns(meter: Meter, turns: deque[tuple[int, bool]], until_us: int | None) -> None:
    while turns and (until_us is None or turns[0][0] <= until_us):
        at_us, is_free = turns.popleft()
        if is_free:
            meter.free_from(at_us)
        else:
            meter.free_until(at_us)


def priced(cdr: Cdr, call: Call) -> Cdr:
    """Price a call that is over and put charge, changes and settlement into its record.

    The meter that ran with the call has shown what it costs; the record is priced by a new one,
    told the same, because only now is it known which changes came before the end, and because a
    meter may not have been started when the answer was not seen.

    Args:
        cdr: the record with its times.
        call: for its meter, tariff, changes and terms.
    """
    if cdr.answered_us is None or call.tariff is None or call.level is None:
        return replace(
            cdr, level_at_start=None, tariff=None, tariff_version="", tariff_class=None
        )
    start_us = charged_from_us(call, cdr.answered_us)
    released_us = cdr.answered_us if cdr.released_us is None else cdr.released_us
    meter = Meter(call.tariff, level=call.level, start_us=start_us)
    free = free_times(call.announcements, start_us)
    changes = tell(meter, call.changes, free, until_us=released_us)
    rated = meter.stop(max(released_us, start_us))
    if released_us < start_us:
        rated = _never_begun(rated)
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
        changes=tuple(sorted((*changes, *_steps(rated)), key=lambda one: one.asked_us)),
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


def _steps(rated: Rated) -> Iterator[CdrChange]:
    """Tell of the automatic steps."""
    for applied in rated.applied:
        if applied.by == STEP:
            at_us = applied.at_us
            yield CdrChange(level=applied.level, asked_us=at_us, by=STEP, in_force_us=at_us)
    for refused in rated.refused:
        if refused.by == STEP:
            yield CdrChange(
                level=refused.level, asked_us=refused.at_us, by=STEP, refused=refused.reason
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
