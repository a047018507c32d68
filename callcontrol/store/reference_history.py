"""Reads what was changed of a number, when and by whom: transactions, net of what stayed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any

from callcontrol.store.schema import check_schema

if TYPE_CHECKING:
    from callcontrol.store.pool import Connection

Content = Mapping[str, Any]

# What tells the rows of one number in a table apart.
_KEYS = {
    "number_tariffs": ("effective_at",),
    "number_levels": ("effective_at",),
    "number_presentations": ("effective_at",),
    "number_default_routes": ("effective_at",),
    "number_routes": ("name", "effective_at"),
    "route_steps": ("route", "effective_at", "step"),
    "route_targets": ("route", "effective_at", "step", "position"),
    "number_weeks": ("effective_at",),
    "week_slots": ("effective_at", "position"),
    "level_slots": ("position",),
    "special_dates": ("position",),
    "public_holidays": ("position",),
    "overrides": ("position",),
    "blacklist": ("pattern", "action", "valid_from"),
}
_ALWAYS = "-infinity"

_SELECT = """
    SELECT transaction::text, at, who, program, in_table, has_come, content::text
    FROM reference_history WHERE number = $1 ORDER BY transaction, id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowChange:
    """One row of a number that came, went, or is another.

    Attributes:
        table: it is in.
        key: which of the number's rows there, such as `{"effective_at": …}`.
        before, after: its other columns; None: it was, or is, not there. When it was and is,
            only those that differ.
    """

    table: str
    key: Content
    before: Content | None
    after: Content | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """What one transaction changed of a number.

    Attributes:
        at: shortly before it was committed, aware; in force some milliseconds later.
        who: the database's user.
        program: as it named itself to the database.
        changes: net.
    """

    at: datetime
    who: str
    program: str
    changes: tuple[RowChange, ...]


async def revisions_of(connection: Connection, number: str, dsn: str) -> list[Revision]:
    """Give all that was ever changed of a number, oldest first.

    Args:
        connection: to Postgres.
        number: in E.164; it need not be configured any more.
        dsn: for the error.

    Raises:
        ConfigError: the database has another schema.
    """
    await check_schema(connection, dsn)
    rows = await connection.fetch(_SELECT, number)
    found = []
    for _, group in groupby(rows, key=lambda row: row["transaction"]):
        steps = list(group)
        changes = net_changes(
            (row["in_table"], row["has_come"], json.loads(row["content"])) for row in steps
        )
        if changes:
            last = steps[-1]
            found.append(
                Revision(
                    at=last["at"], who=last["who"], program=last["program"], changes=changes
                )
            )
    return sorted(found, key=lambda revision: revision.at)


def net_changes(steps: Iterable[tuple[str, bool, dict[str, Any]]]) -> tuple[RowChange, ...]:
    """Join the steps of a transaction, (table, has come, row) each, to what changed in all."""
    first: dict[tuple[object, ...], Content | None] = {}
    last: dict[tuple[object, ...], Content | None] = {}
    for table, has_come, content in _each_line(steps):
        key = (table, *(content[name] for name in _KEYS.get(table, ())))
        values = {
            name: value
            for name, value in content.items()
            if name not in ("id", "number", *_KEYS.get(table, ()))
        }
        # Before its first step a row that comes was not there, and one that goes was.
        first.setdefault(key, None if has_come else values)
        last[key] = values if has_come else None
    return tuple(
        _change(key, first[key], last[key]) for key in first if first[key] != last[key]
    )


def _each_line(
    steps: Iterable[tuple[str, bool, dict[str, Any]]],
) -> Iterator[tuple[str, bool, dict[str, Any]]]:
    """Take apart the lines of the blacklist that are alike: they are kept as one row."""
    for table, has_come, content in steps:
        if table == "blacklist":
            for pattern in content["pattern"].split(" "):
                yield table, has_come, content | {"pattern": pattern}
        else:
            yield table, has_come, content


def _change(
    key: tuple[object, ...], before: Content | None, after: Content | None
) -> RowChange:
    table = str(key[0])
    named = dict(zip(_KEYS.get(table, ()), key[1:], strict=True))
    if before is not None and after is not None:
        differ = {name for name in before if before[name] != after.get(name)}
        before, after = (
            {name: value for name, value in side.items() if name in differ}
            for side in (before, after)
        )
    return RowChange(table=table, key=named, before=before, after=after)


def lines_of(change: RowChange) -> Iterator[str]:
    """Tell a change in lines, such as `overrides position 0: route office, now closed`."""
    shown = (
        f"{name} {value}"
        for name, value in change.key.items()
        if value is not None and value != _ALWAYS
    )
    place = " ".join((change.table, *shown))
    before, after = change.before, change.after
    if before is not None and after is not None:
        for name, value in before.items():
            yield f"{place}: {name} {_text(value)}, now {_text(after[name])}"
    else:
        content = before if after is None else after
        told = ", ".join(
            f"{name} {_text(value)}" for name, value in (content or {}).items() if value
        )
        yield f"{place} {'removed' if after is None else 'added'}{told and f': {told}'}"


def _text(value: object) -> str:
    return "none" if value is None else value if isinstance(value, str) else json.dumps(value)
