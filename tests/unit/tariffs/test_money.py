from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction

import pytest

from tariffs.money import (
    LARGEST,
    UNITS,
    amount_fault,
    cut_off,
    difference,
    exact_text,
    money_of,
    rounded_half_up,
    rounded_up,
    units_of,
)


class TestAmountFault:
    @pytest.mark.parametrize("amount", ["0", "-0.00", "0.000001", "3.00", "1E+5", str(LARGEST)])
    def test_lets_amounts_in(self, amount: str):
        """From nothing to the largest, with at most six decimals."""
        assert amount_fault(Decimal(amount)) is None

    @pytest.mark.parametrize("value", [3.0, 3, "3.00", None, Fraction(3), True])
    def test_refuses_all_but_decimals(self, value: object):
        """A float above all, and anything else that is no Decimal."""
        assert f"an amount is a Decimal, not {type(value).__name__}" == amount_fault(value)

    @pytest.mark.parametrize(
        ("amount", "message"),
        [
            ("NaN", "not a number"),
            ("sNaN", "not a number"),
            ("Infinity", "not a number"),
            ("-0.01", "negative"),
            ("1000000", "above 999999.999999"),
            ("1E+999999", "above 999999.999999"),
            ("0.0000001", "more than six decimals"),
            ("1E-999999", "more than six decimals"),
            ("3.0000000", "more than six decimals"),
        ],
    )
    def test_says_what_is_wrong(self, amount: str, message: str):
        """Not a number, negative, huge, or finer than a millionth."""
        assert message == amount_fault(Decimal(amount))


class TestUnits:
    def test_a_second_of_any_price_is_whole(self):
        """The smallest price a minute, a sixtieth of it, is one unit."""
        assert units_of(Decimal("0.000001")) == 60
        assert money_of(1) == Fraction(1, 60_000_000)

    def test_do_not_depend_on_the_context(self):
        """A context of two digits changes nothing."""
        with localcontext() as context:
            context.prec = 2
            units = units_of(Decimal("123456.789012"))

        assert units == 123_456_789_012 * 60
        assert units_of(Decimal(1)) == UNITS


class TestRounding:
    @pytest.mark.parametrize(
        ("amount", "to", "rounded"),
        [
            (Fraction("26.725"), "0.10", "26.80"),
            (Fraction("26.80"), "0.10", "26.80"),
            (Fraction("26.80") + Fraction(1, 10**9), "0.10", "26.90"),
            (Fraction("0.01"), "0.05", "0.05"),
            (Fraction(1, 3), "0.01", "0.34"),
            (Fraction(0), "0.10", "0.00"),
            (Fraction("2.01"), "1.00", "3.00"),
        ],
    )
    def test_up_to_the_next_coin(self, amount: Fraction, to: str, rounded: str):
        """A multiple of the coin stays; anything above it goes up to the next."""
        assert rounded == str(rounded_up(amount, Decimal(to)))

    @pytest.mark.parametrize(
        ("amount", "rounded"), [("0.005", "0.01"), ("0.0049", "0.00"), ("2.00814", "2.01")]
    )
    def test_half_a_centime_goes_up(self, amount: str, rounded: str):
        """Tax is rounded to the nearest centime."""
        assert rounded == str(rounded_half_up(Fraction(amount)))

    @pytest.mark.parametrize(
        ("amount", "kept"),
        [
            (Fraction(1, 60), "0.016666"),
            (Fraction(-1, 60), "-0.016666"),
            (Fraction("26.725"), "26.725"),
            (Fraction(3), "3.00"),
        ],
    )
    def test_cut_off_goes_towards_zero(self, amount: Fraction, kept: str):
        """Six decimals are kept, two are always written."""
        assert kept == str(cut_off(amount))

    def test_difference_is_exact(self):
        """Charge less tax, whatever the context."""
        with localcontext() as context:
            context.prec = 2
            net = difference(Decimal("26.80"), Decimal("2.01"))

        assert str(net) == "24.79"


class TestExactText:
    @pytest.mark.parametrize(
        ("amount", "text"),
        [
            (Fraction(0), "0.00"),
            (Fraction(20), "20.00"),
            (Fraction("2.175"), "2.175"),
            (Fraction("0.5"), "0.50"),
            (Fraction(1, 60), "1/60"),
            (Fraction(-1, 8), "-0.125"),
            (Fraction(-2, 3), "-2/3"),
            (Fraction(1, 2**20), "0.00000095367431640625"),
        ],
    )
    def test_writes_decimals_that_end_and_fractions_otherwise(
        self, amount: Fraction, text: str
    ):
        """At least two decimals, all of them; else lowest terms."""
        assert text == exact_text(amount)
