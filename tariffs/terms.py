"""Terms: what one call is charged under, its tariff clipped to the law, in whole units.

Strategy: VAT rate, increment, rounding and maximum are those of the instant the call starts:
the date of the call decides. A level's prices are held to the law of the instant they are in
force: `edge_after` names the instants at which it changes, and prices are taken afresh there.
A clipped price is cut to the millionth, so that its second is a whole number of units too.

Inside terms and stays all instants are µs from the start of the call, written `…_us` as well.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import NamedTuple

from tariffs.change import Withheld
from tariffs.errors import UnknownLevel
from tariffs.law import Law, Subject
from tariffs.money import MILLION, UNITS, cut_off, units_of
from tariffs.tariff import Tariff
from tariffs.vat import without_vat

SECOND_US = 10**6
MINUTE_US = 60 * SECOND_US


class Due(NamedTuple):
    """A fixed charge: units, µs from entry to the first, µs between two (0: only one)."""

    amount: int
    after_us: int
    every_us: int


class Prices(NamedTuple):
    """A level's prices in units while one law holds.

    Attributes:
        per_increment: of time.
        per_call: the first time the level is in force.
        fixed: charges during the call that cost anything.
        at_once: sum of the fixed charges due at the very entry.
        step: µs from entry to the automatic step and its level, or None.
    """

    per_increment: int
    per_call: int
    fixed: tuple[Due, ...]
    at_once: int
    step: tuple[int, int] | None


class _Shared(NamedTuple):
    """What all calls of a table share that start under one and the same law."""

    vat_rate: Decimal
    increment_us: int
    rounding_to: Decimal | None
    maximum: Decimal | None
    limit: int | None
    prices: dict[tuple[int, int], Prices]
    refusals: dict[tuple[int, int], str | None]


def _shared(tariff: Tariff, law: Law, start_us: int) -> _Shared:
    """Work out what a table's calls share, or find it: the table keeps it."""
    key = (law, law.period(start_us))
    kept = tariff.worked_out.get(key)
    if not isinstance(kept, _Shared):
        kept = tariff.worked_out[key] = _worked_out(tariff, law, start_us)
    return kept


def _worked_out(tariff: Tariff, law: Law, start_us: int) -> _Shared:
    def lawful(subject: Subject, given: Decimal | None) -> Decimal | None:
        limit = law.value(subject, tariff.category, start_us)
        return min((value for value in (given, limit) if value is not None), default=None)

    vat_rate = law.vat_rate(start_us)
    increment_s = lawful(Subject.INCREMENT_S, Decimal(tariff.increment_s))
    coin = tariff.rounding.to
    maximum = lawful(Subject.WHOLE_CALL, tariff.max_charge)
    limit = None
    if maximum is not None:
        gross = Fraction(maximum)
        limit = floor(UNITS * (gross if tariff.includes_vat else without_vat(gross, vat_rate)))
    return _Shared(
        vat_rate=vat_rate,
        increment_us=int(increment_s or 1) * SECOND_US,
        rounding_to=None if coin is None else lawful(Subject.ROUNDING_TO, coin),
        maximum=None if maximum is None else cut_off(Fraction(maximum)),
        limit=limit,
        prices={},
        refusals={},
    )


class Terms:
    """What one call is charged under.

    Attributes:
        tariff: as it was entered.
        start_us: the start of the call, µs since the epoch.
        vat_rate: of the date of the call, a share.
        increment_us: length of an increment.
        free_us: length of the free lead-in.
        rounding_to: the coin the final amount is rounded up to, or None.
        maximum: the most the call may cost, VAT included, or None.
        limit: the same in units on the tariff's own side of VAT: a total above it has passed
            the maximum.
        withheld_steps: the instants at which no automatic step comes.
        settled_us: from here on nothing is withheld.
    """

    __slots__ = (
        "_edges",
        "_law",
        "_prices",
        "_refusals",
        "_withheld_fixed",
        "free_us",
        "increment_us",
        "limit",
        "maximum",
        "rounding_to",
        "settled_us",
        "start_us",
        "tariff",
        "vat_rate",
        "withheld_steps",
    )

    def __init__(
        self, tariff: Tariff, law: Law, start_us: int, withheld: Iterable[Withheld] = ()
    ) -> None:
        self.tariff = tariff
        self.start_us = start_us
        spared = {(one.kind, one.at_us - start_us) for one in withheld}
        self.withheld_steps = frozenset(at for kind, at in spared if kind == "step")
        self._withheld_fixed = sorted(at for kind, at in spared if kind == "fixed")
        self.settled_us = max((at + 1 for _, at in spared), default=0)
        self._law = law
        shared = _shared(tariff, law, start_us)
        self.vat_rate = shared.vat_rate
        self.increment_us = shared.increment_us
        self.free_us = tariff.free_s * SECOND_US
        self.rounding_to = shared.rounding_to
        self.maximum = shared.maximum
        self.limit = shared.limit
        self._prices = shared.prices
        self._refusals = shared.refusals
        edges = law.price_changes(tariff.category, start_us)
        self._edges = tuple(at_us - start_us for at_us in edges)

    def edge_after(self, at_us: int) -> int | None:
        """Give the first instant after one at which the law on prices changes, or None."""
        return next((edge for edge in self._edges if edge > at_us), None)

    def prices(self, number: int, at_us: int) -> Prices:
        """Give a level's prices by the law in force at an instant; computed once for all calls.

        Raises:
            UnknownLevel: the table lacks the level.
        """
        key = (number, self._period(at_us))
        if (prices := self._prices.get(key)) is None:
            prices = self._prices[key] = self._clipped(number, at_us)
        return prices

    def is_withheld(self, at_us: int) -> bool:
        """Say whether fixed charges that fall due at an instant are not charged."""
        return bool(self.withheld_between(at_us, at_us + 1))

    def withheld_between(self, from_us: int, until_us: int) -> list[int]:
        """List the instants, up to but without the last, whose fixed charges are withheld."""
        spared = self._withheld_fixed
        return spared[bisect_left(spared, from_us) : bisect_left(spared, until_us)]

    def refusal(self, number: int, at_us: int) -> str | None:
        """Say why a level may not come into force at an instant, by the table or the law."""
        key = (number, self._period(at_us))
        if key not in self._refusals:
            self._refusals[key] = self._refused(number, at_us)
        return self._refusals[key]

    def _period(self, at_us: int) -> int:
        return self._law.period(self.start_us + at_us)

    def _refused(self, number: int, at_us: int) -> str | None:
        if number not in self.tariff.levels:
            return str(UnknownLevel(number))
        at_us += self.start_us
        return self._law.refuses(self.tariff, number, at_us, vat_rate=self.vat_rate)

    def _clipped(self, number: int, at_us: int) -> Prices:
        level = self.tariff.levels.get(number)
        if level is None:
            raise UnknownLevel(number)

        def lawful(subject: Subject, price: Decimal) -> int:
            ceiling = self._law.ceiling(
                subject, self.tariff, self.start_us + at_us, vat_rate=self.vat_rate
            )
            units = units_of(price)
            if ceiling is None:
                return units
            return min(units, floor(ceiling * MILLION) * (UNITS // MILLION))

        fixed = (
            Due(
                amount=lawful(Subject.FIXED, charge.amount),
                after_us=charge.after_s * SECOND_US,
                every_us=(charge.every_s or 0) * SECOND_US,
            )
            for charge in level.fixed
        )
        step = (level.then.after_s * SECOND_US, level.then.level) if level.then else None
        costing = tuple(due for due in fixed if due.amount)
        # a level left at its very entry is left before its fixed charges fall due
        lasts = step is None or step[0] > 0
        per_minute = lawful(Subject.PER_MINUTE, level.per_minute)
        return Prices(
            per_increment=per_minute * self.increment_us // MINUTE_US,
            per_call=lawful(Subject.PER_CALL, level.per_call),
            fixed=costing,
            at_once=sum(due.amount for due in costing if lasts and due.after_us == 0),
            step=step,
        )
