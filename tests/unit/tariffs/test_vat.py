from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from tariffs.vat import vat_in, with_vat, without_vat

RATE = Decimal("0.081")


class TestVat:
    def test_is_added_and_taken_out_exactly(self):
        """Back and forth is the same amount."""
        assert with_vat(Fraction(100), RATE) == Fraction("108.1")
        assert without_vat(Fraction("108.1"), RATE) == 100
        assert without_vat(with_vat(Fraction(1, 3), RATE), RATE) == Fraction(1, 3)

    @pytest.mark.parametrize(
        ("gross", "vat"),
        [
            ("26.80", "2.01"),
            ("0.00", "0.00"),
            ("400.00", "29.97"),
            ("0.06", "0.00"),
            ("0.07", "0.01"),
        ],
    )
    def test_inside_a_charge_is_rounded_to_the_centime(self, gross: str, vat: str):
        """The nearest centime: 0.07 holds 0.0052."""
        assert vat == str(vat_in(Decimal(gross), RATE))

    def test_of_no_rate_is_nothing(self):
        """Without a tax there is none inside."""
        assert vat_in(Decimal("26.80"), Decimal(0)) == 0
