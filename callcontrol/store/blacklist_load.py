"""The blacklist changed in bulk: any number of lines, in one transaction.

Strategy: lines go by COPY into a table of the transaction's own, and Postgres compares there;
what is equal is not touched. So a million lines take a minute, engines are told once, and
the history keeps what changed and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from callcontrol.errors import ConfigError
from callcontrol.reference_file.blacklist_csv import COLUMNS, CsvLine
from callcontrol.store.reference_load import one_load_at_a_time
from callcontrol.store.schema import check_schema
from dialplan import PLATFORM, Scope

if TYPE_CHECKING:
    from asyncpg import Record

    from callcontrol.store.pool import Connection

_MOST_TOLD = 100  # faulty lines told one by one
_AT_ONCE = 5000

_COLUMNS = ", ".join(COLUMNS)
_INCOMING = """
    CREATE TEMPORARY TABLE incoming (
        line integer, pattern text, number text, customer text, action text,
        valid_from timestamptz, valid_until timestamptz, cause text, reason text
    ) ON COMMIT DROP
"""
_UNKNOWN = """
    SELECT line, 'number' AS field, number AS name FROM incoming
        WHERE number IS NOT NULL AND number NOT IN (SELECT number FROM numbers)
    UNION ALL
    SELECT line, 'customer', customer FROM incoming
        WHERE customer IS NOT NULL AND customer NOT IN (SELECT id FROM customers)
    ORDER BY line
"""
# Equality of the pattern alone is what Postgres can join a million lines by.
_SAME = """one.pattern = other.pattern AND one.action = other.action
    AND one.number IS NOT DISTINCT FROM other.number
    AND one.customer IS NOT DISTINCT FROM other.customer
    AND one.valid_from IS NOT DISTINCT FROM other.valid_from"""
_GONE = f"""
    DELETE FROM blacklist AS one WHERE {{scope}}
        AND NOT EXISTS (SELECT FROM incoming AS other WHERE {_SAME})
"""  # noqa: S608  our own words
_CHANGED = f"""
    UPDATE blacklist AS one
    SET valid_until = other.valid_until, cause = other.cause, reason = other.reason
    FROM incoming AS other WHERE {_SAME}
        AND (one.valid_until, one.cause, one.reason)
            IS DISTINCT FROM (other.valid_until, other.cause, other.reason)
"""  # noqa: S608  our own words
_ADDED = f"""
    INSERT INTO blacklist ({_COLUMNS})
    SELECT {_COLUMNS} FROM incoming AS one
    WHERE NOT EXISTS (SELECT FROM blacklist AS other WHERE {_SAME})
"""  # noqa: S608  our own words


@dataclass(frozen=True, slots=True, kw_only=True)
class BlacklistChange:
    """How many lines a bulk change added, changed and removed."""

    added: int
    changed: int
    removed: int

    def __str__(self) -> str:
        """Write it as one line."""
        counts = (("added", self.added), ("changed", self.changed), ("removed", self.removed))
        told = ", ".join(f"{count} {kind}" for kind, count in counts if count)
        return told or "nothing differs"


async def load_blacklist(
    connection: Connection,
    dsn: str,
    lines: Iterable[CsvLine],
    name: str,
    replaced: Scope | None,
    is_whole: bool,
    is_trial: bool,
) -> BlacklistChange:
    """Write lines; all or none.

    Args:
        connection: outside a transaction.
        dsn: for errors.
        lines: read once; no two of them say the same.
        name: what faults are told with.
        replaced: lines of this scope that are not among the given ones are removed.
        is_whole: likewise those of every scope.
        is_trial: only count.

    Raises:
        ConfigError: the database has another schema, or lines name a number or a customer
            that is not there; nothing was written.
        StoreRejected, StoreUnavailable: nothing was written.
    """
    await check_schema(connection, dsn)
    await one_load_at_a_time(connection, "callcontrol blacklist")
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(_INCOMING)
        rows = ((line.line, line.pattern, *line.terms) for line in lines)
        await connection.copy_records_to_table("incoming", records=rows)
        await connection.execute("ANALYZE incoming")
        _refuse_unknown(await connection.fetch(_UNKNOWN), name)
        removed = 0
        if is_whole or replaced is not None:
            scope, values = ("true", ()) if replaced is None else _condition(replaced, 1)
            removed = _count(await connection.execute(_GONE.format(scope=scope), *values))
        changed = _count(await connection.execute(_CHANGED))
        added = _count(await connection.execute(_ADDED))
    except BaseException:
        await transaction.rollback()
        raise
    await (transaction.rollback() if is_trial else transaction.commit())
    return BlacklistChange(added=added, changed=changed, removed=removed)


async def remove_lines(
    connection: Connection, dsn: str, pattern: str, scope: Scope, action: str | None
) -> int:
    """Remove the lines of a pattern in a scope; gives how many there were.

    Args:
        connection: outside a transaction.
        dsn: for errors.
        pattern: canonical.
        scope: theirs, exactly.
        action: only lines of it; None: of both.
    """
    await check_schema(connection, dsn)
    await one_load_at_a_time(connection, "callcontrol blacklist")
    condition, values = _condition(scope, 3)
    return _count(
        await connection.execute(
            "DELETE FROM blacklist WHERE pattern = $1"  # noqa: S608  our own words
            f" AND ($2::text IS NULL OR action = $2) AND {condition}",
            pattern,
            action,
            *values,
        )
    )


async def take_lines(
    connection: Connection,
    dsn: str,
    scope: Scope | None,
    pattern: str | None,
    most: int | None,
    take: Callable[[list[tuple[object, ...]]], object],
) -> None:
    """Give lines, some thousand at a time, in the order in which a reference is written.

    Args:
        connection: outside a transaction.
        dsn: for errors.
        scope: only lines of it, exactly; None: of every scope.
        pattern: only lines of this pattern; None: of every one.
        most: no more than these; None: all.
        take: takes lines, each its values in the order of the CSV's columns.
    """
    await check_schema(connection, dsn)
    condition, values = ("true", ()) if scope is None else _condition(scope, 3)
    async with connection.transaction(readonly=True):
        cursor = await connection.cursor(
            f"SELECT {_COLUMNS} FROM blacklist"  # noqa: S608  our own words
            f" WHERE ($1::text IS NULL OR pattern = $1) AND {condition}"
            ' ORDER BY customer COLLATE "C" NULLS FIRST, number COLLATE "C" NULLS FIRST,'
            ' pattern COLLATE "C", action, valid_from NULLS FIRST LIMIT $2',
            pattern,
            most,
            *values,
        )
        while rows := await cursor.fetch(_AT_ONCE):
            take([tuple(row) for row in rows])


def _condition(scope: Scope, place: int) -> tuple[str, tuple[str, ...]]:
    if scope == PLATFORM:
        return "number IS NULL AND customer IS NULL", ()
    return f"{scope.kind} = ${place}", (scope.id,)


def _refuse_unknown(rows: Sequence[Record], name: str) -> None:
    told = [
        f"{name}:{row['line']}: {row['field']}: there is no {row['field']} {row['name']!r}"
        for row in rows[:_MOST_TOLD]
    ]
    if len(rows) > _MOST_TOLD:
        told.append(f"... and {len(rows) - _MOST_TOLD} more faulty lines")
    if told:
        raise ConfigError(*told)


def _count(done: str) -> int:
    return int(done.rpartition(" ")[2])
