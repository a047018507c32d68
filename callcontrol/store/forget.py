"""Removes the personal parts of old records, batch by batch, and notes what it did.

What statistics, settlement and a question about a charge need stays: number, customer, times,
causes, amounts, what was played and consented to. Gone are who called, what a stranger wrote,
and where the call was led to; of a target its kind of line is kept.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from callcontrol.store.reference_past import forget_history
from callcontrol.store.schema import check_schema
from dialplan import E164, is_e164, line_kind_of

if TYPE_CHECKING:
    from callcontrol.store.pool import Connection

BATCH = 2000

_CUTOFF = "SELECT now() - $1::text::interval"
_OLD = "received_at < $1 AND forgotten_at IS NULL"
# The rule that decided names the pattern of the blacklist, which may be the caller's number.
_FORGET = """
    UPDATE cdrs SET forgotten_at = clock_timestamp(), caller = NULL, caller_raw = '',
        dialled = coalesce(number, ''),
        rule = regexp_replace(rule, '^blacklist:.*$', 'blacklist'),
        attempts = (SELECT coalesce(jsonb_agg(attempt || jsonb_build_object('target',
                coalesce($3::jsonb ->> (attempt ->> 'target'), 'voip')) ORDER BY place), '[]')
            FROM jsonb_array_elements(attempts) WITH ORDINALITY AS one (attempt, place))
    FROM unnest($1::timestamptz[], $2::uuid[]) AS old (at, id)
    WHERE received_at = old.at AND call_id = old.id
"""
_BATCH = f"""
    SELECT received_at, call_id,
        ARRAY(SELECT attempt ->> 'target' FROM jsonb_array_elements(attempts) AS attempt)
            AS targets
    FROM cdrs WHERE {_OLD} AND received_at >= $2 ORDER BY received_at, call_id LIMIT $3
"""  # noqa: S608  our own words
_FILES = """
    UPDATE charge_files SET content = NULL
    WHERE content IS NOT NULL AND written_at IS NOT NULL
        AND day < ($1 AT TIME ZONE 'Europe/Zurich')::date
"""
_MONTHS = """
    SELECT child.relname FROM pg_inherits
    JOIN pg_class AS child ON child.oid = inhrelid
    WHERE inhparent = 'cdrs'::regclass AND child.relname ~ '^cdrs_[0-9]{4}_[0-9]{2}$'
        AND to_date(right(child.relname, 7), 'YYYY_MM') + interval '1 month'
            <= $1 AT TIME ZONE 'UTC'
    ORDER BY 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """What was removed, or would be.

    Attributes:
        before: what is older.
        records: of calls, that lost their personal parts.
        files: of charge records, whose bytes were removed.
        history: entries of the reference's history.
        months: of records, dropped whole.
        unsent: of the records, those that their callers' operators were never sent.
    """

    before: datetime
    records: int = 0
    files: int = 0
    history: int = 0
    months: tuple[str, ...] = ()
    unsent: int = 0


async def forget(
    connection: Connection,
    dsn: str,
    older_than: str,
    *,
    is_trial: bool,
    with_history: bool,
    whole_months: bool,
) -> Forgotten:
    """Remove what is personal from what is older; may be broken off and begun again.

    Args:
        connection: outside a transaction.
        dsn: for the error.
        older_than: an interval of Postgres, such as `6 months`.
        is_trial: only count.
        with_history: forget the reference's history, too, in which blacklists name callers.
        whole_months: drop months of records that are older from their first call to their last.

    Raises:
        ConfigError: the database has another schema.
    """
    await check_schema(connection, dsn)
    before: datetime = await connection.fetchval(_CUTOFF, older_than)
    found = await _counted(connection, before, with_history=with_history)
    months = [row[0] for row in await connection.fetch(_MONTHS, before)] if whole_months else []
    found = replace(found, months=tuple(months))
    if is_trial:
        return found
    run_id = await connection.fetchval(
        "INSERT INTO forgettings (before) VALUES ($1) RETURNING id", before
    )
    for month in months:
        # A minute's wait for a lock would be a minute in which nothing is shipped.
        async with connection.transaction():
            await connection.execute("SET LOCAL lock_timeout = '10s'")
            await connection.execute(f'DROP TABLE "{month}"')
    records = await _forget_records(connection, before)
    files = await connection.execute(_FILES, before)
    history = 0
    if with_history:
        history = await forget_history(connection, dsn, before)
    done = replace(found, records=records, files=_count(files), history=history)
    await connection.execute(
        "UPDATE forgettings SET records = $2, files = $3, history = $4, months = $5,"
        " finished_at = now() WHERE id = $1",
        run_id,
        done.records,
        done.files,
        done.history,
        months,
    )
    return done


async def _forget_records(connection: Connection, before: datetime) -> int:
    since, done = datetime(1970, 1, 1, tzinfo=UTC), 0
    while batch := await connection.fetch(_BATCH, before, since, BATCH):
        kinds = {target: _kind(target) for row in batch for target in row["targets"]}
        ids = [row["call_id"] for row in batch]
        instants = [row["received_at"] for row in batch]
        done += _count(await connection.execute(_FORGET, instants, ids, json.dumps(kinds)))
        since = instants[-1]
    return done


async def _counted(
    connection: Connection, before: datetime, *, with_history: bool
) -> Forgotten:
    row = await connection.fetchrow(
        f"SELECT count(*) AS records, count(*) FILTER (WHERE charge_file IS NULL"  # noqa: S608
        " AND gross IS NOT NULL AND tariff_class IN ('offline-a', 'offline-b')) AS unsent"
        f" FROM cdrs WHERE {_OLD}",
        before,
    )
    files = await connection.fetchval(
        "SELECT count(*) FROM charge_files WHERE content IS NOT NULL AND written_at IS NOT NULL"
        " AND day < ($1 AT TIME ZONE 'Europe/Zurich')::date",
        before,
    )
    history = 0
    if with_history:
        history = await connection.fetchval(
            "SELECT count(*) FROM reference_history WHERE at < $1", before
        )
    return Forgotten(before=before, files=files, history=history, **dict(row or {}))


def _kind(target: str) -> str:
    return line_kind_of(E164(target)) if is_e164(target) else "voip"


def _count(done: str) -> int:
    return int(done.rpartition(" ")[2])
