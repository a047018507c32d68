"""The rows of one number and its entry, both ways: change the two halves together.

What can be scheduled has an `effective_at`: -infinity for what holds from the start, else the
instant of a scheduled change. A `route` that is null stands for closed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import MINYEAR, UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from callcontrol.reference_file.model import NumberEntry, RouteEntry, SlotEntry
from callcontrol.reference_file.scalars import CLOSED
from dialplan import E164, parse_weekdays, weekdays_text

if TYPE_CHECKING:
    from asyncpg import Record

Row: TypeAlias = dict[str, Any]

_ALWAYS = "-infinity"
_TRANSPORT = {
    "transport_voip": "voip",
    "transport_fixed": "fixed",
    "transport_mobile": "mobile",
    "transport_international": "international",
}


class NumberRows:
    """Joins the rows of many numbers into the form of the reference file."""

    def __init__(self) -> None:
        self._numbers: dict[E164, dict[str, Any]] = {}
        self._changes: dict[tuple[E164, datetime], dict[str, Any]] = {}
        self._routes: dict[tuple[E164, str, datetime], dict[str, Any]] = {}

    def tables(self) -> Iterator[tuple[str, str, Callable[[Record], None]]]:
        """Give each table with the order of its rows and what takes a row, parents first."""
        yield "numbers", "number", self._take_number
        yield "number_tariffs", "effective_at", self._take_tariff
        yield "number_levels", "effective_at", self._take_level
        yield "number_presentations", "effective_at", self._take_presentation
        yield "number_default_routes", "effective_at", self._take_default_route
        yield "number_routes", "name, effective_at", self._take_route
        yield "route_steps", "step", self._take_step
        yield "route_targets", "step, position", self._take_target
        yield "number_weeks", "effective_at", self._take_week
        yield "week_slots", "position", self._take_slot
        yield "special_dates", "position", self._take_special_date
        yield "public_holidays", "position", self._take_public_holidays
        yield "overrides", "position", self._take_override

    def raw(self) -> Iterator[tuple[E164, dict[str, Any]]]:
        """Give every number, in the form of the reference file; once."""
        for route in self._routes.values():
            route["steps"] = list(route["steps"].values())
        # asyncpg gives the infinities without a zone, which cannot be compared with others.
        for number, at in sorted(self._changes, key=lambda key: key[1].replace(tzinfo=UTC)):
            self._numbers[number]["scheduled"].append(self._changes[number, at])
        yield from sorted(self._numbers.items())

    def _at(self, row: Record) -> dict[str, Any]:
        """Give what a dated row belongs to: the number, or the change at its instant."""
        number, at = row["number"], row["effective_at"]
        if at.year == MINYEAR:  # how asyncpg gives -infinity
            return self._numbers[number]
        return self._changes.setdefault((number, at), {"at": at})

    def _take_number(self, row: Record) -> None:
        raw = columns_of(row, "number", "settlement_share", *_TRANSPORT)
        if row["settlement_share"] is not None:
            prices = {name: row[column] for column, name in _TRANSPORT.items()}
            raw["settlement"] = {
                "share": row["settlement_share"],
                "transport_per_minute": prices,
            }
        raw |= {"scheduled": [], "special_dates": [], "public_holidays": [], "overrides": []}
        self._numbers[row["number"]] = raw

    def _take_tariff(self, row: Record) -> None:
        self._at(row)["tariff"] = row["tariff"]

    def _take_level(self, row: Record) -> None:
        self._at(row)["level"] = row["level"]

    def _take_presentation(self, row: Record) -> None:
        self._at(row)["presentation"] = row["presentation"]

    def _take_default_route(self, row: Record) -> None:
        self._at(row)["default_route"] = row["route"] or CLOSED

    def _take_route(self, row: Record) -> None:
        route = {"limit_s": row["limit_s"], "steps": {}}
        self._routes[row["number"], row["name"], row["effective_at"]] = route
        self._at(row).setdefault("routes", {})[row["name"]] = route

    def _take_step(self, row: Record) -> None:
        route = self._routes[row["number"], row["route"], row["effective_at"]]
        raw = columns_of(row, "number", "route", "effective_at", "step")
        route["steps"][row["step"]] = raw | {"targets": []}

    def _take_target(self, row: Record) -> None:
        route = self._routes[row["number"], row["route"], row["effective_at"]]
        route["steps"][row["step"]]["targets"].append(
            {"address": row["address"], "gateways": row["gateways"]}
        )

    def _take_week(self, row: Record) -> None:
        self._at(row)["week"] = []

    def _take_slot(self, row: Record) -> None:
        self._at(row)["week"].append(
            {
                "weekdays": weekdays_text(row["weekdays"]),
                "start": row["starts"],
                "end": row["ends"],
                "route": row["route"] or CLOSED,
            }
        )

    def _take_special_date(self, row: Record) -> None:
        raw = {"name": row["name"], "first": row["first_day"], "last": row["last_day"]}
        self._numbers[row["number"]]["special_dates"].append(raw | _route_of(row))

    def _take_public_holidays(self, row: Record) -> None:
        raw = {"canton": row["canton"], "country": row["country"]}
        self._numbers[row["number"]]["public_holidays"].append(raw | _route_of(row))

    def _take_override(self, row: Record) -> None:
        raw = {"from_at": row["from_at"], "until_at": row["until_at"]}
        self._numbers[row["number"]]["overrides"].append(raw | _route_of(row))


def _route_of(row: Record) -> dict[str, str]:
    return {"route": row["route"] or CLOSED}


def rows_of(entry: NumberEntry) -> Iterator[tuple[str, Row]]:
    """Give the rows of a number, each with its table, without the column `number`."""
    yield "numbers", _own_row(entry)
    yield from _dated_rows(_ALWAYS, dict(entry))
    for change in entry.scheduled:
        yield from _dated_rows(change.at, dict(change))
    for position, date in enumerate(entry.special_dates):
        row = {"name": date.name, "first_day": date.first, "last_day": date.last or date.first}
        yield "special_dates", row | _at_position(position, date.route)
    for position, days in enumerate(entry.public_holidays):
        yield "public_holidays", row_of(days) | _at_position(position, days.route)
    for position, override in enumerate(entry.overrides):
        yield "overrides", row_of(override) | _at_position(position, override.route)


def _at_position(position: int, route: str) -> Row:
    return {"position": position, "route": _route(route)}


def _own_row(entry: NumberEntry) -> Row:
    terms = entry.settlement
    prices = terms.transport_per_minute if terms else None
    return {
        "category": entry.category,
        "customer": entry.customer,
        "zone": entry.zone,
        "fixed_number": entry.fixed_number,
        "refuses_withheld": entry.refuses_withheld,
        "level_keys": entry.level_keys,
        "max_calls": entry.max_calls,
        "active_from": entry.active_from,
        "active_until": entry.active_until,
        "ported_out_at": entry.ported_out_at,
        "suspended": entry.suspended,
        "closed_message": entry.closed_message,
        "failed_message": entry.failed_message,
        "settlement_share": terms.share if terms else None,
        "transport_voip": prices.voip if prices else None,
        "transport_fixed": prices.fixed if prices else None,
        "transport_mobile": prices.mobile if prices else None,
        "transport_international": prices.international if prices else None,
    }


def _dated_rows(at: datetime | str, fields: Mapping[str, Any]) -> Iterator[tuple[str, Row]]:
    """Give the rows of what holds from an instant on; what a change leaves out has none."""
    date = {"effective_at": at}
    for field, table in (
        ("tariff", "number_tariffs"),
        ("level", "number_levels"),
        ("presentation", "number_presentations"),
    ):
        if fields[field] is not None:
            yield table, date | {field: fields[field]}
    if fields["default_route"] is not None:
        yield "number_default_routes", date | {"route": _route(fields["default_route"])}
    if fields["week"] is not None:
        yield "number_weeks", date
        for position, slot in enumerate(fields["week"]):
            yield "week_slots", date | {"position": position} | _slot_row(slot)
    for name, route in fields["routes"].items():
        yield "number_routes", date | {"name": name, "limit_s": route.limit_s}
        yield from _route_rows(date | {"route": name}, route)


def _slot_row(slot: SlotEntry) -> Row:
    return {
        "weekdays": sorted(parse_weekdays(slot.weekdays)),
        "starts": slot.start,
        "ends": slot.end,
        "route": _route(slot.route),
    }


def _route_rows(key: Row, route: RouteEntry) -> Iterator[tuple[str, Row]]:
    for number, step in enumerate(route.steps):
        of_step = key | {"step": number}
        yield "route_steps", of_step | row_of(step, "targets")
        for position, target in enumerate(step.targets):
            yield "route_targets", of_step | {"position": position} | row_of(target)


def _route(name: str) -> str | None:
    return None if name == CLOSED else name


def row_of(entry: Iterable[tuple[str, Any]], *without: str) -> Row:
    """Give an entry's fields as columns."""
    return {name: value for name, value in entry if name not in without}


def columns_of(row: Record, *without: str) -> dict[str, Any]:
    """Give a row's columns as fields."""
    return {name: value for name, value in row.items() if name not in without}
