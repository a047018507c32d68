"""Law: a country's limits on prices as dated rows, applied when a price is entered or in force.

Strategy: every limit is a Rule, a row of a table, with the day it came into force and its
source. Of the rows on one subject the newest that has begun holds; before the first one the
first stands in, so that a call of any date is held to limits we know. A rule begins at
midnight in the country's own time zone.

A limit is compared on its own side of the tax: where the law means a price without VAT and the
table's prices include it, the limit is raised by the rate of the day, never the price rounded.
084x in 2026: 0.075 x 1.081 = 0.081075 is the most a table's minute may cost, tax included.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from zoneinfo import ZoneInfo

from tariffs.errors import Fault
from tariffs.level import Level
from tariffs.tariff import Tariff
from tariffs.vat import with_vat, without_vat

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONG_PAST_US = -(2**62)


class Subject(StrEnum):
    """What a rule speaks of; where a table has a field for it, the field's path."""

    PER_MINUTE = "per_minute"
    PER_CALL = "per_call"
    FIXED = "fixed"
    WHOLE_CALL = "max_charge"
    INCREMENT_S = "increment_s"
    ROUNDING_TO = "rounding.to"
    SPOKEN_ABOVE = "announcement.spoken_above"
    SPOKEN_WAIT_S = "announcement.spoken_wait_s"
    SPOKEN_ON_CHANGE_ABOVE = "spoken on a change above"
    CONSENT_FIXED_ABOVE = "announcement.consent_fixed_above"
    CONSENT_PER_MINUTE_ABOVE = "announcement.consent_per_minute_above"
    VAT = "vat"


PRICES = (Subject.PER_MINUTE, Subject.PER_CALL, Subject.FIXED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row of the table.

    Attributes:
        subjects: what it limits; the value is the most each may be (a wait: the least).
        value: amount in the law's currency, or seconds, or a share.
        categories: of numbers; empty means all.
        valid_from: the day it came into force; None for a day we do not know, long past.
        article: as cited to the person whose price is refused.
        source: act, collection number, article and paragraph.
        with_vat: whether the value means a price with VAT.
        confirmed: False for what comes from a source that could not be read in full.
        wording: what a refusal says; empty makes it from the value.
    """

    subjects: tuple[Subject, ...]
    value: Decimal
    article: str
    source: str
    valid_from: date | None = None
    categories: tuple[str, ...] = ()
    with_vat: bool = True
    confirmed: bool = True
    wording: str = ""

    def ceiling(self, *, includes_vat: bool, vat_rate: Decimal) -> Fraction:
        """Give the limit for prices that include VAT, or for prices that do not."""
        value = Fraction(self.value)
        if self.with_vat == includes_vat:
            return value
        return with_vat(value, vat_rate) if includes_vat else without_vat(value, vat_rate)

    def refusal(self, currency: str) -> str:
        """Say in a few words what a price above the limit offends against."""
        net = "" if self.with_vat else " without VAT"
        wording = self.wording or f"above {currency} {self.value}{net}"
        return f"{wording} ({self.article})"


@dataclass(frozen=True, kw_only=True, eq=False)
class Law:
    """The dated table of one country.

    Attributes:
        country: ISO 3166, two letters.
        currency: of the limits.
        zone: IANA time zone in which a rule's day begins.
        rules: in any order.
    """

    country: str
    currency: str
    zone: str
    rules: tuple[Rule, ...]
    _dated: dict[tuple[Subject, str], list[tuple[int, Rule]]] = field(
        init=False, repr=False, default_factory=dict
    )
    _begins: list[int] = field(init=False, repr=False, default_factory=list)

    def __post_init__(self) -> None:
        """Sort the rows by subject, category and day."""
        for rule in self.rules:
            for subject in rule.subjects:
                for category in rule.categories or ("",):
                    row = (self._begins_us(rule), rule)
                    self._dated.setdefault((subject, category), []).append(row)
        for rows in self._dated.values():
            rows.sort(key=lambda row: row[0])
        self._begins.extend(sorted({self._begins_us(rule) for rule in self.rules}))

    def period(self, at_us: int) -> int:
        """Number the time in which no rule changes that an instant lies in."""
        return bisect_right(self._begins, at_us)

    def rule(self, subject: Subject, category: str, at_us: int) -> Rule | None:
        """Find the rule that holds at an instant, µs since the epoch; "" is every category."""
        rows = self._dated.get((subject, category))
        if rows is None:
            return None
        begun = bisect_right(rows, at_us, key=lambda row: row[0])
        return rows[max(begun - 1, 0)][1]

    def value(self, subject: Subject, category: str, at_us: int) -> Decimal | None:
        """Give the value of the rule that holds at an instant, or None when there is none."""
        rule = self.rule(subject, category, at_us)
        return rule.value if rule else None

    def vat_rate(self, at_us: int) -> Decimal:
        """Give the rate of the day, a share such as 0.081; the date of the call decides."""
        return self.value(Subject.VAT, "", at_us) or Decimal(0)

    def call_maximum(self, category: str, at_us: int) -> Decimal | None:
        """Give the most a whole call that starts at an instant may cost, VAT included."""
        return self.value(Subject.WHOLE_CALL, category, at_us)

    def ceiling(
        self, subject: Subject, tariff: Tariff, at_us: int, *, vat_rate: Decimal
    ) -> Fraction | None:
        """Give the most a table's price may be at an instant, on the table's own side of VAT.

        Args:
            subject: one of `PRICES`.
            tariff: says the category and whether its prices include VAT.
            at_us: µs since the epoch.
            vat_rate: of the day of the call.
        """
        rule = self.rule(subject, tariff.category, at_us)
        if rule is None:
            return None
        return rule.ceiling(includes_vat=tariff.includes_vat, vat_rate=vat_rate)

    def price_changes(self, category: str, after_us: int) -> tuple[int, ...]:
        """List the instants after one at which a limit on a category's prices changes."""
        if self.period(after_us) == len(self._begins):
            return ()
        rows = (self._dated.get((subject, category), [])[1:] for subject in PRICES)
        return tuple(sorted({at for dated in rows for at, _ in dated if at > after_us}))

    def faults(self, tariff: Tariff, at_us: int) -> tuple[Fault, ...]:
        """Find everything a table may not be at an instant: when it is entered or scheduled.

        Args:
            tariff: well formed.
            at_us: the instant it takes effect, µs since the epoch.
        """
        vat_rate = self.vat_rate(at_us)
        levels = (
            fault.under(f"levels.{number}")
            for number, level in tariff.levels.items()
            for fault in self._level_faults(tariff, level, at_us, vat_rate)
        )
        return (*self._table_faults(tariff, at_us), *levels)

    def refuses(
        self, tariff: Tariff, number: int, at_us: int, *, vat_rate: Decimal | None = None
    ) -> str | None:
        """Say why a level may not come into force at an instant, or None.

        Args:
            tariff: has the level.
            number: of the level.
            at_us: µs since the epoch.
            vat_rate: of the day of the call; None means the call starts at that instant.
        """
        rate = self.vat_rate(at_us) if vat_rate is None else vat_rate
        for fault in self._level_faults(tariff, tariff.levels[number], at_us, rate):
            return f"{fault.path} {fault.message}"
        return None

    def _table_faults(self, tariff: Tariff, at_us: int) -> Iterator[Fault]:
        if tariff.currency != self.currency:
            yield Fault(
                path="currency", message=f"the law of {self.country} limits {self.currency}"
            )
        policy = tariff.announcement
        for subject, value in (
            (Subject.WHOLE_CALL, tariff.max_charge),
            (Subject.INCREMENT_S, Decimal(tariff.increment_s)),
            (Subject.ROUNDING_TO, tariff.rounding.to),
            (Subject.SPOKEN_ABOVE, policy.spoken_above),
            (Subject.CONSENT_FIXED_ABOVE, policy.consent_fixed_above),
            (Subject.CONSENT_PER_MINUTE_ABOVE, policy.consent_per_minute_above),
        ):
            rule = self.rule(subject, tariff.category, at_us)
            if rule is not None and value is not None and value > rule.value:
                yield Fault(path=subject, message=rule.refusal(self.currency))
        wait = self.rule(Subject.SPOKEN_WAIT_S, tariff.category, at_us)
        if wait and policy.spoken_wait_s is not None and policy.spoken_wait_s < wait.value:
            yield Fault(path=Subject.SPOKEN_WAIT_S, message=wait.refusal(self.currency))

    def _level_faults(
        self, tariff: Tariff, level: Level, at_us: int, vat_rate: Decimal
    ) -> Iterator[Fault]:
        prices: Iterable[tuple[Subject, str, Decimal]] = (
            (Subject.PER_MINUTE, "per_minute", level.per_minute),
            (Subject.PER_CALL, "per_call", level.per_call),
            *(
                (Subject.FIXED, f"fixed.{index}.amount", charge.amount)
                for index, charge in enumerate(level.fixed)
            ),
        )
        for subject, path, price in prices:
            rule = self.rule(subject, tariff.category, at_us)
            included = tariff.includes_vat
            if rule and Fraction(price) > rule.ceiling(
                includes_vat=included, vat_rate=vat_rate
            ):
                yield Fault(path=path, message=rule.refusal(self.currency))

    def _begins_us(self, rule: Rule) -> int:
        day = rule.valid_from
        if day is None:
            return _LONG_PAST_US
        midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(self.zone))
        return (midnight - _EPOCH) // timedelta(microseconds=1)
