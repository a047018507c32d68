"""The laws of a meter, whatever the table and whatever is asked."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tariffs import STEP, FreeTime, Meter, TimeRanBackwards
from tests.property.priced_calls import LAWLESS, PricedCall, priced_calls, tell
from tests.property.slow_meter import SECOND

later = st.one_of(
    st.integers(0, 300).map(lambda whole: whole * SECOND),
    st.integers(0, 10_000 * SECOND),
)


@given(call=priced_calls())
def test_segments_touch_and_sum_to_the_metered_time(call: PricedCall):
    """Segments are in order, each ends where the next begins, and none is left out."""
    rated = call.rated()
    segments = rated.segments

    assert call.start_us == segments[0].from_us
    assert call.end_us == segments[-1].to_us
    assert all(one.to_us == two.from_us for one, two in pairwise(segments))
    assert all(segment.from_us <= segment.to_us for segment in segments)
    assert rated.metered_us == sum(segment.to_us - segment.from_us for segment in segments)


@given(call=priced_calls())
def test_whole_is_the_sum_of_its_parts(call: PricedCall):
    """Lines sum to the total, so do segments; none is negative; tax and net are the charge."""
    rated = call.rated()

    assert rated.exact == sum((line.amount for line in rated.lines), Fraction(0))
    assert rated.exact == sum((segment.amount for segment in rated.segments), Fraction(0))
    assert all(line.amount >= 0 for line in rated.lines)
    assert rated.charge == rated.vat + rated.net


@given(call=priced_calls())
def test_every_started_second_is_in_one_segment(call: PricedCall):
    """The seconds of the segments are the started increments of the whole call."""
    rated = call.rated()
    increments = -(-rated.metered_us // (call.increment_s * SECOND))

    assert increments * call.increment_s == sum(segment.seconds for segment in rated.segments)


@given(call=priced_calls(), more_us=later)
def test_charge_never_falls_as_the_call_gets_longer(call: PricedCall, more_us: int):
    """A longer call never costs less, nor is any total below an earlier one."""
    meter = call.meter()
    shorter, longer = meter.rated(call.end_us), meter.rated(call.end_us + more_us)

    assert shorter.exact <= longer.exact
    assert shorter.charge <= longer.charge


@given(call=priced_calls(), at_us=later)
def test_same_level_changes_nothing(call: PricedCall, at_us: int):
    """Asking for the level in force leaves every figure of the call as it was."""
    asked_us = call.end_us + at_us
    plain, repeated = call.meter(), call.meter()
    latest_us = call.latest_us
    # a step due at the very instant comes after what is asked for
    level = repeated.level_at(asked_us - 1) if asked_us > latest_us else repeated.level
    refusal = repeated.change_level(level, asked_us)

    assert refusal is None
    assert plain.rated(asked_us + 90 * SECOND) == repeated.rated(asked_us + 90 * SECOND)
    assert plain.exhausted_at_us() == repeated.exhausted_at_us()


@given(call=priced_calls(), back_us=st.integers(1, 100 * SECOND))
def test_time_running_backwards_is_refused(call: PricedCall, back_us: int):
    """An instant before the latest one told is refused, and nothing has happened."""
    meter = call.meter()
    latest_us = call.latest_us
    before = meter.rated(call.end_us)

    with pytest.raises(TimeRanBackwards):
        meter.change_level(call.level, latest_us - back_us)
    with pytest.raises(TimeRanBackwards):
        meter.rated(latest_us - back_us)
    assert before == meter.rated(call.end_us)


@given(call=priced_calls(), peeks=st.lists(later, max_size=3))
def test_looking_changes_nothing(call: PricedCall, peeks: list[int]):
    """A call that is looked at, at any instants, ends like one that is not."""
    meter = replace(call, changes=(), free=()).meter()
    for at_us, what in call.told:
        for peek_us in peeks:
            meter.coming(at_us + peek_us)
            meter.rated(at_us + peek_us)
            meter.charge_at(at_us + peek_us)
            meter.level_at(at_us + peek_us)
        meter.exhausted_at_us()
        tell(meter, at_us, what)

    assert call.rated() == meter.stop(call.end_us)


@given(call=priced_calls())
def test_meter_is_rebuilt_from_its_changes(call: PricedCall):
    """A meter rebuilt from start, level, changes and free time gives every figure."""
    first = call.meter()
    second = call.new_meter(changes=first.changes, free=first.free)

    assert first.exhausted_at_us() == second.exhausted_at_us()
    assert first.refusals == second.refusals
    assert first.stop(call.end_us) == second.stop(call.end_us)


@given(call=priced_calls())
def test_refused_changes_leave_no_trace(call: PricedCall):
    """A meter that was asked only what it applied costs the same and runs out as early."""
    full = call.meter()
    refused = {(refusal.at_us, refusal.level) for refusal in full.refusals}
    kept = [change for change in full.changes if (change.at_us, change.level) not in refused]
    lean = Meter(
        call.tariff,
        level=call.level,
        start_us=call.start_us,
        law=call.law,
        withheld=call.withheld,
        changes=kept,
        free=full.free,
    )

    assert full.rated(call.end_us).lines == lean.rated(call.end_us).lines
    assert full.exhausted_at_us() == lean.exhausted_at_us()


@given(call=priced_calls())
def test_charge_never_passes_the_maximum(call: PricedCall):
    """Neither the table's maximum nor the law's is passed, and `capped` says when it bit."""
    rated = call.rated()

    assert rated.charge >= 0
    if rated.capped:
        assert call.maximum == Fraction(rated.charge)
    else:
        assert call.maximum is None or Fraction(rated.charge) <= call.maximum
        unit = Fraction(call.tariff.rounding.to or Decimal("0.000001"))
        assert abs(rated.rounding) < unit


@given(call=priced_calls())
def test_exhaustion_is_the_first_charge_that_passes(call: PricedCall):
    """A call that ends at its exhaustion fits the maximum; one microsecond more does not."""
    meter = call.meter()
    exhausted_us = meter.exhausted_at_us()
    if exhausted_us is None or exhausted_us < call.end_us:
        return
    before, after = meter.rated(exhausted_us), meter.rated(exhausted_us + 1)
    tax = Fraction(0) if call.tariff.includes_vat else Fraction(before.vat_rate)

    assert call.maximum is not None
    assert before.exact * (1 + tax) <= call.maximum or exhausted_us == call.start_us
    assert after.exact * (1 + tax) > call.maximum
    assert after.capped


@given(call=priced_calls())
def test_exhaustion_matters_only_if_passed(call: PricedCall):
    """A call that ended before its exhaustion was cut by the maximum only for rounding."""
    rated = call.rated()
    exhausted_us = rated.exhausted_at_us
    if rated.capped and (exhausted_us is None or exhausted_us >= call.end_us > call.start_us):
        assert rated.rounding > 0


@given(call=priced_calls(), cut_us=st.integers(0, 300 * SECOND))
def test_steps_are_the_table_s_own(call: PricedCall, cut_us: int):
    """Every change applied was asked for or is a step of the level before it."""
    rated = call.meter().rated(call.end_us + cut_us)
    asked = {(at_us, level) for at_us, level in call.changes}
    previous = call.level
    for change in rated.applied:
        if change.by == STEP:
            then = call.tariff.levels[previous].then
            assert then is not None
            assert change.level == then.level
        else:
            assert (change.at_us, change.level) in asked
        previous = change.level


@given(call=priced_calls())
def test_no_price_passes_the_law(call: PricedCall):
    """Freephone costs nothing; shared cost only time, at most 0.075 a minute without VAT."""
    if call.law is LAWLESS:
        return
    rated = call.rated()
    if call.tariff.category == "0800":
        assert rated.exact == 0
    if call.tariff.category == "0842":
        assert {line.kind for line in rated.lines} <= {"time"}
        net = rated.exact
        if call.tariff.includes_vat:
            net /= 1 + Fraction(rated.vat_rate)
        seconds = sum(line.seconds or 0 for line in rated.lines)
        assert net <= Fraction("0.075") * seconds / 60
    if call.tariff.category.startswith("090"):
        for line in rated.lines:
            vat = Fraction(0) if call.tariff.includes_vat else Fraction(rated.vat_rate)
            amount = line.amount * (1 + vat)
            assert amount <= (100 if line.seconds is None else Fraction(line.seconds, 6))


@given(call=priced_calls())
def test_free_time_never_makes_a_call_dearer(call: PricedCall):
    """Free time takes away seconds, and nothing else, as long as nothing else is refused."""
    with_free, without = call.rated(), replace(call, free=()).rated()
    if with_free.refused != without.refused:
        return  # what is saved may let in a change that would have passed the maximum

    assert with_free.exact <= without.exact
    assert with_free.charge <= without.charge
    assert with_free.metered_us == without.metered_us
    assert with_free.applied == without.applied
    kinds = ("per_call", "fixed")
    assert [one for one in with_free.lines if one.kind in kinds] == [
        one for one in without.lines if one.kind in kinds
    ]


@given(call=priced_calls())
def test_no_second_of_free_time_is_charged(call: PricedCall):
    """Whoever hears announcements from the first second to the last pays for no time."""
    throughout = replace(call, free=(FreeTime(from_us=call.start_us),), changes=())
    rated = throughout.rated()

    assert all(line.amount == 0 for line in rated.lines if line.kind == "time")
    assert sum(one.seconds for one in rated.segments) == sum(
        one.seconds for one in call.rated().segments
    )


@given(call=priced_calls())
def test_what_is_coming_is_what_comes(call: PricedCall):
    """Whoever looks ahead from coming to coming sees every step and every fixed charge."""
    meter = call.meter()
    if call.tariff.category == "0800":
        return  # all it could bring costs nothing
    seen = meter.rated(call.latest_us + 1)
    rated = meter.rated(call.end_us)
    came = {line.at_us for line in rated.lines[len(seen.lines) :] if line.kind == "fixed"}
    came |= {change.at_us for change in rated.applied[len(seen.applied) :]}
    foreseen = set()
    at_us = call.latest_us
    while (coming := meter.coming(at_us)) is not None and coming.at_us < call.end_us:
        assert coming.at_us > at_us
        assert coming.in_force == meter.level_at(coming.at_us - 1)
        at_us = coming.at_us
        foreseen.add(at_us)

    assert {one for one in came if one is not None and one > call.latest_us} <= foreseen


@given(call=priced_calls())
def test_what_is_withheld_is_not_charged(call: PricedCall):
    """At those instants no fixed charge costs anything, and no step is made."""
    rated = call.rated()
    spared = {(one.kind, one.at_us) for one in call.withheld}

    for line in rated.lines:
        if ("fixed", line.at_us) in spared and line.kind == "fixed":
            assert line.amount == 0
    assert not [
        one for one in rated.applied if one.by == STEP and ("step", one.at_us) in spared
    ]
