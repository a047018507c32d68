"""Numbers made of their raw entries in a tenth of the time, where nothing can be wrong.

Strategy: what is plainly good is made here; for all else None is given, and the long way (the
model, then `number_parts`) makes it, or says what is wrong. So only the long way knows faults,
and this one need only never accept what that one refuses, nor make anything else of it. Parts
that many numbers have alike (weeks, days, terms, a tariff from the start) go the long way once
and are shared.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeAlias, TypeVar
from zoneinfo import ZoneInfo

import orjson
from pydantic import TypeAdapter

from callcontrol.reference_file.model import (
    OverrideEntry,
    PublicHolidaysEntry,
    SettlementEntry,
    SlotEntry,
    SpecialDateEntry,
)
from callcontrol.reference_file.number_parts import (
    make_override,
    make_public_holidays,
    make_special_date,
    make_target,
    make_week,
)
from callcontrol.reference_file.parts import Faults, make_settlement
from callcontrol.reference_file.scalars import (
    CLOSED,
    Instant,
    Name,
    RouteName,
    Zone,
    address_of,
    zone_of,
)
from dialplan import (
    E164,
    DialplanError,
    Outcome,
    Override,
    Presentation,
    PublicHolidays,
    Route,
    ServiceNumber,
    Slot,
    SpecialDate,
    Step,
    Target,
    Timeline,
    WeekPlan,
    category_of,
    is_swiss,
)
from tariffs import Settlement

Raw: TypeAlias = Mapping[str, Any]
T = TypeVar("T")

_LONGEST_ADDRESS = 400
_LISTS = (list, tuple)
_NUMBER = frozenset(
    {
        "category", "customer", "tariff", "level", "zone", "routes", "default_route", "week",
        "special_dates", "public_holidays", "overrides", "presentation", "fixed_number",
        "refuses_withheld", "level_keys", "max_calls", "active_from", "active_until",
        "ported_out_at", "suspended", "closed_message", "failed_message",
        "test_callers", "settlement", "scheduled",
    }
)  # fmt: skip
_CHANGE = frozenset(
    {"at", "tariff", "level", "default_route", "presentation", "week", "routes"}
)
_ROUTE = frozenset({"steps", "limit_s"})
_STEP = frozenset({"targets", "ring_s", "next_on", "presentation"})
_TARGET = frozenset({"address", "gateways"})
_NO_ROUTES: Raw = {}
_NOBODY: frozenset[E164] = frozenset()


class _NotPlainlyGood(ValueError):
    """Left to the long way."""


def quick_number(
    number: E164, raw: Raw
) -> tuple[ServiceNumber, Settlement | None] | tuple[None, None]:
    """Make a number and its terms of what is plainly good; None for what may be, or not.

    Args:
        number: in E.164.
        raw: its entry in the form of the reference file.
    """
    try:
        _only(raw, _NUMBER)
        terms = raw.get("settlement")
        settlement = _settlement(_key(terms)) if terms is not None else None
        return _number(number, raw), settlement
    except (DialplanError, ValueError, TypeError, KeyError, AttributeError):
        return None, None


def _number(number: E164, raw: Raw) -> ServiceNumber:
    changes = [(_instant(change["at"]), change) for change in _list(raw.get("scheduled", ()))]
    for _, change in changes:
        _only(change, _CHANGE)
    if len({at for at, _ in changes}) < len(changes):
        raise _NotPlainlyGood
    fixed = raw.get("fixed_number")
    if fixed is not None and not is_swiss(fixed):
        raise _NotPlainlyGood
    category = raw.get("category")

    def timeline(name: str, initial: object, of: Callable[[Any], Timeline[T]]) -> Timeline[T]:
        first = of(initial)
        if not changes:
            return first
        later = [
            (at, of(change[name]).initial)
            for at, change in changes
            if change.get(name) is not None
        ]
        return Timeline(first.initial, tuple(later)) if later else first

    return ServiceNumber(
        number=number,
        category=(category_of(number) or "none") if category is None else category,
        customer_id=_name(raw["customer"]),
        tariff=timeline("tariff", raw["tariff"], _always_name),
        level=timeline("level", raw.get("level", 1), _always_level),
        zone=_zone(raw["zone"]) if "zone" in raw else zone_of("Europe/Zurich"),
        routes=_routes(raw, changes),
        default_route=timeline(
            "default_route", raw.get("default_route", CLOSED), _always_route_name
        ),
        week=timeline("week", raw.get("week", ()), _always_week),
        special_dates=(
            *[_special_date(_key(one)) for one in _list(raw.get("special_dates", ()))],
            *[_public_holidays(_key(one)) for one in _list(raw.get("public_holidays", ()))],
        ),
        overrides=tuple([_override(_key(one)) for one in _list(raw.get("overrides", ()))]),
        presentation=timeline(
            "presentation", raw.get("presentation", "caller"), _always_presentation
        ),
        fixed_number=fixed,
        refuses_withheld=_flag(raw.get("refuses_withheld", False)),
        level_keys=_flag(raw.get("level_keys", False)),
        max_calls=_whole_or_none(raw.get("max_calls")),
        active_from=_instant_or_none(raw.get("active_from")),
        active_until=_instant_or_none(raw.get("active_until")),
        ported_out_at=_instant_or_none(raw.get("ported_out_at")),
        suspended=_flag(raw.get("suspended", False)),
        closed_message=_name_or_none(raw.get("closed_message")),
        failed_message=_name_or_none(raw.get("failed_message")),
        test_callers=_swiss_numbers(raw.get("test_callers", ())),
    )


def _routes(raw: Raw, changes: list[tuple[datetime, Raw]]) -> dict[str, Timeline[Route]]:
    routes = {
        (name := _route_name(given)): Timeline(_route(name, route))
        for given, route in raw.get("routes", _NO_ROUTES).items()
    }
    if any(change.get("routes") for _, change in changes):
        versions: dict[str, list[tuple[datetime | None, Route]]] = {
            name: [(None, timeline.initial)] for name, timeline in routes.items()
        }
        for at, change in changes:
            for given, route in change.get("routes", _NO_ROUTES).items():
                name = _route_name(given)
                versions.setdefault(name, []).append((at, _route(name, route)))
        return {
            name: Timeline(initial, tuple((at, route) for at, route in later if at is not None))
            for name, ((_, initial), *later) in versions.items()
        }
    return routes


def _route(name: str, raw: Raw) -> Route:
    if name == CLOSED:
        raise _NotPlainlyGood
    _only(raw, _ROUTE)
    steps = tuple([_step(step) for step in _list(raw["steps"])])
    return Route(name=name, steps=steps, limit_s=_whole(raw.get("limit_s", 120)))


def _step(raw: Raw) -> Step:
    _only(raw, _STEP)
    shown = raw.get("presentation")
    return Step(
        targets=tuple([_target(target) for target in _list(raw["targets"])]),
        ring_s=_whole(raw.get("ring_s", 25)),
        next_on=_outcomes(tuple(_list(raw["next_on"]))) if "next_on" in raw else _EVERY_OUTCOME,
        presentation=None if shown is None else Presentation(shown),
    )


def _target(raw: Raw) -> Target:
    _only(raw, _TARGET)
    address = raw["address"]
    gateways = _names(tuple(_list(raw.get("gateways", ()))))
    if is_swiss(address):
        return Target(kind="pstn", address=address, gateways=gateways)
    if len(address) > _LONGEST_ADDRESS:
        raise _NotPlainlyGood
    return make_target(str(address_of(address)), gateways)


# Values of one word


def _only(raw: Raw, words: frozenset[str]) -> None:
    if not raw.keys() <= words:
        raise _NotPlainlyGood


def _list(value: object) -> list[Any] | tuple[Any, ...]:
    if not isinstance(value, _LISTS):
        raise _NotPlainlyGood
    return value


def _whole(value: object) -> int:
    if type(value) is not int:
        raise _NotPlainlyGood
    return value


def _whole_or_none(value: object) -> int | None:
    return None if value is None else _whole(value)


def _swiss_numbers(values: object) -> frozenset[E164]:
    numbers = _list(values)
    if not all(map(is_swiss, numbers)):
        raise _NotPlainlyGood
    return frozenset(numbers) if numbers else _NOBODY


def _flag(value: object) -> bool:
    if type(value) is not bool:
        raise _NotPlainlyGood
    return value


_INSTANT: TypeAdapter[datetime] = TypeAdapter(Instant)


def _instant(value: object) -> datetime:
    return _INSTANT.validate_python(value)


def _instant_or_none(value: object) -> datetime | None:
    return None if value is None else _instant(value)


# Parts that many have alike: judged once, and then the same object for all


_NAME: TypeAdapter[str] = TypeAdapter(Name)
_ROUTE_NAME: TypeAdapter[str] = TypeAdapter(RouteName)
_ZONE: TypeAdapter[str] = TypeAdapter(Zone)
_EVERY_OUTCOME = frozenset(Outcome)


@lru_cache(maxsize=65536)
def _name(value: str) -> str:
    return sys.intern(_NAME.validate_python(value))


def _name_or_none(value: str | None) -> str | None:
    return None if value is None else _name(value)


@lru_cache(maxsize=4096)
def _route_name(value: str) -> str:
    return sys.intern(_ROUTE_NAME.validate_python(value))


@lru_cache(maxsize=4096)
def _names(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(_name, values))


@lru_cache(maxsize=1024)
def _zone(value: str) -> ZoneInfo:
    return zone_of(_ZONE.validate_python(value))


@lru_cache(maxsize=64)
def _outcomes(values: tuple[str, ...]) -> frozenset[Outcome]:
    return frozenset(map(Outcome, values))


@lru_cache(maxsize=4096)
def _always_name(value: str) -> Timeline[str]:
    return Timeline(_name(value))


@lru_cache(maxsize=256, typed=True)
def _always_level(value: int) -> Timeline[int]:
    return Timeline(_whole(value))


@lru_cache(maxsize=4096)
def _always_route_name(value: str) -> Timeline[str | None]:
    name = _route_name(value)
    return Timeline(None if name == CLOSED else name)


@lru_cache(maxsize=16)
def _always_presentation(value: str) -> Timeline[Presentation]:
    return Timeline(Presentation(value))


def _always_week(value: object) -> Timeline[WeekPlan[Slot]]:
    return _week(_key(_list(value)))


@lru_cache(maxsize=65536)
def _week(key: bytes) -> Timeline[WeekPlan[Slot]]:
    entries = [SlotEntry.model_validate(slot) for slot in orjson.loads(key)]
    return Timeline(_whole_made(lambda faults: make_week(entries, faults)))


@lru_cache(maxsize=8192)
def _special_date(key: bytes) -> SpecialDate:
    entry = SpecialDateEntry.model_validate(orjson.loads(key))
    return _whole_made(lambda faults: make_special_date("", entry, faults))


@lru_cache(maxsize=1024)
def _public_holidays(key: bytes) -> PublicHolidays:
    entry = PublicHolidaysEntry.model_validate(orjson.loads(key))
    return _whole_made(lambda faults: make_public_holidays("", entry, faults))


@lru_cache(maxsize=8192)
def _override(key: bytes) -> Override:
    entry = OverrideEntry.model_validate(orjson.loads(key))
    return _whole_made(lambda faults: make_override("", entry, faults))


@lru_cache(maxsize=8192)
def _settlement(key: bytes) -> Settlement:
    entry = SettlementEntry.model_validate(orjson.loads(key))
    return _whole_made(lambda faults: make_settlement(entry, faults))


_key = orjson.dumps  # what is written alike is alike


def _whole_made(make: Callable[[Faults], T | None]) -> T:
    faults = Faults()
    made = make(faults)
    if made is None or faults.found:
        raise _NotPlainlyGood
    return made
