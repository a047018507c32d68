"""Advice of charge: the network a call came from hears what it costs, if it asks for that."""

from __future__ import annotations

from decimal import Decimal

import pytest

from callcontrol.calls.aoc_xml import Advice, advice_from_xml

OFF, ON = 'advice_of_charge: "false"', 'advice_of_charge: "true"'


@pytest.fixture
def advised(stack):
    """The operator of the callers' trunk takes advice, and the engine knows."""
    count = "callcontrol_reference_loaded_timestamp_seconds"
    before = stack.metric(count)
    put_back = stack.load_changed(OFF, ON)
    stack.eventually(lambda: stack.metric(count) > before)
    yield
    before = stack.metric(count)
    put_back()
    stack.eventually(lambda: stack.metric(count) > before)


def test_a_change_of_price_and_the_end_are_advised(stack, advised):
    """AOC-D when the level changes, AOC-E before the BYE, which says what the record says."""
    before = stack.recorded("+41900120001")

    called = stack.caller.call("0900120001", "caller-is-advised")

    cdr = stack.cdr_of_new_call("+41900120001", before)
    infos = [m for m in called.messages if m.first_line.startswith("INFO ") and not m.is_sent]
    told = [advice_from_xml(info.text[info.text.index("<?xml") :]) for info in infos]
    assert called.went_as_expected
    assert {info.header("Content-Type") for info in infos} == {"application/vnd.etsi.aoc+xml"}
    assert told[0].kind == "aoc-d"
    assert Decimal("0.05") <= (told[0].amount or 0) < Decimal(cdr["charge"]["gross"])
    assert told[1] == Advice(
        kind="aoc-e", amount=Decimal(cdr["charge"]["gross"]), currency="CHF"
    )
    assert (cdr["origin"], cdr["tariff_class"]) == ("lake", "offline-b")
