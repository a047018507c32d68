"""The customer's side of a call: a share of the charge, less the way to the target."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction

import pytest

from tests.scenario.records import us_of

# What the reference says of the numbers: the share of the charge, and a minute's transport.
TERMS = {
    "+41800110001": ("0", "fixed", "0.02"),
    "+41844110001": ("0", "mobile", "0.12"),
    "+41900110001": ("0.70", "voip", "0.01"),
    "+41900110002": ("0.655", "international", "0.25"),
}


@pytest.mark.parametrize("number", TERMS)
def test_each_category_and_kind_of_target(stack, number):
    """0800 and 084x cost their customer the transport; 090x brings a share, less it."""
    share, kind, per_minute = TERMS[number]
    before = stack.recorded(number)

    called = stack.caller.call(number.replace("+41", "0"), talk_ms=1300)

    cdr = stack.cdr_of_new_call(number, before)
    settled = cdr["settlement"]
    connected_us = us_of(cdr["released_at"]) - us_of(cdr["answered_at"])
    transport = Fraction(per_minute) * connected_us / 60_000_000
    of_charge = Fraction(cdr["charge"]["net"]) * Fraction(share)
    assert called.final == 200
    assert settled["kind"] == kind
    assert Fraction(settled["transport"]) == transport > 0
    assert Fraction(settled["share"]) == of_charge
    assert Fraction(settled["payout"]) == of_charge - transport
    assert (of_charge > 0) == number.startswith("+4190")
    assert Decimal(cdr["charge"]["net"]) + Decimal(cdr["charge"]["vat"]) == Decimal(
        cdr["charge"]["gross"]
    )


def test_the_months_add_up(stack):
    """`cdrs --settlement` shows the sum of the records, whatever calls there were."""
    stack.caller.call("0900110002", talk_ms=300)
    stack.eventually(lambda: stack.cdrs("+41900110002"))

    months = json.loads(
        stack.command("cdrs", "--settlement", "--customer", "settled", "--json")
    )

    settled = [cdr["settlement"] for number in TERMS for cdr in stack.cdrs(number)]
    payouts = [Fraction(one["payout"]) for one in settled]
    assert sum(month["calls"] for month in months) == len(settled)
    told = sum(Fraction(month["payout"]) for month in months)
    assert abs(told - sum(payouts)) < Fraction(1, 1_000_000)
