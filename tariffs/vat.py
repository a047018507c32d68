"""Value added tax: between prices with and without it, and the tax inside a final amount."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from tariffs.money import rounded_half_up


def with_vat(net: Fraction, rate: Decimal) -> Fraction:
    """Add the tax to an amount without it, exactly; rate is a share such as 0.081."""
    return net * (1 + Fraction(rate))


def without_vat(gross: Fraction, rate: Decimal) -> Fraction:
    """Take the tax out of an amount that includes it, exactly."""
    return gross / (1 + Fraction(rate))


def vat_in(gross: Decimal, rate: Decimal) -> Decimal:
    """Give the tax inside a final amount, rounded to the centime, half a centime up.

    The net amount is the rest, so that tax and net always sum to what the caller is charged.
    """
    amount = Fraction(gross)
    return rounded_half_up(amount - without_vat(amount, rate))
