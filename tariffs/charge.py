"""Charge: the price of a metered call, with its segments and lines, rounded once at the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from tariffs.change import Change, Refusal
from tariffs.money import cut_off, difference, exact, money_of, rounded_up
from tariffs.stay import Stay
from tariffs.terms import SECOND_US, Terms
from tariffs.vat import vat_in, with_vat


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A stretch of a call at one level and one law, free or not.

    Attributes:
        level: number.
        from_us: µs since the epoch.
        to_us: µs since the epoch; where the next segment begins, or the end of the call.
        seconds: of the increments that start in it, free ones included.
        amount: everything charged in it, exact; the segments of a call sum to its total.
    """

    level: int
    from_us: int
    to_us: int
    seconds: int
    amount: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing charged, or one stretch of time, free time included.

    Attributes:
        kind: what is charged.
        level: number.
        amount: exact; the lines of a call sum to its total.
        at_us: of a single charge, when it fell due, µs since the epoch; None for time.
        from_us: of time, µs since the epoch; None for a single charge.
        to_us: of time, µs since the epoch; None for a single charge.
        seconds: of the increments that start in that time; None for a single charge.
    """

    kind: Literal["time", "per_call", "fixed"]
    level: int
    amount: Fraction
    at_us: int | None = None
    from_us: int | None = None
    to_us: int | None = None
    seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rated:
    """What a call costs if it ends at a certain instant.

    Attributes:
        charge: what the caller pays, VAT included, rounded once, never above the maximum.
        exact: the unrounded total, on the table's own side of VAT.
        rounding: what rounding added to the total with VAT, before the maximum was applied;
            negative where the table does not round and the rest of a millionth was cut off.
        capped: whether the maximum made the charge smaller.
        vat: inside the charge, to the centime.
        net: the charge without it.
        vat_rate: of the date of the call, a share.
        currency: ISO 4217.
        metered_us: from the start to the end.
        segments: in order; they touch and sum to the metered time and to the exact total.
        lines: in order; they sum to the exact total.
        applied: changes of level that came into force, automatic steps included.
        refused: changes of level that did not, automatic steps included.
        exhausted_at_us: the first charge that passes the maximum if the call goes on, µs since
            the epoch; None when none ever does.
    """

    charge: Decimal
    exact: Fraction
    rounding: Fraction
    capped: bool
    vat: Decimal
    net: Decimal
    vat_rate: Decimal
    currency: str
    metered_us: int
    segments: tuple[Segment, ...]
    lines: tuple[Line, ...]
    applied: tuple[Change, ...]
    refused: tuple[Refusal, ...]
    exhausted_at_us: int | None


def final_charge(terms: Terms, units: int) -> tuple[Decimal, Fraction, bool]:
    """Turn a total into what the caller pays: add VAT if need be, round once, then cap.

    Returns:
        The charge; what rounding added before the cap; whether the cap made the charge smaller.

    Source: OST art. 39 § 4, art. 39a § 1, art. 39b § 1 (rounded up at most to 0.10).
    """
    gross = money_of(units)
    if not terms.tariff.includes_vat:
        gross = with_vat(gross, terms.vat_rate)
    rounded = rounded_up(gross, terms.rounding_to) if terms.rounding_to else cut_off(gross)
    paid = exact(rounded)
    rounding = paid - gross
    if terms.maximum is not None and max(gross, paid) > exact(terms.maximum):
        return terms.maximum, rounding, True
    return rounded, rounding, False


def rated(
    last: Stay, until_us: int, *, refused: tuple[Refusal, ...], exhausted_at_us: int | None
) -> Rated:
    """Price a call from the last of its stays.

    Args:
        last: the stay the call is in just before it ends.
        until_us: the end, µs from the start of the call.
        refused: every change that did not come into force, in order.
        exhausted_at_us: µs since the epoch, or None.
    """
    terms = last.terms
    units = last.total(until_us)
    charge, rounding, capped = final_charge(terms, units)
    vat = vat_in(charge, terms.vat_rate)
    stays = _with_ends(last, until_us)
    return Rated(
        charge=charge,
        exact=money_of(units),
        rounding=rounding,
        capped=capped,
        vat=vat,
        net=difference(charge, vat),
        vat_rate=terms.vat_rate,
        currency=terms.tariff.currency,
        metered_us=until_us,
        segments=tuple(_segment(stay, end_us) for stay, end_us in stays),
        lines=tuple(line for stay, end_us in stays for line in _lines(stay, end_us)),
        applied=tuple(
            Change(at_us=terms.start_us + stay.from_us, level=stay.number, by=stay.by)
            for stay, _ in stays[1:]
            if stay.by is not None
        ),
        refused=refused,
        exhausted_at_us=exhausted_at_us,
    )


def _with_ends(last: Stay, until_us: int) -> list[tuple[Stay, int]]:
    stays = []
    stay: Stay | None = last
    while stay is not None:
        stays.append((stay, until_us))
        until_us = stay.from_us
        stay = stay.previous
    return stays[::-1]


def _segment(stay: Stay, end_us: int) -> Segment:
    start_us = stay.terms.start_us
    return Segment(
        level=stay.number,
        from_us=start_us + stay.from_us,
        to_us=start_us + end_us,
        seconds=sum(stay.increments(end_us)) * stay.terms.increment_us // SECOND_US,
        amount=money_of(stay.total(end_us) - stay.base + stay.per_call),
    )


def _lines(stay: Stay, end_us: int) -> Iterator[Line]:
    """List a stay's lines in order of time; free and charged time are lines of their own."""
    terms = stay.terms

    def once(kind: Literal["per_call", "fixed"], at_us: int, units: int) -> Line:
        at_us += terms.start_us
        return Line(kind=kind, level=stay.number, at_us=at_us, amount=money_of(units))

    def time(from_us: int, to_us: int, increments: int, units: int) -> Line:
        return Line(
            kind="time",
            level=stay.number,
            from_us=terms.start_us + from_us,
            to_us=terms.start_us + to_us,
            seconds=increments * terms.increment_us // SECOND_US,
            amount=money_of(units),
        )

    if stay.per_call:
        yield once("per_call", stay.from_us, stay.per_call)
    free, charged = stay.increments(end_us)
    free_us = end_us if stay.is_free else terms.free_us
    paid_from_us = min(max(stay.from_us, free_us), end_us) if free else stay.from_us
    if free:
        yield time(stay.from_us, paid_from_us, free, 0)
    if charged:
        yield time(paid_from_us, end_us, charged, stay.time_units(end_us))
    for at_us, units in stay.fixed_charges(end_us):
        yield once("fixed", at_us, units)
