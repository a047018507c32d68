"""What callers pay, as they and the records tell it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tariffs import Level, Meter, Rounding, Tariff
from tests.scenario.records import us_of


def table(category, **prices):
    """Make the tariff of a number, from the prices in the scenarios' reference alone."""
    rounding = Rounding(to=prices.pop("to", None))
    maximum = prices.pop("maximum", None)
    return Tariff(
        name="expected",
        category=category,
        rounding=rounding,
        max_charge=maximum,
        levels={1: Level(**prices)},
    )


TABLES = {
    "+41800100001": table("0800"),
    "+41844100001": table("0844", to=Decimal("0.10"), per_minute=Decimal("0.08")),
    "+41900100001": table("0900", to=Decimal("0.10"), per_call=Decimal("2.50")),
    "+41900100002": table("0900", to=Decimal("0.10"), per_minute=Decimal("3.00")),
    "+41900100003": table(
        "0900", to=Decimal("0.05"), per_call=Decimal("1.00"), per_minute=Decimal("4.23")
    ),
    "+41901100001": table("0901", maximum=Decimal("0.40"), per_minute=Decimal("10.00")),
}


def expected_charge(stack, cdr):
    """Price a call with the pure meter, from the instants the switch itself told the test."""
    end = stack.watch.end_of(cdr["switch_uuid"])
    meter = Meter(TABLES[cdr["number"]], level=1, start_us=end.answered_us)
    return meter.stop(end.hangup_us)


@pytest.mark.parametrize(
    ("dialled", "number"),
    [
        ("0800100001", "+41800100001"),
        ("0844100001", "+41844100001"),
        ("+41900100001", "+41900100001"),
        ("0041900100002", "+41900100002"),
        ("41900100003", "+41900100003"),
    ],
)
def test_a_call_costs_what_the_table_says_to_the_centime(stack, dialled, number):
    """Free, shared cost, per call, per minute and both: the record has the meter's charge."""
    before = stack.recorded(number)

    called = stack.caller.call(dialled, talk_ms=2300)

    cdr = stack.cdr_of_new_call(number, before)
    expected = expected_charge(stack, cdr)
    assert called.went_as_expected
    assert called.final == 200
    assert (cdr["disposition"], cdr["released_by"]) == ("answered", "caller")
    assert Decimal(cdr["charge"]["gross"]) == expected.charge
    assert cdr["metered_us"] == expected.metered_us
    assert 2_000_000 < cdr["metered_us"] < 3_500_000


def test_a_call_ends_at_its_maximum_charge(stack):
    """10.00 a minute reaches 0.40 with the third second: the switch releases both sides."""
    before = stack.recorded("+41901100001")

    called = stack.caller.call("0901100001", "caller-stays")

    cdr = stack.cdr_of_new_call("+41901100001", before)
    expected = expected_charge(stack, cdr)
    assert called.went_as_expected
    assert (cdr["released_by"], cdr["hangup_cause"]) == ("engine", "ALLOTTED_TIMEOUT")
    assert Decimal(cdr["charge"]["gross"]) == expected.charge <= Decimal("0.40")
    assert 1_000_000 < cdr["metered_us"] < 2_400_000


def test_the_customer_pays_the_transport_of_a_shared_cost_call(stack):
    """The settlement is the other side of the call: with no share, the payout is negative."""
    before = stack.recorded("+41844100001")

    stack.caller.call("0844100001", talk_ms=1200)

    cdr = stack.cdr_of_new_call("+41844100001", before)
    assert cdr["settlement"]["kind"] == "fixed"
    assert cdr["settlement"]["payout"].startswith("-")


def test_two_hundred_calls_at_twenty_a_second_are_all_recorded(stack):
    """None is missing, none is there twice, and the sum is the sum of what each one costs."""
    number = "+41900100002"
    before = stack.recorded(number)

    called = stack.caller.call("0900100002", talk_ms=1500, count=200, rate=20)

    stack.wait_for_cdrs(number, before + 200)
    cdrs = stack.cdrs(number)[before:]
    charges = [Decimal(cdr["charge"]["gross"]) for cdr in cdrs]
    assert called.went_as_expected
    assert len({cdr["switch_uuid"] for cdr in cdrs}) == 200
    assert charges == [expected_charge(stack, cdr).charge for cdr in cdrs]
    assert stack.watch.legs() == 0
    for cdr in cdrs:
        metered = us_of(cdr["released_at"]) - us_of(cdr["answered_at"])
        assert metered == cdr["metered_us"]
