"""The reference as of an instant: the tables as they were then, and read like those of now.

Strategy: what is there now, and what came and went since, tell what was there: of each row that
was touched since, the first thing that happened to it says how it was. So the past costs what
has changed since, needs no copies from before, and older history may be forgotten. The tables
of then are temporary ones of the same names, which hide the others from this connection: every
query that reads the reference reads the past instead.

Source: a temporary table is found before any other of its name
(https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-SEARCH-PATH).
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from callcontrol.clock import text_of, us_of
from callcontrol.errors import ConfigError
from callcontrol.reference_file import Built, ReferenceFile, canonical
from callcontrol.store.pool import run
from callcontrol.store.reference_news import EVERYTHING, ReferenceRows
from callcontrol.store.reference_read import Entries, read_everything
from callcontrol.store.schema import check_schema

if TYPE_CHECKING:
    from callcontrol.store.pool import Connection

_READ_S = 600.0

# Lines of the blacklist are told apart by what they say: they come and go by the million, and
# the history leaves out their ids.
_LINE_KEY = ("pattern", "number", "customer", "action", "valid_from")

# Every table whose rows the history keeps, with its key, and what a column that is newer than a
# row was for it: the default it was added with.
_TABLES = """
    SELECT relname AS name,
        (SELECT array_agg(attname ORDER BY place)
            FROM unnest(indkey::smallint[]) WITH ORDINALITY AS part (attnum, place)
            JOIN pg_attribute AS a USING (attnum) WHERE a.attrelid = pg_class.oid) AS key,
        (SELECT coalesce(string_agg(format('%L, %s', attname, pg_get_expr(adbin, adrelid)),
                ', '), '')
            FROM pg_attrdef JOIN pg_attribute AS a ON attrelid = adrelid AND attnum = adnum
            WHERE adrelid = pg_class.oid AND attgenerated = '') AS defaults,
        EXISTS (SELECT FROM pg_attribute AS a
            WHERE a.attrelid = pg_class.oid AND attname = 'number') AS is_of_numbers
    FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
    JOIN pg_proc ON pg_proc.oid = tgfoid
    JOIN pg_index ON indrelid = pg_class.oid AND indisprimary
    WHERE proname IN ('keep_history', 'keep_blacklist_history') AND tgname LIKE 'keep%insert'
    ORDER BY relname
"""
# A transaction counts as of its last step, since nothing of it was in force before. Its number
# may be used again after a dump and restore, hence the day.
_SINCE = """
    CREATE TEMPORARY TABLE since AS
    SELECT id, in_table, has_come, content FROM reference_history
    WHERE at > $1::timestamptz - interval '1 day'
        AND transaction IN (SELECT transaction FROM reference_history WHERE at > $1)
"""
_ONE_BY_ONE = """
    SELECT id, has_come, content || jsonb_build_object('pattern', pattern) AS content
    FROM since, string_to_table(content ->> 'pattern', ' ') AS pattern
    WHERE in_table = 'blacklist'
"""
_AS_KEPT = "SELECT id, has_come, content FROM since WHERE in_table = '{name}'"
_PUT_BACK = """
    WITH row_by_row AS ({rows}), typed AS (
        SELECT id, has_come, row_of, jsonb_build_array({row_key}) AS key
        FROM row_by_row, LATERAL (SELECT jsonb_populate_record(
            NULL::{name}, jsonb_build_object({defaults}) || content) AS row_of) AS one
    ), was AS (
        SELECT DISTINCT ON (key) key, has_come, row_of FROM typed ORDER BY key, id
    ), removed AS (
        DELETE FROM {name} AS there USING was WHERE jsonb_build_array({there_key}) = was.key
    )
    INSERT INTO {name} SELECT (row_of).* FROM was WHERE NOT has_come
"""


def read_built_at(dsn: str, *, at: datetime, prefixes: tuple[str, ...] = ()) -> Built:
    """Give the reference that was in force at an instant, with all that was wrong with it.

    Blocks.

    Args:
        dsn: connection URI.
        at: an aware instant of the past.
        prefixes: technical prefixes that may precede a called number.

    Raises:
        ConfigError: the history does not reach back that far, or the schema is another one.
        StoreUnavailable: Postgres cannot be reached.
    """
    return run(dsn, _built, dsn, at, prefixes, deadline_s=_READ_S)


def export_reference_at(dsn: str, *, at: datetime) -> ReferenceFile:
    """Give what the rows said at an instant, canonical; blocks.

    Raises:
        ConfigError: as `read_built_at`, or a row was none that could be loaded.
        StoreUnavailable: Postgres cannot be reached.
    """
    entries = run(dsn, _entries, dsn, at, deadline_s=_READ_S)
    if entries.faults:
        raise ConfigError(*(f"Postgres: {fault}" for fault in entries.faults))
    return canonical(entries.file())


async def forget_history(connection: Connection, dsn: str, before: datetime) -> int:
    """Forget what was changed before an aware instant; gives how many rows that were."""
    await check_schema(connection, dsn)
    forgotten: int = await connection.fetchval("SELECT forget_reference_history($1)", before)
    return forgotten


async def _built(
    connection: Connection, dsn: str, at: datetime, prefixes: tuple[str, ...]
) -> Built:
    await rewind(connection, dsn, at)
    return await ReferenceRows(prefixes=prefixes).read(connection, {EVERYTHING}, at=at)


async def _entries(connection: Connection, dsn: str, at: datetime) -> Entries:
    await rewind(connection, dsn, at)
    return await read_everything(connection)


async def rewind(connection: Connection, dsn: str, at: datetime) -> None:
    """Have a connection see the reference of an instant, to its end, and change nothing else.

    Args:
        connection: outside a transaction; whatever it writes to these tables is lost.
        dsn: for errors.
        at: an aware instant.

    Raises:
        ConfigError: the history begins later, or the schema is another one.
    """
    await check_schema(connection, dsn)
    async with connection.transaction(isolation="repeatable_read"):
        begins = await connection.fetchval("SELECT at FROM reference_history_begins")
        if at < begins:
            raise ConfigError(
                f"what was configured before {text_of(us_of(begins))} is not known:"
                " the history begins there"
            )
        tables = await connection.fetch(_TABLES)
        await connection.execute(_SINCE.replace("$1", f"'{at.isoformat()}'"))
        touched = {
            row["in_table"] for row in await connection.fetch("SELECT in_table FROM since")
        }
        for table in tables:
            name = table["name"]
            await connection.execute(
                f"CREATE TEMPORARY TABLE {name} AS SELECT * FROM {name}"  # noqa: S608  its name
            )
            if name in touched:
                await connection.execute(_put_back(name, table["key"], table["defaults"]))
            if table["is_of_numbers"]:
                await connection.execute(f"CREATE INDEX ON {name} (number)")
            await connection.execute(f"ANALYZE {name}")


def _put_back(name: str, key: list[str], defaults: str) -> str:
    is_blacklist = name == "blacklist"
    columns = _LINE_KEY if is_blacklist else key
    return _PUT_BACK.format(
        name=name,
        rows=_ONE_BY_ONE if is_blacklist else _AS_KEPT.format(name=name),
        row_key=", ".join(f"(row_of).{column}" for column in columns),
        there_key=", ".join(f"there.{column}" for column in columns),
        defaults=defaults,
    )
