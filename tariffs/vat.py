"""Value added tax: between prices with and without it, and the tax inside a final amount."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from tariffs.money import exact, rounded_half_up


def with_vat(net: Fraction, rate: Decimal) -> Fraction:
    """Add the tax to an amount without it, exactly; rate is a share such as 0.081."""
    return net * (1 + exact(rate))


def without_vat(gross: Fraction, rate: Decimal) -> Fraction:
    """Take the tax out of an amount that includes it, exactly."""
    return gross / (1 + exact(rate))


def vat_in(gross: Decimal, rate: Decimal) -> Decimal:
    """Give the tax inside a final amount, rounded to the centime, half a centime up.

    The net amount is the rest, so that tax and net always sum to what the caller is charged.
    """
    amount, per = gross.as_integer_ratio()
    share, of = rate.as_integer_ratio()
    return rounded_half_up(Fraction(amount * share, per * (of + share)))
