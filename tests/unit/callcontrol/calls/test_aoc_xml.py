"""Advice of charge as XML: the elements of the schema, in its order."""

from __future__ import annotations

from decimal import Decimal

import pytest

from callcontrol.calls.aoc_xml import Advice, advice_from_xml, advice_to_xml

HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<aoc xmlns="http://uri.etsi.org/ngn/params/xml/simservs/aoc">'
)


@pytest.mark.parametrize(
    ("advice", "expected"),
    [
        (
            Advice(
                kind="aoc-d", information="subtotal", amount=Decimal("1.50"), currency="CHF"
            ),
            "<aoc-d><charging-info>subtotal</charging-info><recorded-charges>"
            "<recorded-currency-units><currency-id>CHF</currency-id>"
            "<currency-amount>1.50</currency-amount></recorded-currency-units>"
            "</recorded-charges></aoc-d></aoc>",
        ),
        (
            Advice(kind="aoc-e", is_free=True),
            "<aoc-e><recorded-charges><free-charge /></recorded-charges></aoc-e></aoc>",
        ),
        (
            Advice(kind="aoc-e"),
            "<aoc-e><recorded-charges><not-available /></recorded-charges></aoc-e></aoc>",
        ),
    ],
)
def test_the_elements_and_their_order(advice: Advice, expected: str) -> None:
    """As the schema has them."""
    assert advice_to_xml(advice) == HEAD + expected


def test_what_others_add_is_passed_over() -> None:
    """Other namespaces are allowed everywhere, and a prefix for ours."""
    text = (
        '<a:aoc xmlns:a="http://uri.etsi.org/ngn/params/xml/simservs/aoc" xmlns:b="urn:b">'
        "<b:more/><a:aoc-e><a:recorded-charges><a:free-charge/></a:recorded-charges>"
        "<b:more/></a:aoc-e></a:aoc>"
    )

    assert advice_from_xml(text) == Advice(kind="aoc-e", is_free=True)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not XML"),
        ("<aoc/>", "not an aoc element"),
        (f"{HEAD}</aoc>", "not an aoc element with one aoc-d or aoc-e"),
        (f"{HEAD}<aoc-d/><aoc-e/></aoc>", "not an aoc element with one aoc-d or aoc-e"),
        (f"{HEAD}<aoc-d><charging-info>x</charging-info></aoc-d></aoc>", "charging-info: 'x'"),
        (
            f"{HEAD}<aoc-e><recorded-charges><recorded-currency-units><currency-amount>NaN"
            "</currency-amount></recorded-currency-units></recorded-charges></aoc-e></aoc>",
            "currency-amount: 'NaN' is not an amount",
        ),
    ],
)
def test_what_is_none_is_told(text: str, reason: str) -> None:
    """One sentence."""
    with pytest.raises(ValueError, match=reason):
        advice_from_xml(text)
