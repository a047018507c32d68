"""Laws of advice of charge: it reads back equal, and fits a command of the switch."""

from __future__ import annotations

from decimal import Decimal
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from callcontrol.calls.aoc_xml import Advice, advice_from_xml, advice_to_xml
from callcontrol.esl import command

AMOUNTS = st.decimals(0, 1000, places=6) | st.decimals(0, 400, places=2)
INFORMATION = st.sampled_from([None, "subtotal", "total"])
CURRENCY = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=3, max_size=3)
ADVICE = st.builds(
    lambda kind, information, amount, currency, is_free: Advice(
        kind=kind,
        information=information,
        amount=amount,
        currency="" if amount is None else currency,
        is_free=amount is None and is_free,
    ),
    st.sampled_from(["aoc-d", "aoc-e"]),
    INFORMATION,
    st.none() | AMOUNTS,
    CURRENCY,
    st.booleans(),
)


@given(advice=ADVICE)
def test_what_is_written_reads_back_equal(advice: Advice) -> None:
    """Every kind, every amount."""
    assert advice_from_xml(advice_to_xml(advice)) == advice


@given(advice=ADVICE)
def test_it_is_one_line_of_xml_without_what_the_switch_swallows(advice: Advice) -> None:
    """Quotes, backslashes and line ends mean something to the switch."""
    text = advice_to_xml(advice)

    assert not set(text) & set("'\\\r\n")
    assert text.isascii()
    assert ElementTree.fromstring(text).tag.endswith("}aoc")
    assert command.api("uuid_send_info", "leg", text).endswith(text.encode() + b"\n\n")


@given(amount=AMOUNTS)
def test_amounts_are_plain_decimals(amount: Decimal) -> None:
    """No exponent, whatever the amount."""
    text = advice_to_xml(Advice(kind="aoc-e", amount=amount, currency="CHF"))

    assert "E" not in text.partition("currency-amount>")[2].partition("<")[0]
