"""Two meters that think differently agree on every charge."""

from __future__ import annotations

from collections import Counter
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from tariffs import Rated
from tests.property.priced_calls import PricedCall, priced_calls, round_calls
from tests.property.slow_meter import SECOND

# A hundred on every run, and as many as the profile says when it says more.
CASES = max(100, settings.default.max_examples)


def by_kind(rated: Rated) -> dict[tuple[int, str], Fraction]:
    """Sum a call's lines as the slow meter does."""
    sums: dict[tuple[int, str], Fraction] = {}
    for line in rated.lines:
        key = (line.level, line.kind)
        sums[key] = sums.get(key, Fraction(0)) + line.amount
    return {key: amount for key, amount in sums.items() if amount}


@settings(max_examples=CASES)
@given(call=st.one_of(priced_calls(), round_calls()))
def test_charge_agrees_with_the_slow_meter(call: PricedCall):
    """Total, charge, VAT, every line, every second and every refusal are the slow meter's."""
    fast = call.rated()
    slow = call.slow(call.end_us)
    seconds: Counter[int] = Counter()
    for segment in fast.segments:
        seconds[segment.level] += segment.seconds

    assert slow.exact == fast.exact
    assert slow.charge == Fraction(fast.charge)
    assert slow.vat == Fraction(fast.vat)
    assert slow.lines == by_kind(fast)
    assert slow.seconds == +seconds
    assert slow.refused == [
        (refusal.at_us, refusal.level)
        for refusal in fast.refused
        if refusal.at_us < call.end_us
    ]


@settings(max_examples=CASES)
@given(call=priced_calls())
def test_exhaustion_agrees_with_the_slow_meter(call: PricedCall):
    """The slow meter passes the maximum at the instant the fast one foresaw, or not yet."""
    horizon_us = call.end_us + 150 * SECOND
    fast = call.meter().exhausted_at_us()
    slow = call.slow(horizon_us).exhausted_us

    assert slow == (fast if fast is not None and fast < horizon_us else None)


@settings(max_examples=CASES)
@given(call=round_calls())
def test_exhaustion_of_rounds_agrees_with_the_slow_meter(call: PricedCall):
    """Where steps go round, whole rounds leaped over end where the slow meter walks to."""
    horizon_us = call.start_us + 400 * SECOND
    fast = call.meter().exhausted_at_us()
    slow = call.slow(horizon_us).exhausted_us

    assert slow == (fast if fast is not None and fast < horizon_us else None)
