"""Reads the reference from its rows, as the entries of the reference file.

Strategy: a handful of plain queries in one snapshot, joined here. What rows say is held to the
shape of the file; a part that does not have it is told as a fault and left out, so that one bad
row harms nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Set
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from callcontrol.reference_file.model import (
    BlacklistLine,
    CustomerEntry,
    GatewayEntry,
    NumberEntry,
    OperatorEntry,
    ReferenceFile,
    TariffEntry,
)
from callcontrol.reference_file.wording import faults_of
from callcontrol.store.number_rows import columns_of, number_query, raw_of
from dialplan import E164, Fault

if TYPE_CHECKING:
    from asyncpg import Record

    from callcontrol.reference_file import Draft
    from callcontrol.store.pool import Connection

M = TypeVar("M", bound=BaseModel)

_NUMBERS_AT_ONCE = 500

_ANNOUNCEMENT = (
    "language",
    "spoken_above",
    "spoken_wait_s",
    "consent_fixed_above",
    "consent_per_minute_above",
)


@dataclass(slots=True, repr=False)
class Entries:
    """What the rows say, and what of it has no shape.

    No repr: asyncio makes one of every coroutine's result (when its signal handler is put back,
    Python 3.11), and of a hundred thousand numbers that takes a minute.

    Attributes:
        faults: with paths such as `numbers.+41900123456.zone`.
        shapeless: what the faults are of, by section: names, numbers, ids of the blacklist.
    """

    gateways: dict[str, GatewayEntry] = field(default_factory=dict)
    operators: dict[str, OperatorEntry] = field(default_factory=dict)
    customers: dict[str, CustomerEntry] = field(default_factory=dict)
    tariffs: dict[str, tuple[TariffEntry, ...]] = field(default_factory=dict)
    numbers: dict[E164, NumberEntry] = field(default_factory=dict)
    blacklist: tuple[BlacklistLine, ...] = ()
    faults: list[Fault] = field(default_factory=list)
    shapeless: dict[str, list[Any]] = field(default_factory=dict)

    def shaped(self, section: str, key: object, kind: type[M], raw: object) -> M | None:
        """Make an entry, or note its faults and give None."""
        try:
            return kind.model_validate(raw)
        except ValidationError as exc:
            faults = (fault.under(f"{section}.{key}") for fault in faults_of(exc))
            self.faults.extend(faults)
        self.shapeless.setdefault(section, []).append(key)
        return None

    def file(self) -> ReferenceFile:
        """Give the entries that have a shape as a reference file, canonical."""
        return ReferenceFile.model_construct(
            gateways=self.gateways,
            operators=self.operators,
            customers=self.customers,
            tariffs=self.tariffs,
            numbers=self.numbers,
            blacklist=self.blacklist,
        )


async def read_gateways(connection: Connection, entries: Entries) -> None:
    """Read the gateways."""
    for row in await connection.fetch("SELECT * FROM gateways ORDER BY name"):
        name, raw = row["name"], columns_of(row, "name")
        if (entry := entries.shaped("gateways", name, GatewayEntry, raw)) is not None:
            entries.gateways[name] = entry


async def read_operators(connection: Connection, entries: Entries) -> None:
    """Read the operators."""
    for row in await connection.fetch("SELECT * FROM operators ORDER BY code"):
        code, raw = row["code"], columns_of(row, "code")
        if (entry := entries.shaped("operators", code, OperatorEntry, raw)) is not None:
            entries.operators[code] = entry


async def read_customers(connection: Connection, entries: Entries) -> None:
    """Read the customers."""
    _take_customers(await connection.fetch("SELECT * FROM customers ORDER BY id"), entries)


async def read_some_customers(
    connection: Connection, entries: Entries, ids: Iterable[str]
) -> None:
    """Read these customers alone."""
    query = "SELECT * FROM customers WHERE id = ANY($1)"
    _take_customers(await connection.fetch(query, list(ids)), entries)


def _take_customers(rows: Iterable[Record], entries: Entries) -> None:
    for row in rows:
        raw = columns_of(row, "id")
        if (entry := entries.shaped("customers", row["id"], CustomerEntry, raw)) is not None:
            entries.customers[row["id"]] = entry


async def read_tariffs(connection: Connection, entries: Entries) -> None:
    """Read the tariffs with their tables, levels and fixed charges."""
    tables: dict[int, dict[str, Any]] = {}
    names: dict[str, list[dict[str, Any]]] = {}
    for row in await connection.fetch(
        "SELECT name, tariff_tables.* FROM tariffs LEFT JOIN tariff_tables"
        " ON tariff_id = tariffs.id ORDER BY name, valid_from NULLS FIRST"
    ):
        of_name = names.setdefault(row["name"], [])
        if row["id"] is not None:
            tables[row["id"]] = raw = _table(row)
            of_name.append(raw)
    for row in await connection.fetch("SELECT * FROM tariff_levels ORDER BY table_id, level"):
        tables[row["table_id"]]["levels"][row["level"]] = _level(row)
    for row in await connection.fetch(
        "SELECT * FROM tariff_fixed_charges ORDER BY table_id, level, position"
    ):
        charge = columns_of(row, "table_id", "level", "position")
        tables[row["table_id"]]["levels"][row["level"]]["fixed"].append(charge)
    for name, raws in names.items():
        entry = entries.shaped("tariffs", name, _Tables, {"tables": raws})
        if entry is not None:
            entries.tariffs[name] = entry.tables


async def read_blacklist(connection: Connection, entries: Entries) -> None:
    """Read the blacklist."""
    lines = []
    for row in await connection.fetch("SELECT * FROM blacklist ORDER BY id"):
        # Named by its id: the pattern may be somebody's number, and would stand in logs.
        line = entries.shaped("blacklist", row["id"], BlacklistLine, columns_of(row, "id"))
        if line is not None:
            lines.append(line)
    entries.blacklist = tuple(sorted(lines, key=lambda line: line.key))


async def read_numbers(connection: Connection, entries: Entries) -> None:
    """Read all numbers with all that belongs to them."""
    async for texts in number_texts(connection):
        for number, text in texts:
            entry = entries.shaped("numbers", number, NumberEntry, raw_of(text))
            if entry is not None:
                entries.numbers[number] = entry


async def numbers_near(
    connection: Connection, customers: Set[str], tariffs: Set[str]
) -> tuple[set[E164], set[E164]]:
    """Give the numbers of these customers, and those that these tariffs ever price."""
    of_customers = await connection.fetch(
        "SELECT number FROM numbers WHERE customer = ANY($1)", list(customers)
    )
    of_tariffs = await connection.fetch(
        "SELECT number FROM number_tariffs WHERE tariff = ANY($1)", list(tariffs)
    )
    return {row["number"] for row in of_customers}, {row["number"] for row in of_tariffs}


async def number_texts(
    connection: Connection, only: Iterable[E164] | None = None
) -> AsyncIterator[list[tuple[E164, str]]]:
    """Read numbers with all that belongs to them, each as the text that `raw_of` reads.

    Gives some hundred at a time, and asks for the next ones before, so that Postgres works
    while they are taken.

    Args:
        connection: in a transaction that sees one snapshot; not to be used until the end.
        only: these; None: all.
    """
    if only is None:
        rows = await connection.fetch("SELECT number FROM numbers")
        only = [row["number"] for row in rows]
        del rows
    wanted = sorted(only)
    parts = [wanted[i : i + _NUMBERS_AT_ONCE] for i in range(0, len(wanted), _NUMBERS_AT_ONCE)]
    query = number_query("number = ANY($1)")
    coming: asyncio.Task[list[Record]] | None = None
    try:
        for index in range(len(parts) + 1):
            rows = await coming if coming is not None else []
            coming = None
            if index < len(parts):
                coming = asyncio.ensure_future(connection.fetch(query, parts[index]))
                await asyncio.sleep(0)  # it is sent before the last ones are taken
            if rows:
                yield [(row["number"], row["entry"]) for row in rows]
    finally:
        if coming is not None:
            coming.cancel()
            with suppress(asyncio.CancelledError):
                await coming


class _Tables(BaseModel):
    """The tables of one tariff."""

    tables: tuple[TariffEntry, ...]


def _table(row: Record) -> dict[str, Any]:
    apart = ("name", "id", "tariff_id", "rounding_to", "rounding_mode", *_ANNOUNCEMENT)
    return columns_of(row, *apart) | {
        "rounding": {"to": row["rounding_to"], "mode": row["rounding_mode"]},
        "announcement": {name: row[name] for name in _ANNOUNCEMENT},
        "levels": {},
    }


def _level(row: Record) -> dict[str, Any]:
    level = {"per_minute": row["per_minute"], "per_call": row["per_call"], "fixed": []}
    if row["then_level"] is not None:
        level["then"] = {"after_s": row["then_after_s"], "level": row["then_level"]}
    return level


async def take_numbers(
    connection: Connection, draft: Draft, only: Set[E164] | None = None
) -> None:
    """Read numbers into a draft; those that are not there any more are dropped from it.

    The draft takes them in another thread, while Postgres puts together the next ones.

    Args:
        connection: in a transaction that sees one snapshot.
        draft: takes them.
        only: these; None: all.
    """
    gone = set(only or ())
    async for texts in number_texts(connection, only):
        await asyncio.to_thread(_take, draft, texts)
        gone.difference_update(number for number, _ in texts)
    for number in gone:
        draft.drop(number)


def _take(draft: Draft, texts: list[tuple[E164, str]]) -> None:
    for number, text in texts:
        draft.take(number, raw_of(text))


SECTION_READERS = {
    "gateways": read_gateways,
    "operators": read_operators,
    "customers": read_customers,
    "tariffs": read_tariffs,
}
"""How the sections that numbers refer to are read."""

READERS = {**SECTION_READERS, "blacklist": read_blacklist, "numbers": read_numbers}
"""How each section is read, from a transaction that sees one snapshot of all of them."""


async def read_everything(connection: Connection) -> Entries:
    """Read all sections in one snapshot."""
    entries = Entries()
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        for read in READERS.values():
            await read(connection, entries)
    return entries
