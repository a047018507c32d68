"""Money: prices given as Decimal, totals counted in whole units, rounded in one place.

Strategy: a price given has at most six decimals, so a second of it is always a whole number
of sixtieths of a millionth. Totals are counted in that unit, as int: exact, and much faster
than Fraction. Nothing here uses Decimal arithmetic, whose result depends on a context.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

MILLION = 10**6  # a price has at most six decimals
UNITS = 60 * MILLION  # units in one franc (or euro, …): a second of any price is whole
LARGEST = Decimal("999999.999999")  # no price or maximum is above it


def amount_fault(amount: object) -> str | None:
    """Say why a value cannot be an amount that was given, or None.

    An amount is a Decimal from 0 to `LARGEST` with at most six decimals; a float never is.
    """
    if not isinstance(amount, Decimal):
        return f"an amount is a Decimal, not {type(amount).__name__}"
    if not amount.is_finite():
        return "not a number"
    if amount < 0:
        return "negative"
    if amount > LARGEST:
        return f"above {LARGEST}"
    if int(amount.as_tuple().exponent) < -6:
        return "more than six decimals"
    return None


def units_of(amount: Decimal) -> int:
    """Count the units in an amount that `amount_fault` finds nothing wrong with."""
    numerator, denominator = amount.as_integer_ratio()
    return numerator * UNITS // denominator


def exact(amount: Decimal) -> Fraction:
    """Give an amount as a fraction; of `Fraction(amount)` it is the fast half."""
    return Fraction(*amount.as_integer_ratio())


def money_of(units: int) -> Fraction:
    """Turn units into an exact amount."""
    return Fraction(units, UNITS)


def rounded_up(amount: Fraction, to: Decimal) -> Decimal:
    """Round an amount up to the next multiple of a coin; a multiple stays what it is."""
    coin, per = to.as_integer_ratio()
    coins = -(-amount.numerator * per // (amount.denominator * coin))
    return _decimal(coins * coin * MILLION // per)


def rounded_half_up(amount: Fraction) -> Decimal:
    """Round an amount to the nearest centime, half a centime up."""
    halves = 200 * amount.numerator + amount.denominator
    return _decimal(halves // (2 * amount.denominator) * (MILLION // 100))


def cut_off(amount: Fraction) -> Decimal:
    """Keep an amount to the millionth and drop the rest, towards zero."""
    millionths = abs(amount.numerator) * MILLION // amount.denominator
    return _decimal(millionths if amount.numerator >= 0 else -millionths)


def difference(amount: Decimal, part: Decimal) -> Decimal:
    """Take one amount of at most six decimals from another, exactly."""
    return _decimal(_millionths(amount) - _millionths(part))


def exact_text(amount: Fraction) -> str:
    """Write an exact amount: `2.175` when its decimals end, at least two; else `1/60`."""
    denominator, decimals = amount.denominator, 0
    if denominator == 1:
        return f"{amount.numerator}.00"
    for prime in (2, 5):
        power = 0
        while denominator % prime == 0:
            denominator //= prime
            power += 1
        decimals = max(decimals, power)
    if denominator != 1:
        return f"{amount.numerator}/{amount.denominator}"
    decimals = max(decimals, 2)
    return _text(amount.numerator * 10**decimals // amount.denominator, decimals)


def _millionths(amount: Decimal) -> int:
    numerator, denominator = amount.as_integer_ratio()
    return numerator * MILLION // denominator


def _decimal(millionths: int) -> Decimal:
    """Make a Decimal with two decimals, or as many more as it needs."""
    text = _text(millionths, 6)
    kept = text[-4:].rstrip("0")
    return Decimal(text[:-4] + kept)


def _text(scaled: int, decimals: int) -> str:
    whole, rest = divmod(abs(scaled), 10**decimals)
    return f"{'-' if scaled < 0 else ''}{whole}.{rest:0{decimals}d}"
