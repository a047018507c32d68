"""A second meter, slow and obvious: walks from instant to instant with fractions.

Written from the rule book, not from `tariffs`: it takes only the table's own data from there.
It exists so that two different ways of thinking must agree on every charge.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction
from zoneinfo import ZoneInfo

from tariffs import Tariff

SECOND = 1_000_000


@dataclass
class Slow:
    """What the walk found."""

    exact: Fraction
    charge: Fraction
    vat: Fraction
    lines: dict[tuple[int, str], Fraction]  # (level, kind) to what it charged
    seconds: Counter[int]  # level to the seconds of the increments that began at it
    refused: list[tuple[int, int]]  # (instant, level), automatic steps too
    exhausted_us: int | None


def swiss_ceiling(category: str, what: str, _at_us: int) -> Fraction | None:
    """Give the Swiss limit on a price as it stands in the rule book, in the law's own terms."""
    if category in ("0800", "00800"):
        return Fraction(0)
    if category.startswith("084"):
        return Fraction("0.075") if what == "per_minute" else Fraction(0)
    return Fraction(10) if what == "per_minute" else Fraction(100)


def swiss_vat(start_us: int) -> Fraction:
    """Give the rate of the day of the call, in Zurich."""
    local = datetime.fromtimestamp(0, ZoneInfo("UTC")) + timedelta(microseconds=start_us)
    day = local.astimezone(ZoneInfo("Europe/Zurich")).date()
    return Fraction("0.081") if day >= date(2024, 1, 1) else Fraction("0.077")


@dataclass
class _Walk:
    tariff: Tariff
    start: int
    ceiling: Callable[[str, str, int], Fraction | None] | None
    free: Sequence[tuple[int, int | None]] = ()
    withheld: frozenset[tuple[str, int]] = frozenset()
    vat: Fraction = Fraction(0)
    maximum: Fraction | None = None
    increment: int = 1
    coin: Fraction | None = None
    level: int = 0
    entered: int = 0
    steps: bool = True
    seen: set[int] = field(default_factory=set)
    gross: Fraction = Fraction(0)
    lines: dict[tuple[int, str], Fraction] = field(default_factory=dict)
    seconds: Counter[int] = field(default_factory=Counter)
    refused: list[tuple[int, int]] = field(default_factory=list)
    exhausted: int | None = None

    def __post_init__(self) -> None:
        self.increment = self.tariff.increment_s
        if self.tariff.rounding.to is not None:
            self.coin = Fraction(self.tariff.rounding.to)
        if self.tariff.max_charge is not None:
            self.maximum = Fraction(self.tariff.max_charge)
        if self.ceiling is None:  # a country without a law, and without a tax
            return
        self.vat = swiss_vat(self.start)
        if self.tariff.category.startswith("090"):
            given = Fraction(400) if self.maximum is None else self.maximum
            self.maximum = min(given, Fraction(400))
        if self.tariff.category not in ("0800", "00800"):
            self.increment = 1
            if self.coin is not None:
                self.coin = min(self.coin, Fraction("0.10"))

    def limit(self, what: str, at: int) -> Fraction | None:
        """Give the limit in the terms of the table's prices, with VAT or without."""
        limit = self.ceiling(self.tariff.category, what, at) if self.ceiling else None
        net_limit = self.tariff.category.startswith("084")
        if limit is None or net_limit != self.tariff.includes_vat:
            return limit
        return limit * (1 + self.vat) if net_limit else limit / (1 + self.vat)

    def price(self, what: str, given: Decimal, at: int) -> Fraction:
        """Clip a price to the millionth below the law."""
        limit = self.limit(what, at)
        if limit is None or Fraction(given) <= limit:
            return Fraction(given)
        return Fraction(limit * 10**6 // 1, 10**6)

    def pay(self, kind: str, amount: Fraction, at: int) -> None:
        key = (self.level, kind)
        self.lines[key] = self.lines.get(key, Fraction(0)) + amount
        self.gross += amount if self.tariff.includes_vat else amount * (1 + self.vat)
        if self.exhausted is None and self.maximum is not None and self.gross > self.maximum:
            self.exhausted = at

    def refuses(self, number: int, at: int) -> bool:
        level = self.tariff.levels.get(number)
        if level is None:
            return True
        prices = [("per_minute", level.per_minute), ("per_call", level.per_call)]
        prices += [("fixed", charge.amount) for charge in level.fixed]
        for what, given in prices:
            limit = self.limit(what, at)
            if limit is not None and Fraction(given) > limit:
                return True
        at_once = Fraction(0) if number in self.seen else Fraction(level.per_call)
        lasts = level.then is None or level.then.after_s > 0
        if lasts and ("fixed", at) not in self.withheld:
            at_once += sum(Fraction(c.amount) for c in level.fixed if c.after_s == 0)
        if not self.tariff.includes_vat:
            at_once *= 1 + self.vat
        return at_once > 0 and self.maximum is not None and self.gross + at_once > self.maximum

    def enter(self, number: int, at: int) -> None:
        self.level, self.entered, self.steps = number, at, True
        if number not in self.seen:
            self.seen.add(number)
            per_call = self.price("per_call", self.tariff.levels[number].per_call, at)
            self.pay("per_call", per_call, at)

    def ask(self, number: int, at: int) -> None:
        if number == self.level:
            return
        if self.refuses(number, at):
            self.refused.append((at, number))
        else:
            self.enter(number, at)

    def step(self, at: int) -> bool:
        """Make the automatic step that is due, if one is; says whether it was."""
        then = self.tariff.levels[self.level].then
        if not self.steps or not then or at != self.entered + then.after_s * SECOND:
            return False
        if ("step", at) in self.withheld:
            self.steps = False
        elif self.refuses(then.level, at):
            self.refused.append((at, then.level))
            self.steps = False
        else:
            self.enter(then.level, at)
        return True

    def pass_instant(self, at: int) -> None:
        """Do what falls due by itself: automatic steps, fixed charges, then the increment."""
        while self.step(at):
            pass
        level = self.tariff.levels[self.level]
        for charge in level.fixed:
            late = at - self.entered - charge.after_s * SECOND
            again = charge.every_s and late > 0 and late % (charge.every_s * SECOND) == 0
            if (late == 0 or again) and ("fixed", at) not in self.withheld:
                self.pay("fixed", self.price("fixed", charge.amount, at), at)
        if (at - self.start) % (self.increment * SECOND) == 0:
            self.seconds[self.level] += self.increment
            is_free = any(begin <= at and (end is None or at < end) for begin, end in self.free)
            if at - self.start >= self.tariff.free_s * SECOND and not is_free:
                per_minute = self.price("per_minute", level.per_minute, at)
                self.pay("time", per_minute * self.increment / 60, at)


def walk(
    tariff: Tariff,
    *,
    level: int,
    start_us: int,
    changes: Sequence[tuple[int, int]],
    end_us: int,
    horizon_us: int,
    ceiling: Callable[[str, str, int], Fraction | None] | None,
    free: Sequence[tuple[int, int | None]] = (),
    withheld: frozenset[tuple[str, int]] = frozenset(),
) -> Slow:
    """Price a call by looking at every instant at which anything could happen.

    Args:
        tariff: the table.
        level: at the start.
        start_us: of charging.
        changes: (instant, level), in order, none after the end.
        end_us: of the call.
        horizon_us: how far to look for the exhaustion, at least the end.
        ceiling: (category, what, instant) to the Swiss law's limit on a price; None for a
            country without a law.
        free: (first instant, first instant after or None) of each stretch of free time.
        withheld: (kind, instant) of what the table would bring by itself, and does not.
    """
    call = _Walk(tariff, start_us, ceiling, free, withheld)
    call.enter(level, start_us)
    origins = {start_us, *(at for at, _ in changes)}
    instants = {at for origin in origins for at in range(origin, horizon_us, SECOND)}
    result: Slow | None = None
    for at in sorted(instants | {end_us}):
        if at == end_us:
            result = _result(call)
        for asked_at, number in changes:
            if asked_at == at:
                call.ask(number, at)
        call.pass_instant(at)
    assert result is not None
    result.exhausted_us = call.exhausted
    return result


def _result(call: _Walk) -> Slow:
    rounded = _rounded(call)
    charge = rounded if call.maximum is None else min(rounded, call.maximum)
    exact = sum(call.lines.values(), Fraction(0))
    return Slow(
        exact=exact,
        charge=charge,
        vat=_centimes(charge * call.vat / (1 + call.vat)),
        lines={key: amount for key, amount in call.lines.items() if amount},
        seconds=+call.seconds,
        refused=list(call.refused),
        exhausted_us=None,
    )


def _rounded(call: _Walk) -> Fraction:
    if call.coin is None:
        return Fraction(call.gross * 10**6 // 1, 10**6)
    coins = call.gross // call.coin
    return (coins if coins * call.coin == call.gross else coins + 1) * call.coin


def _centimes(amount: Fraction) -> Fraction:
    with localcontext() as context:
        context.prec = 60
        decimal = Decimal(amount.numerator) / Decimal(amount.denominator)
        return Fraction(decimal.quantize(Decimal("0.01"), ROUND_HALF_UP))
