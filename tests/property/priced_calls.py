"""Random calls: tables of every shape, lawful or not, and what is asked of their meters."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from tariffs import (
    COINS,
    SWISS_LAW,
    FixedCharge,
    FreeTime,
    Law,
    Level,
    Meter,
    Rated,
    Rounding,
    Rule,
    Subject,
    Tariff,
    Then,
    Withheld,
)
from tests.property.slow_meter import SECOND, Slow, swiss_ceiling, walk

# midnights in Zurich: VAT rises on the first, the law below tightens on the second
NEW_YEAR_2024_US = 1_704_063_600 * SECOND
JUNE_2026_US = 1_780_264_800 * SECOND
NOON_US = 1_767_614_400 * SECOND

TIGHTENING_LAW = Law(
    country="CH",
    currency="CHF",
    zone="Europe/Zurich",
    rules=(
        *SWISS_LAW.rules,
        *(
            Rule(
                subjects=(subject,),
                categories=("0900", "0901", "0906"),
                value=Decimal(value),
                valid_from=date(2026, 6, 1),
                article="a new article",
                source="a new article",
            )
            for subject, value in ((Subject.PER_MINUTE, "3.333333"), (Subject.FIXED, "2"))
        ),
    ),
)


def tightening_ceiling(category: str, what: str, at_us: int) -> Fraction | None:
    """Give the limits of `TIGHTENING_LAW`, for the slow meter."""
    if category.startswith("090") and at_us >= JUNE_2026_US and what != "per_call":
        return Fraction("3.333333") if what == "per_minute" else Fraction(2)
    return swiss_ceiling(category, what, at_us)


LAWLESS = Law(country="XX", currency="CHF", zone="UTC", rules=())
CEILINGS = {
    id(SWISS_LAW): swiss_ceiling,
    id(TIGHTENING_LAW): tightening_ceiling,
    id(LAWLESS): None,
}


@dataclass(frozen=True)
class PricedCall:
    """A call and everything asked during it."""

    tariff: Tariff
    level: int
    start_us: int
    end_us: int
    changes: tuple[tuple[int, int], ...]
    law: Law
    free: tuple[FreeTime, ...] = ()
    withheld: tuple[Withheld, ...] = ()

    @property
    def told(self) -> list[tuple[int, int | bool]]:
        """List by instant what is told: a level asked for, or whether free time begins."""
        free: list[tuple[int, int | bool]] = []
        for one in self.free:  # the end of one comes before the beginning of the next
            free.append((one.from_us, True))
            if one.until_us is not None:
                free.append((one.until_us, False))
        return sorted([*self.changes, *free], key=lambda told: told[0])

    @property
    def latest_us(self) -> int:
        """The latest instant the meter is told."""
        return self.told[-1][0] if self.told else self.start_us

    @property
    def increment_s(self) -> int:
        """The seconds of an increment: one, where a law says so."""
        is_free = self.tariff.category == "0800" or self.law is LAWLESS
        return self.tariff.increment_s if is_free else 1

    @property
    def maximum(self) -> Fraction | None:
        """The most the call may cost."""
        maxima = [] if self.tariff.max_charge is None else [Fraction(self.tariff.max_charge)]
        if self.tariff.category.startswith("090") and self.law is not LAWLESS:
            maxima.append(Fraction(400))
        return min(maxima, default=None)

    def new_meter(self, **told: Any) -> Meter:
        """Begin to meter it; `told` is what the meter begins with."""
        return Meter(
            self.tariff,
            level=self.level,
            start_us=self.start_us,
            law=self.law,
            withheld=self.withheld,
            **told,
        )

    def meter(self) -> Meter:
        """Meter it, up to the last thing told."""
        meter = self.new_meter()
        for at_us, what in self.told:
            tell(meter, at_us, what)
        return meter

    def rated(self) -> Rated:
        """Price it the fast way."""
        return self.meter().stop(self.end_us)

    def slow(self, horizon_us: int) -> Slow:
        """Price it the slow way."""
        return walk(
            self.tariff,
            level=self.level,
            start_us=self.start_us,
            changes=self.changes,
            end_us=self.end_us,
            horizon_us=max(horizon_us, self.end_us),
            ceiling=CEILINGS[id(self.law)],
            free=[(one.from_us, one.until_us) for one in self.free],
            withheld=frozenset((one.kind, one.at_us) for one in self.withheld),
        )


def tell(meter: Meter, at_us: int, what: int | bool) -> None:
    """Tell a meter a level asked for, or that free time begins (True) or ends (False)."""
    if what is True:
        meter.free_from(at_us)
    elif what is False:
        meter.free_until(at_us)
    else:
        meter.change_level(what, at_us)


# Strategies are made once, and what is drawn together is drawn by plain functions: making them
# anew for every call took most of the time of a long run.


def _amounts(most: int) -> st.SearchStrategy[Decimal]:
    """Draw amounts from nothing to `most`: round ones, centimes, millionths."""
    return st.one_of(
        st.sampled_from([Decimal("0.00"), Decimal("0.08"), Decimal("1.00"), Decimal("2.50")]),
        _centimes(most * 100),
        st.integers(0, most * 10**6).map(lambda millionths: Decimal(millionths) / 10**6),
    )


def _centimes(most: int) -> st.SearchStrategy[Decimal]:
    return st.integers(0, most).map(lambda drawn: Decimal(drawn) / 100)


_BOOLEANS = st.booleans()
_SECONDS = st.one_of(st.integers(0, 5), st.integers(0, 120))
_OFFSETS = st.one_of(
    st.integers(0, 200).map(lambda whole: whole * SECOND),
    st.integers(0, 200 * SECOND),
)
_FIXED = st.lists(
    st.builds(
        FixedCharge,
        amount=st.one_of(_amounts(3), _amounts(110)),
        after_s=_SECONDS,
        every_s=st.one_of(st.none(), st.integers(1, 60)),
    ),
    max_size=2,
)
_PER_MINUTE = st.one_of(_amounts(10), _amounts(12))
_PER_CALL = st.one_of(st.just(Decimal("0.00")), _amounts(3), _amounts(110))
_NUMBERS = st.lists(st.integers(1, 90), min_size=2, max_size=4, unique=True)
_HOW_MANY = st.sampled_from(["few", "few", "few", "all"])
_TWO_OR_THREE = st.integers(2, 3)
_ONE_TO_THREE = st.integers(1, 3)
_RING_FIXED = st.one_of(
    st.just(()),
    st.builds(
        FixedCharge,
        amount=_centimes(50),
        after_s=st.sampled_from([0, 0, 1]),
        every_s=st.sampled_from([None, 1]),
    ).map(lambda charge: (charge,)),
)
_RING_PER_MINUTE, _RING_PER_CALL, _RING_MAXIMUM = _centimes(60), _centimes(20), _centimes(1000)
_RING_INCREMENT, _RING_FREE = st.sampled_from([1, 7]), st.sampled_from([0, 0, 1, 3])
_RING_LAW = st.sampled_from([SWISS_LAW, LAWLESS])
_RING_END = st.integers(0, 300)
_CATEGORIES = st.sampled_from(["0901", "0900", "0906", "0842", "0800"])
_INCLUDES_VAT = st.sampled_from([True, True, False])
_INCREMENT = st.sampled_from([1, 1, 7, 60])
_FREE = st.sampled_from([0, 0, 1, 10])
_COINS = st.sampled_from([None, *COINS])
_MAXIMUM = st.one_of(st.none(), _amounts(5), _amounts(200))
_DAYS = st.sampled_from([NEW_YEAR_2024_US, JUNE_2026_US, NOON_US])
_LAWS = st.sampled_from([SWISS_LAW, TIGHTENING_LAW, LAWLESS])
_CHANGES = st.lists(st.tuples(_OFFSETS, st.integers(0, 90)), max_size=5)
# Some of them fall on what a level brings: it is entered at a change, or at the start.
_WITHHELD = st.lists(
    st.tuples(st.sampled_from(["step", "fixed"]), st.integers(0, 5), _SECONDS),
    max_size=4,
)
_FREE_TIMES = st.lists(_OFFSETS, max_size=5)


def _level(draw: st.DrawFn, numbers: list[int], number: int) -> Level:
    """Draw one level of a table; a step of 0 seconds only leads upwards, so none goes round."""
    then = None
    if draw(_BOOLEANS):
        others = [other for other in numbers if other != number]
        following = others[draw(st.integers(0, len(others) - 1))]
        least_s = 0 if following > number else 1
        then = Then(after_s=draw(_SECONDS) + least_s, level=following)
    return Level(
        per_minute=draw(_PER_MINUTE),
        per_call=draw(_PER_CALL),
        fixed=tuple(draw(_FIXED)),
        then=then,
    )


def _ring(draw: st.DrawFn) -> dict[int, Level]:
    """Draw cheap levels whose steps go round and round, so that a round may be leaped over."""
    count = draw(_TWO_OR_THREE)
    return {
        number: Level(
            per_minute=draw(_RING_PER_MINUTE),
            per_call=draw(_RING_PER_CALL),
            fixed=draw(_RING_FIXED),
            then=Then(after_s=draw(_ONE_TO_THREE), level=number % count + 1),
        )
        for number in range(1, count + 1)
    }


def _table(draw: st.DrawFn) -> dict[int, Level]:
    """Draw levels: mostly a few, now and then all ninety, most of them alike."""
    drawn = draw(_NUMBERS)
    numbers = drawn if draw(_HOW_MANY) == "few" else list(range(1, 91))
    alike = Level(per_minute=Decimal("1.00"))
    return dict.fromkeys(numbers, alike) | {
        number: _level(draw, numbers, number) for number in drawn
    }


@st.composite
def round_calls(draw: st.DrawFn) -> PricedCall:
    """Draw a call at levels that go round, with little left to its maximum."""
    increment_s = draw(_RING_INCREMENT)
    tariff = Tariff(
        name="drawn",
        category="0901",
        increment_s=increment_s,
        free_s=increment_s * draw(_RING_FREE),
        max_charge=draw(_RING_MAXIMUM),
        levels=_ring(draw),
    )
    return PricedCall(
        tariff=tariff,
        level=1,
        start_us=NOON_US,
        end_us=NOON_US + draw(_RING_END) * SECOND,
        changes=(),
        law=draw(_RING_LAW),
        withheld=_withheld(draw, (NOON_US,)),
    )


def _tariff(draw: st.DrawFn) -> Tariff:
    """Draw a table with its terms."""
    increment_s = draw(_INCREMENT)
    return Tariff(
        name="drawn",
        category=draw(_CATEGORIES),
        includes_vat=draw(_INCLUDES_VAT),
        increment_s=increment_s,
        free_s=increment_s * draw(_FREE),
        rounding=Rounding(to=draw(_COINS)),
        max_charge=draw(_MAXIMUM),
        levels=_table(draw) if draw(_BOOLEANS) else _ring(draw),
    )


@st.composite
def priced_calls(draw: st.DrawFn) -> PricedCall:
    """Draw a call; its instants often fall together, and it may cross a midnight."""
    tariff = _tariff(draw)
    numbers = list(tariff.levels)
    start_us = draw(_DAYS) - draw(_OFFSETS)
    asked = sorted(draw(_CHANGES), key=lambda change: change[0])
    # now and then a level that no table has
    named = [91, *numbers * 4]
    changes = tuple((start_us + at, named[index % len(named)]) for at, index in asked)
    free = _free_times(draw, start_us)
    ends = [one.until_us or one.from_us for one in free]
    last_us = max([start_us, *(at_us for at_us, _ in changes), *ends])
    return PricedCall(
        tariff=tariff,
        level=numbers[draw(st.integers(0, len(numbers) - 1))],
        start_us=start_us,
        end_us=last_us + draw(_OFFSETS),
        changes=changes,
        law=draw(_LAWS),
        free=free,
        withheld=_withheld(draw, (start_us, *(at_us for at_us, _ in changes))),
    )


def _withheld(draw: st.DrawFn, origins: tuple[int, ...]) -> tuple[Withheld, ...]:
    """Draw what is withheld, whole seconds after a level may have been entered."""
    return tuple(
        Withheld(kind=kind, at_us=origins[origin % len(origins)] + after_s * SECOND)
        for kind, origin, after_s in draw(_WITHHELD)
    )


def _free_times(draw: st.DrawFn, start_us: int) -> tuple[FreeTime, ...]:
    """Draw stretches of free time in order; some touch, some are empty, the last may go on."""
    instants = sorted(start_us + at for at in draw(_FREE_TIMES))
    begun, ended = instants[::2], instants[1::2]
    return tuple(
        FreeTime(from_us=from_us, until_us=ended[index] if index < len(ended) else None)
        for index, from_us in enumerate(begun)
    )
