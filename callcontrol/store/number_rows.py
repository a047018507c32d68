"""The rows of one number and its entry, both ways: change the two halves together.

What can be scheduled has an `effective_at`: -infinity for what holds from the start, else the
instant of a scheduled change. A `route` that is null stands for closed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

import orjson

from callcontrol.reference_file.model import (
    LevelSlotEntry,
    NumberEntry,
    RouteEntry,
    SlotEntry,
)
from callcontrol.reference_file.scalars import CLOSED
from dialplan import parse_weekdays, weekdays_text

if TYPE_CHECKING:
    from asyncpg import Record

Row: TypeAlias = dict[str, Any]

_ALWAYS = "-infinity"


def number_query(which: str) -> str:
    """Give the query for numbers with all that belongs to them.

    It has two columns: `number`, and `entry`, the JSON text of what `raw_of` reads. Postgres
    puts together what belongs to a number: it sends a sixteenth of the rows that way, and does
    so on a processor of its own.

    Args:
        which: numbers, as an SQL condition on the column `number`.
    """
    return _QUERY.format(which=which)


def raw_of(text: str) -> dict[str, Any]:
    """Read the JSON text of a number as its entry in the reference file."""
    raw: dict[str, Any] = orjson.loads(text)
    for slot in raw.get("level_week", ()):
        slot["weekdays"] = _weekdays_text(tuple(slot["weekdays"]))
    for dated in (raw, *raw.get("scheduled", ())):
        for slot in dated.get("week", ()):
            slot["weekdays"] = _weekdays_text(tuple(slot["weekdays"]))
    return raw


_weekdays_text = lru_cache(maxsize=256)(weekdays_text)

# Every part reads its own table by the same condition, so that each is found by its key;
# `closed` is how an entry says CLOSED.
_QUERY = """
WITH targets AS MATERIALIZED (
    SELECT number, route, effective_at, step, json_agg(json_build_object(
        'address', address, 'gateways', gateways) ORDER BY position) AS targets
    FROM route_targets WHERE {which} GROUP BY number, route, effective_at, step
), steps AS MATERIALIZED (
    SELECT number, route, effective_at, json_agg(json_build_object(
        'ring_s', ring_s, 'next_on', next_on, 'presentation', presentation,
        'targets', coalesce(targets, '[]')) ORDER BY step) AS steps
    FROM route_steps LEFT JOIN targets USING (number, route, effective_at, step)
    WHERE {which} GROUP BY number, route, effective_at
), routes AS MATERIALIZED (
    SELECT number, effective_at, json_object_agg(name, json_build_object(
        'limit_s', limit_s, 'steps', coalesce(steps, '[]')) ORDER BY name) AS routes
    FROM number_routes
    LEFT JOIN (SELECT route AS name, * FROM steps) AS of USING (number, name, effective_at)
    WHERE {which} GROUP BY number, effective_at
), weeks AS MATERIALIZED (
    SELECT number, effective_at, coalesce(json_agg(json_build_object(
        'weekdays', weekdays, 'start', starts, 'end', ends,
        'route', coalesce(route, 'closed')) ORDER BY position)
        FILTER (WHERE position IS NOT NULL), '[]') AS week
    FROM number_weeks LEFT JOIN week_slots USING (number, effective_at)
    WHERE {which} GROUP BY number, effective_at
), default_routes AS MATERIALIZED (
    SELECT number, effective_at, coalesce(route, 'closed') AS default_route
    FROM number_default_routes WHERE {which}
), dated AS MATERIALIZED (
    SELECT *, effective_at = '-infinity' AS is_initial
    FROM (SELECT * FROM number_tariffs WHERE {which}) AS tariffs
    FULL JOIN (SELECT * FROM number_levels WHERE {which}) AS levels
        USING (number, effective_at)
    FULL JOIN (SELECT * FROM number_presentations WHERE {which}) AS presentations
        USING (number, effective_at)
    FULL JOIN default_routes USING (number, effective_at)
    FULL JOIN routes USING (number, effective_at)
    FULL JOIN weeks USING (number, effective_at)
), scheduled AS MATERIALIZED (
    SELECT number, json_agg(json_build_object('at', effective_at, 'tariff', tariff,
        'level', level, 'presentation', presentation, 'default_route', default_route,
        'week', week, 'routes', routes) ORDER BY effective_at) AS scheduled
    FROM dated WHERE NOT is_initial GROUP BY number
), level_weeks AS MATERIALIZED (
    SELECT number, json_agg(json_build_object('weekdays', weekdays, 'start', starts,
        'end', ends, 'level', level) ORDER BY position) AS level_week
    FROM level_slots WHERE {which} GROUP BY number
), days AS MATERIALIZED (
    SELECT number, json_agg(json_build_object('name', name, 'first', first_day,
        'last', last_day, 'route', coalesce(route, 'closed')) ORDER BY position)
        AS special_dates
    FROM special_dates WHERE {which} GROUP BY number
), holidays AS MATERIALIZED (
    SELECT number, json_agg(json_build_object('canton', canton, 'country', country,
        'route', coalesce(route, 'closed')) ORDER BY position) AS public_holidays
    FROM public_holidays WHERE {which} GROUP BY number
), forced AS MATERIALIZED (
    SELECT number, json_agg(json_build_object('from_at', from_at, 'until_at', until_at,
        'route', coalesce(route, 'closed')) ORDER BY position) AS overrides
    FROM overrides WHERE {which} GROUP BY number
)
SELECT number, json_strip_nulls(json_build_object(
    'category', category, 'customer', customer, 'tariff', tariff, 'level', level,
    'zone', zone, 'routes', routes, 'default_route', default_route, 'week', week,
    'special_dates', special_dates, 'public_holidays', public_holidays,
    'overrides', overrides, 'presentation', presentation, 'fixed_number', fixed_number,
    'refuses_withheld', refuses_withheld, 'level_keys', level_keys, 'max_calls', max_calls,
    'level_week', level_week, 'level_week_live', nullif(level_week_live, false),
    'active_from', active_from, 'active_until', active_until,
    'ported_out_at', ported_out_at, 'suspended', suspended,
    'closed_message', closed_message, 'failed_message', failed_message,
    'test_callers', CASE WHEN test_callers <> '{{}}' THEN test_callers END,
    'scheduled', scheduled,
    'settlement', CASE WHEN settlement_share IS NOT NULL THEN json_build_object(
        'share', settlement_share::text, 'transport_per_minute', json_build_object(
            'voip', transport_voip::text, 'fixed', transport_fixed::text,
            'mobile', transport_mobile::text,
            'international', transport_international::text)) END
))::text AS entry
FROM (SELECT * FROM numbers WHERE {which}) AS numbers
LEFT JOIN (SELECT * FROM dated WHERE is_initial) AS initial USING (number)
LEFT JOIN scheduled USING (number)
LEFT JOIN level_weeks USING (number)
LEFT JOIN days USING (number)
LEFT JOIN holidays USING (number)
LEFT JOIN forced USING (number)
ORDER BY number
"""


def rows_of(entry: NumberEntry) -> Iterator[tuple[str, Row]]:
    """Give the rows of a number, each with its table, without the column `number`."""
    yield "numbers", _own_row(entry)
    yield from _dated_rows(_ALWAYS, dict(entry))
    for change in entry.scheduled:
        yield from _dated_rows(change.at, dict(change))
    for position, slot in enumerate(entry.level_week):
        own = {"position": position, "level": slot.level}
        yield "level_slots", own | _stretch_row(slot)
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
        "level_week_live": entry.level_week_live,
        "max_calls": entry.max_calls,
        "active_from": entry.active_from,
        "active_until": entry.active_until,
        "ported_out_at": entry.ported_out_at,
        "suspended": entry.suspended,
        "closed_message": entry.closed_message,
        "failed_message": entry.failed_message,
        "test_callers": entry.test_callers,
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
    return _stretch_row(slot) | {"route": _route(slot.route)}


def _stretch_row(slot: SlotEntry | LevelSlotEntry) -> Row:
    return {
        "weekdays": sorted(parse_weekdays(slot.weekdays)),
        "starts": slot.start,
        "ends": slot.end,
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
