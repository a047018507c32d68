"""Writes a reference to its rows: what differs from what is there, in one transaction.

Strategy: a part that differs is written whole (its row updated, the rows below it replaced), a
part that is equal is not touched, so that engines are told of what changed and of nothing else.
Rows go over as JSON, which Postgres takes apart itself: one statement for any number of rows,
lists included, and amounts as the text they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from callcontrol.reference_file.differences import Difference
from callcontrol.reference_file.model import ReferenceFile, TariffEntry
from callcontrol.reference_file.scalars import plain
from callcontrol.store.number_rows import Row, row_of, rows_of
from dialplan import E164

if TYPE_CHECKING:
    from callcontrol.store.pool import Connection

_AT_ONCE = 2000  # rows in one statement

# Everything a number has beside its own row, children before their parents.
_BELOW_NUMBERS = (
    "week_slots",
    "number_weeks",
    "route_targets",
    "route_steps",
    "number_routes",
    "number_tariffs",
    "number_levels",
    "number_presentations",
    "number_default_routes",
    "level_slots",
    "special_dates",
    "public_holidays",
    "overrides",
)


async def write_differences(
    connection: Connection, file: ReferenceFile, found: Sequence[Difference]
) -> None:
    """Make the rows say what a file says.

    Args:
        connection: in a transaction in which the rows were compared with the file.
        file: canonical, and without a fault.
        found: where the rows differ from it.
    """
    changed: dict[str, list[Any]] = {}
    removed: dict[str, list[Any]] = {}
    for difference in found:
        side = removed if difference.kind == "removed" else changed
        side.setdefault(difference.section, []).append(difference.key)
    await _write_plain(connection, "gateways", "name", file.gateways, changed)
    await _write_plain(connection, "operators", "code", file.operators, changed)
    await _write_plain(connection, "customers", "id", file.customers, changed)
    for name in changed.get("tariffs", ()):
        await _write_tariff(connection, name, file.tariffs[name])
    await _write_numbers(connection, file, changed.get("numbers", []))
    await _write_blacklist(connection, file, changed, removed)
    for section, key in (
        ("numbers", "number"),
        ("tariffs", "name"),
        ("customers", "id"),
        ("gateways", "name"),
        ("operators", "code"),
    ):
        if keys := removed.get(section):
            await connection.execute(f"DELETE FROM {section} WHERE {key} = ANY($1)", keys)  # noqa: S608


async def _write_plain(
    connection: Connection,
    table: str,
    key: str,
    entries: Mapping[str, Any],
    changed: Mapping[str, Sequence[str]],
) -> None:
    rows = [{key: name} | row_of(entries[name]) for name in changed.get(table, ())]
    await _insert(connection, table, rows, key=key)


async def _write_tariff(
    connection: Connection, name: str, tables: Iterable[TariffEntry]
) -> None:
    await connection.execute(
        "INSERT INTO tariffs (name) VALUES ($1) ON CONFLICT DO NOTHING", name
    )
    tariff_id = await connection.fetchval("SELECT id FROM tariffs WHERE name = $1", name)
    await connection.execute("DELETE FROM tariff_tables WHERE tariff_id = $1", tariff_id)
    for table in tables:
        row = row_of(table, "levels", "rounding", "announcement") | {
            "tariff_id": tariff_id,
            "rounding_to": table.rounding.to,
            "rounding_mode": table.rounding.mode,
            **row_of(table.announcement),
        }
        columns = ", ".join(row)
        table_id = await connection.fetchval(
            f"INSERT INTO tariff_tables ({columns}) SELECT {columns}"  # noqa: S608  our own words
            " FROM json_populate_record(NULL::tariff_tables, $1) RETURNING id",
            _json(row),
        )
        levels, charges = _level_rows(table_id, table)
        await _insert(connection, "tariff_levels", levels)
        await _insert(connection, "tariff_fixed_charges", charges)


def _level_rows(table_id: int, table: TariffEntry) -> tuple[list[Row], list[Row]]:
    levels = []
    charges = []
    for number, level in table.levels.items():
        key: Row = {"table_id": table_id, "level": number}
        levels.append(
            key
            | {
                "per_minute": level.per_minute,
                "per_call": level.per_call,
                "then_after_s": level.then.after_s if level.then else None,
                "then_level": level.then.level if level.then else None,
            }
        )
        charges += [
            key | {"position": position} | row_of(charge)
            for position, charge in enumerate(level.fixed)
        ]
    return levels, charges


async def _write_numbers(
    connection: Connection, file: ReferenceFile, numbers: Sequence[E164]
) -> None:
    for table in _BELOW_NUMBERS if numbers else ():
        await connection.execute(
            f"DELETE FROM {table} WHERE number = ANY($1)",  # noqa: S608  our own words
            numbers,
        )
    rows: dict[str, list[Row]] = {"numbers": []}
    for number in numbers:
        for table, row in rows_of(file.numbers[number]):
            rows.setdefault(table, []).append({"number": number} | row)
    for table, of_table in rows.items():
        key = "number" if table == "numbers" else None
        await _insert(connection, table, of_table, key=key)


async def _write_blacklist(
    connection: Connection,
    file: ReferenceFile,
    changed: Mapping[str, Sequence[Any]],
    removed: Mapping[str, Sequence[Any]],
) -> None:
    names = ("customer", "number", "pattern", "action", "valid_from")
    keys = [*changed.get("blacklist", ()), *removed.get("blacklist", ())]
    gone = [{name: word or None for name, word in zip(names, key, strict=True)} for key in keys]
    for some in _parts(gone):
        await connection.execute(
            "DELETE FROM blacklist USING json_populate_recordset(NULL::blacklist, $1) AS gone"
            " WHERE blacklist.pattern = gone.pattern AND blacklist.action = gone.action"
            " AND blacklist.number IS NOT DISTINCT FROM gone.number"
            " AND blacklist.customer IS NOT DISTINCT FROM gone.customer"
            " AND blacklist.valid_from IS NOT DISTINCT FROM gone.valid_from",
            _json(some),
        )
    kept = set(changed.get("blacklist", ()))
    await _insert(
        connection, "blacklist", [row_of(line) for line in file.blacklist if line.key in kept]
    )


async def _insert(
    connection: Connection, table: str, rows: Sequence[Row], *, key: str | None = None
) -> None:
    """Insert rows; where the key is there already, its row is changed instead."""
    if not rows:
        return
    columns = ", ".join(rows[0])
    kept = f"SELECT {columns} FROM json_populate_recordset(NULL::{table}, $1)"  # noqa: S608
    statement = f"INSERT INTO {table} ({columns}) {kept}"
    if key is not None:
        changes = ", ".join(f"{name} = excluded.{name}" for name in rows[0] if name != key)
        statement += f" ON CONFLICT ({key}) DO UPDATE SET {changes}"
    for some in _parts(rows):
        await connection.execute(statement, _json(some))


def _parts(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    for start in range(0, len(rows), _AT_ONCE):
        yield rows[start : start + _AT_ONCE]


def _json(value: object) -> str:
    return json.dumps(plain(value))
