from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from tariffs import TARGET_KINDS, InvalidSettlement, Settlement, category_faults, settle
from tests.tariff_builders import NOON_US, SECOND_US, make_level, make_meter, make_tariff

PRICES = {"voip": "0.00", "fixed": "0.02", "mobile": "0.10", "international": "0.50"}


def make_settlement(share: Any = Decimal("0.60"), **prices: Any) -> Settlement:
    """Make terms: six tenths of the net charge, transport by kind of target."""
    amounts: Any = {kind: Decimal(price) for kind, price in PRICES.items()} | prices
    return Settlement(share=share, transport_per_minute=amounts)


class TestSettle:
    def test_customer_gets_a_share_less_transport(self):
        """Six tenths of 24.79 less 90 s to a mobile: exact, nothing rounded."""
        tariff = make_tariff(make_level("0.00", "26.80"))
        rated = make_meter(tariff).stop(NOON_US + 80 * SECOND_US)
        settled = settle(rated, make_settlement(), transport_us=90 * SECOND_US, kind="mobile")

        assert settled.share == Fraction("14.874")
        assert settled.transport == Fraction("0.15")
        assert settled.payout == Fraction("14.724")

    def test_customer_pays_for_freephone(self):
        """0800: no charge, so the transport is the customer's, to the microsecond."""
        tariff = make_tariff(make_level(), category="0800")
        rated = make_meter(tariff).stop(NOON_US + SECOND_US)
        settled = settle(rated, make_settlement(), transport_us=1, kind="fixed")

        assert settled.share == 0
        assert settled.payout == -Fraction("0.02") / (60 * SECOND_US)

    @pytest.mark.parametrize("kind", TARGET_KINDS)
    def test_each_kind_of_target_has_its_price(self, kind: Any):
        """A minute costs the price of its kind."""
        rated = make_meter(make_tariff()).stop(NOON_US)
        settled = settle(rated, make_settlement(), transport_us=60 * SECOND_US, kind=kind)

        assert Fraction(PRICES[kind]) == settled.transport


class TestSettlement:
    @pytest.mark.parametrize("share", [Decimal("1.01"), Decimal(-1), Decimal("NaN"), 0.5])
    def test_share_is_from_nothing_to_all(self, share: object):
        """A share of the net charge, as a Decimal."""
        with pytest.raises(InvalidSettlement) as refusal:
            make_settlement(share)

        assert [str(fault) for fault in refusal.value.faults] == [
            "share: not a Decimal from 0 to 1 with at most six decimals"
        ]

    def test_every_fault_is_told(self):
        """A kind left out would be free by oversight; one we do not know is a mistake."""
        with pytest.raises(InvalidSettlement) as refusal:
            Settlement(
                share=Decimal(0),
                transport_per_minute={  # type: ignore[dict-item]
                    "voip": Decimal(-1),
                    "fixed": Decimal(0),
                    "mobile": Decimal(0),
                    "satellite": Decimal(0),
                },
            )

        assert [str(fault) for fault in refusal.value.faults] == [
            "transport_per_minute.international: is missing",
            "transport_per_minute.voip: negative",
            "transport_per_minute.satellite: not one of voip, fixed, mobile, international",
        ]

    @pytest.mark.parametrize(
        ("category", "share", "is_faulty"),
        [
            ("0800", "0.1", True),
            ("0844", "0.1", True),
            ("0844", "0", False),
            ("0906", "1", False),
        ],
    )
    def test_only_premium_rate_has_revenue_to_share(
        self, category: str, share: str, is_faulty: bool
    ):
        """0800 and 084x are paid for by the customer."""
        terms = make_settlement(Decimal(share))

        assert bool([*category_faults(terms, category)]) is is_faulty

    def test_prices_are_frozen(self):
        """Terms cannot be changed under a call."""
        with pytest.raises(TypeError):
            make_settlement().transport_per_minute["voip"] = Decimal(1)  # type: ignore[index]
