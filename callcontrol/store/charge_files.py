"""Makes the files of charge records, each call in exactly one of them, and keeps them.

Strategy: one transaction decides everything. Under one lock it takes the calls that are in no
file yet, numbers and builds the files, keeps their bytes, and marks each call with its file. So
whoever dies, or runs at the same time, can neither skip nor double a call or a number. Writing
to a folder comes after; a file stays to be written until it is known to be on the disk.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any

from callcontrol.cdr.charge_file import ChargeFile
from callcontrol.clock import text_of, us_of
from callcontrol.store.schema import check_schema
from dialplan import DEFAULT_ZONE, UNKNOWN, wall_clock

if TYPE_CHECKING:
    from asyncpg import Record

    from callcontrol.store.pool import Connection

_ONE_AT_A_TIME = 0x6361_6C6E  # key of the advisory lock that makes a second exporter wait

# Its condition is that of the index `cdrs_due`, so that what was sent long ago costs nothing.
_DUE = f"""
    SELECT coalesce(origin, '{UNKNOWN}') AS operator, currency, received_at, call_id, caller,
        caller_withheld, number, category, tariff, tariff_version, tariff_class, answered_at,
        released_at, metered_us, lines::text, gross::text, net::text, vat::text, vat_rate::text,
        is_capped, closed_how
    FROM cdrs
    WHERE charge_file IS NULL AND gross IS NOT NULL
        AND tariff_class IN ('offline-a', 'offline-b') AND received_at < $1
    ORDER BY operator, currency, received_at, call_id
"""  # noqa: S608  our own words
_LAST = "SELECT operator, max(number) AS number, max(day) AS day FROM charge_files GROUP BY 1"
_KEEP = """
    INSERT INTO charge_files
        (operator, number, day, currency, records, charged, sha256, content)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING id
"""
_MARK = """
    UPDATE cdrs SET charge_file = $1
    FROM unnest($2::timestamptz[], $3::uuid[]) AS one (at, id)
    WHERE received_at = one.at AND call_id = one.id AND charge_file IS NULL
"""
_TELL = "operator, number, day, currency, records, charged, sha256, content"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptFile:
    """A file as it is kept.

    Attributes:
        content: its bytes; none when its personal parts were forgotten.
    """

    operator: str
    number: int
    day: date
    currency: str
    records: int
    charged: str
    sha256: str
    name: str
    content: bytes | None


async def make_charge_files(connection: Connection, dsn: str, day: date) -> int:
    """Make the files of all calls up to a day that are in none yet.

    Args:
        connection: outside a transaction.
        dsn: for the error.
        day: in Switzerland, and over.

    Returns:
        how many were made.

    Raises:
        ConfigError: the database has another schema.
    """
    await check_schema(connection, dsn)
    until = datetime.combine(day + timedelta(days=1), datetime.min.time(), DEFAULT_ZONE)
    async with connection.transaction():
        # Each statement after it sees what the one before in the queue has committed.
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _ONE_AT_A_TIME)
        last = {row["operator"]: row for row in await connection.fetch(_LAST)}
        due = await connection.fetch(_DUE, until)
        made = 0
        for operator, of_operator in groupby(due, key=lambda row: str(row["operator"])):
            before = last.get(operator)
            first_day = _first_day(before["day"], day) if before else date.min
            number = before["number"] if before else 0
            for (of_day, currency), calls in _by_file(of_operator, first_day):
                number += 1
                file = ChargeFile(
                    operator=operator,
                    number=number,
                    day=of_day,
                    currency=currency,
                    calls=tuple(_fields(row) for row in calls),
                )
                await _keep(connection, file, calls)
                made += 1
    return made


async def unwritten(connection: Connection) -> list[KeptFile]:
    """Give the files that are not known to be written, in the order of their numbers."""
    rows = await connection.fetch(
        f"SELECT {_TELL} FROM charge_files WHERE written_at IS NULL"  # noqa: S608
        " AND content IS NOT NULL ORDER BY operator, number"
    )
    return [_kept(row) for row in rows]


async def kept_file(
    connection: Connection, dsn: str, operator: str, number: int
) -> KeptFile | None:
    """Give one file as it was made."""
    await check_schema(connection, dsn)
    row = await connection.fetchrow(
        f"SELECT {_TELL} FROM charge_files WHERE operator = $1 AND number = $2",  # noqa: S608
        operator,
        number,
    )
    return None if row is None else _kept(row)


async def mark_written(connection: Connection, file: KeptFile) -> None:
    """Note that a file is on the disk."""
    await connection.execute(
        "UPDATE charge_files SET written_at = now()"
        " WHERE operator = $1 AND number = $2 AND written_at IS NULL",
        file.operator,
        file.number,
    )


def _first_day(last_made: date, day: date) -> date:
    """Give the day of the next file: the one after the last, unless that is not asked for."""
    return last_made + timedelta(days=1) if day > last_made else last_made


def _by_file(
    rows: Iterable[Record], first_day: date
) -> Iterator[tuple[tuple[date, str], list[Record]]]:
    """Part an operator's calls into files: by day, late ones with the first that is to come."""

    def key(row: Record) -> tuple[date, str]:
        of_call = wall_clock(row["received_at"], DEFAULT_ZONE).date()
        return max(of_call, first_day), row["currency"]

    for file, calls in groupby(sorted(rows, key=key), key=key):
        yield file, list(calls)


async def _keep(connection: Connection, file: ChargeFile, calls: list[Record]) -> None:
    content = file.to_bytes()
    file_id = await connection.fetchval(
        _KEEP,
        file.operator,
        file.number,
        file.day,
        file.currency,
        len(calls),
        file.charged,
        hashlib.sha256(content).hexdigest(),
        content,
    )
    ids = [row["call_id"] for row in calls]
    done = await connection.execute(_MARK, file_id, [row["received_at"] for row in calls], ids)
    if done != f"UPDATE {len(calls)}":
        raise RuntimeError(f"{done} of {len(calls)} calls of a charge file")


def _fields(row: Record) -> tuple[str, ...]:
    is_told = not row["caller_withheld"] or row["operator"] != UNKNOWN
    return (
        str(row["call_id"]),
        (row["caller"] or "") if is_told else "",
        str(int(row["caller_withheld"])),
        row["number"] or "",
        row["category"] or "",
        row["tariff"] or "",
        row["tariff_version"],
        row["tariff_class"],
        _instant(row["answered_at"]),
        _instant(row["released_at"]),
        str(row["metered_us"]),
        " ".join(_line(line) for line in json.loads(row["lines"])),
        row["gross"],
        row["net"],
        row["vat"],
        row["vat_rate"],
        str(int(row["is_capped"])),
        row["closed_how"],
    )


def _instant(at: datetime | None) -> str:
    return "" if at is None else text_of(us_of(at))


def _line(line: dict[str, Any]) -> str:
    seconds = "" if line["seconds"] is None else line["seconds"]
    return f"{line['kind']}:{line['level']}:{seconds}:{line['amount']}"


def _kept(row: Record) -> KeptFile:
    name = ChargeFile(
        operator=row["operator"],
        number=row["number"],
        day=row["day"],
        currency=row["currency"],
        calls=(),
    ).name
    fields = dict(row) | {"charged": str(row["charged"])}
    return KeptFile(name=name, **fields)
