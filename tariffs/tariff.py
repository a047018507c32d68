"""Tariff: a table of 1 to 90 levels, the terms they share, and when it is valid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Literal, get_args

from tariffs.errors import Fault, InvalidTariff
from tariffs.level import LEVELS, Level, amount_faults, level_faults, seconds_faults
from tariffs.money import amount_fault

CATEGORIES = ("0800", "00800", "0840", "0842", "0844", "0848", "0900", "0901", "0906")
COINS = tuple(Decimal(coin) for coin in ("0.01", "0.05", "0.10", "0.20", "0.50", "1.00"))
LONGEST_INCREMENT_S = 3600

TariffClass = Literal["online", "offline-a", "offline-b"]
"""How the operator a caller belongs to learns what the call cost.

online: it knows the prices and rates the call itself. offline-a: it is sent a charge record,
and could rate the call as well. offline-b: it is sent a charge record, as only we can know.
Source: the classes of the Swiss database of service numbers, INet.
"""
TARIFF_CLASSES: tuple[TariffClass, ...] = get_args(TariffClass)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rounding:
    """How the final amount is rounded, once.

    Attributes:
        to: one of `COINS`; None keeps the amount to the millionth and cuts off the rest.
        mode: up, the only way the law knows.
    """

    to: Decimal | None = None
    mode: Literal["up"] = "up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """When the price is spoken and confirmed; None leaves it to the law, less is refused.

    Attributes:
        language: language tag of the service, in which the price is spoken.
        spoken_above: base fee or minute price above which the price is spoken before charging.
        spoken_wait_s: seconds from the end of the announcement to the first charge.
        consent_fixed_above: base or fixed fee above which the caller must press a key.
        consent_per_minute_above: minute price above which the caller must press a key.
    """

    language: str = "de"
    spoken_above: Decimal | None = None
    spoken_wait_s: int | None = None
    consent_fixed_above: Decimal | None = None
    consent_per_minute_above: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tariff:
    """A tariff table; one that exists is well formed, whether lawful is for a Law to say.

    Attributes:
        name: what a number refers to it by.
        category: one of `CATEGORIES`; decides which limits of the law hold.
        levels: by number, 1 to 90.
        currency: ISO 4217.
        includes_vat: callers' prices do; if not, VAT is added to the total before rounding.
        increment_s: seconds; each one started is charged whole.
        free_s: seconds from the start in which time costs nothing, whole increments.
        rounding: of the final amount.
        max_charge: the most a call may cost, VAT included; None leaves it to the law.
        valid_from: aware; the first instant a call may be charged by this table.
        valid_until: aware; the first instant it may no longer be.
        version: what the record of a call names, so that its charge can be computed again.
        announcement: when the price is spoken and confirmed.
        tariff_class: how the caller's operator learns the charge; None: as `charge_class`.
        worked_out: what `terms.py` has worked out of the table, once for all its calls.

    Raises:
        InvalidTariff: with every fault found.
    """

    name: str
    category: str
    levels: Mapping[int, Level]
    currency: str = "CHF"
    includes_vat: bool = True
    increment_s: int = 1
    free_s: int = 0
    rounding: Rounding = Rounding()
    max_charge: Decimal | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    version: str = ""
    announcement: Announcement = Announcement()
    tariff_class: TariffClass | None = None
    worked_out: dict[object, object] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        """Judge the whole table, then freeze its levels in the order of their numbers."""
        if faults := tuple(_faults(self)):
            raise InvalidTariff(faults)
        object.__setattr__(self, "levels", MappingProxyType(dict(sorted(self.levels.items()))))

    @property
    def costs_something(self) -> bool:
        """Say whether any price of any level is above nothing."""
        return any(
            level.per_minute or level.per_call or any(charge.amount for charge in level.fixed)
            for level in self.levels.values()
        )

    @property
    def charge_class(self) -> TariffClass:
        """Give the class: of a table with several levels we alone know which was in force."""
        return self.tariff_class or ("offline-b" if len(self.levels) > 1 else "online")

    def is_valid_at(self, at: datetime) -> bool:
        """Say whether a call that starts at an instant may be charged by this table."""
        started = self.valid_from is None or self.valid_from <= at
        return started and (self.valid_until is None or at < self.valid_until)


def _faults(tariff: Tariff) -> Iterator[Fault]:
    yield from _shared_faults(tariff)
    yield from _validity_faults(tariff)
    for fault in _announcement_faults(tariff.announcement):
        yield fault.under("announcement")
    if not tariff.levels:
        yield Fault(path="levels", message="a table has at least one level")
    for number, level in tariff.levels.items():
        path = f"levels.{number}"
        if type(number) is not int or number not in LEVELS:
            yield Fault(path=path, message="a level is numbered 1 to 90")
        yield from (fault.under(path) for fault in level_faults(level))
    yield from _step_faults(tariff.levels)


def _shared_faults(tariff: Tariff) -> Iterator[Fault]:
    if tariff.category not in CATEGORIES:
        yield Fault(path="category", message=f"not one of {', '.join(CATEGORIES)}")
    if not (
        len(tariff.currency) == 3 and tariff.currency.isascii() and tariff.currency.isupper()
    ):
        yield Fault(path="currency", message="not three capital letters")
    seconds = (
        *seconds_faults("increment_s", tariff.increment_s, least=1, most=LONGEST_INCREMENT_S),
        *seconds_faults("free_s", tariff.free_s),
    )
    yield from seconds
    if not seconds and tariff.free_s % tariff.increment_s:
        yield Fault(path="free_s", message="not a whole number of increments")
    coin = tariff.rounding.to
    # a Decimal equals a float of the same value, and comparing a signalling NaN raises
    if coin is not None and (amount_fault(coin) or coin not in COINS):
        yield Fault(path="rounding.to", message=f"not one of {', '.join(map(str, COINS))}")
    if tariff.tariff_class not in (None, *TARIFF_CLASSES):
        yield Fault(path="tariff_class", message=f"not one of {', '.join(TARIFF_CLASSES)}")
    if tariff.rounding.mode != "up":
        yield Fault(path="rounding.mode", message="not up")
    if tariff.max_charge is not None:
        yield from amount_faults("max_charge", tariff.max_charge)


def _validity_faults(tariff: Tariff) -> Iterator[Fault]:
    for name in ("valid_from", "valid_until"):
        at: datetime | None = getattr(tariff, name)
        if at is not None and at.utcoffset() is None:
            yield Fault(path=name, message="has no time zone")
            return
    if tariff.valid_from and tariff.valid_until and tariff.valid_until <= tariff.valid_from:
        yield Fault(path="valid_until", message="not after valid_from")


def _announcement_faults(policy: Announcement) -> Iterator[Fault]:
    if not (policy.language.isascii() and policy.language.replace("-", "").isalnum()):
        yield Fault(path="language", message="not a language tag such as de or fr-CH")
    if policy.spoken_wait_s is not None:
        yield from seconds_faults("spoken_wait_s", policy.spoken_wait_s)
    for path, amount in (
        ("spoken_above", policy.spoken_above),
        ("consent_fixed_above", policy.consent_fixed_above),
        ("consent_per_minute_above", policy.consent_per_minute_above),
    ):
        if amount is not None:
            yield from amount_faults(path, amount)


def _step_faults(levels: Mapping[int, Level]) -> Iterator[Fault]:
    """Find steps that lead nowhere, to themselves, or round and round at one instant."""
    for number, level in levels.items():
        if level.then is None:
            continue
        if level.then.level == number:
            yield Fault(path=f"levels.{number}.then.level", message="the level itself")
        elif type(level.then.level) is not int or level.then.level not in levels:
            message = f"the table has no level {level.then.level}"
            yield Fault(path=f"levels.{number}.then.level", message=message)
        elif _returns_at_once(levels, number):
            message = "the steps lead back to this level without any time passing"
            yield Fault(path=f"levels.{number}.then", message=message)


def _returns_at_once(levels: Mapping[int, Level], start: int) -> bool:
    """Follow the steps of 0 seconds from a level; one round visits no level twice."""
    number = start
    for _ in levels:
        level = levels.get(number)
        if level is None or level.then is None or level.then.after_s != 0:
            return False
        number = level.then.level
        if number == start:
            return True
    return False
