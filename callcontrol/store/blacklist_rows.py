"""Reads the rows of the blacklist: all of a million, or those of a few patterns.

Strategy: rows that differ in their patterns alone are judged once, by the strict rules of the
reference file; of each row there is then only its pattern to look at. When everything is read
Postgres puts their patterns together, some ten thousand rows at a time: so a row costs a third.
A row that is not plainly good is read again by itself, to say what is wrong with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ValidationError

from callcontrol.reference_file.model import BlacklistLine
from callcontrol.reference_file.parts import Faults, make_blacklist_entry
from callcontrol.reference_file.wording import faults_of
from callcontrol.store.number_rows import columns_of
from dialplan import (
    ANONYMOUS_PATTERN,
    PLATFORM,
    Blacklist,
    BlacklistDraft,
    BlacklistEntry,
    Fault,
    Scope,
    canonical_or_same,
    is_pattern,
    is_swiss,
)

if TYPE_CHECKING:
    from asyncpg import Record

    from callcontrol.store.pool import Connection

_AT_ONCE = 2000
_PAGES = 200  # of some hundred rows each
_COLUMNS = "id, pattern, number, customer, action, valid_from, valid_until, cause, reason"
_TELLS = "blacklist "
_ALIKE = """
    SELECT string_agg(pattern, ' ') AS patterns,
        number, customer, action, NULL::timestamptz AS valid_from, valid_until, cause, reason
    FROM blacklist WHERE ctid >= $1::text::tid AND ctid < $2::text::tid AND valid_from IS NULL
    GROUP BY number, customer, action, valid_until, cause, reason
"""


class Place(NamedTuple):
    """A pattern in a scope: what is told to have changed."""

    pattern: str
    scope: Scope


@dataclass(slots=True, repr=False)
class BlacklistRows:
    """The blacklist, and what is wrong with rows that are not in it.

    Attributes:
        blacklist: every row that has a shape.
        faults: by place, with paths such as `blacklist.17.reason`: a row is named by its id,
            because its pattern may be somebody's number, and would stand in logs.
    """

    blacklist: Blacklist = field(default_factory=Blacklist)
    faults: dict[Place, list[Fault]] = field(default_factory=dict)


def place_told(payload: str) -> Place | None:
    """Read a notification about one pattern; None when it is about something else."""
    pattern, _, scope = payload.removeprefix(_TELLS).partition(" ")
    if not payload.startswith(_TELLS) or not pattern:
        return None
    kind, _, id_ = scope.partition(" ")
    if kind == "number":
        return Place(pattern, Scope("number", id_))
    return Place(pattern, Scope("customer", id_) if kind == "customer" else PLATFORM)


async def read_blacklist_rows(
    connection: Connection, known: BlacklistRows, only: Iterable[Place] | None = None
) -> BlacklistRows:
    """Read the blacklist.

    Args:
        connection: in a transaction.
        known: what was read before; stays as it is.
        only: read these anew, and take over the rest; None: read everything.
    """
    if only is None:
        taker = _Taker(Blacklist().draft(), {})
        async for alike in _all(connection):
            taker.take_alike(alike)
        # Whatever else their places have is taken again with them.
        for place in taker.doubtful:
            taker.draft.remove(place.pattern, place.scope)
        async for rows in _some(connection, taker.doubtful):
            taker.take([row for row in rows if row["valid_from"] is None])
        parts = _with_beginning(connection)
    else:
        places = set(only)
        kept = {place: told for place, told in known.faults.items() if place not in places}
        taker = _Taker(known.blacklist.draft(), kept)
        for place in places:
            taker.draft.remove(_canonical(place.pattern), place.scope)
        parts = _some(connection, places)
    async for rows in parts:
        taker.take(rows)
    return BlacklistRows(blacklist=taker.draft.done(), faults=taker.faults)


async def _all(connection: Connection) -> AsyncIterator[list[Record]]:
    """Read what is in force from always, some pages at a time; the next while these are taken.

    A snapshot sees no row on the pages that are added after it was made.
    """
    size = await connection.fetchval(
        "SELECT pg_relation_size('blacklist') / current_setting('block_size')::int"
    )
    coming: asyncio.Task[list[Record]] | None = None
    try:
        for page in range(0, size + 1 + _PAGES, _PAGES):
            rows = await coming if coming is not None else []
            coming = None
            if page <= size:
                ends = f"({page},0)", f"({page + _PAGES},0)"
                coming = asyncio.ensure_future(connection.fetch(_ALIKE, *ends))
                await asyncio.sleep(0)  # it is sent before the last ones are taken
            yield rows
    finally:
        if coming is not None:
            coming.cancel()
            with suppress(asyncio.CancelledError):
                await coming


async def _with_beginning(connection: Connection) -> AsyncIterator[list[Record]]:
    # Of two entries that differ only in when they begin, the earlier one decides.
    cursor = await connection.cursor(
        f"SELECT {_COLUMNS} FROM blacklist WHERE valid_from IS NOT NULL ORDER BY valid_from"  # noqa: S608
    )
    while rows := await cursor.fetch(_AT_ONCE):
        yield rows


async def _some(connection: Connection, places: Iterable[Place]) -> AsyncIterator[list[Record]]:
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM blacklist WHERE pattern = ANY($1)"  # noqa: S608  our own words
        " ORDER BY valid_from NULLS FIRST",
        list({place.pattern for place in places}),
    )
    yield [row for row in rows if _place_of(row) in places]


def _canonical(pattern: str) -> str:
    return pattern if pattern.endswith("*") else canonical_or_same(pattern)


def _is_plainly_good(pattern: str) -> bool:
    return is_pattern(pattern) and _canonical(pattern) == pattern


def _made(raw: Mapping[str, object]) -> BlacklistEntry | None:
    try:
        line = BlacklistLine.model_validate(raw)
    except ValidationError:
        return None
    return make_blacklist_entry("", line, Faults())


def _place_of(row: Mapping[str, Any] | Record) -> Place:
    if row["number"] is not None:
        return Place(row["pattern"], Scope("number", row["number"]))
    if row["customer"] is not None:
        return Place(row["pattern"], Scope("customer", row["customer"]))
    return Place(row["pattern"], PLATFORM)


class _Taker:
    """Takes rows into a draft."""

    def __init__(self, draft: BlacklistDraft, faults: dict[Place, list[Fault]]) -> None:
        self.draft = draft
        self.faults = faults
        self.doubtful: set[Place] = set()
        self._judged: dict[tuple[object, ...], BlacklistEntry] = {}

    def take_alike(self, rows: Iterable[Record]) -> None:
        """Take rows that have a list of patterns each; notes the places of doubtful ones."""
        for row in rows:
            terms = tuple(row)[1:]
            like = self._judged.get(terms)
            if like is None:
                # Nothing is noted: what is faulty is told of the single rows.
                like = _made({"pattern": ANONYMOUS_PATTERN} | columns_of(row, "patterns"))
            patterns = row["patterns"].split(" ")
            if like is None:
                good, doubtful = [], patterns
            else:
                self._judged[terms] = like
                good = [one for one in patterns if is_swiss(one) or _is_plainly_good(one)]
                doubtful = patterns if len(good) < len(patterns) else []
            if doubtful:
                known = set(good)
                self.doubtful.update(
                    _place_of({**dict(row), "pattern": one})
                    for one in doubtful
                    if one not in known
                )
            if like is not None:
                self.draft.add(good, like)

    def take(self, rows: Iterable[Record]) -> None:
        alike: dict[tuple[object, ...], list[Record]] = {}
        for row in rows:
            alike.setdefault(tuple(row)[2:], []).append(row)
        for terms, of_them in alike.items():
            if (like := self._judged.get(terms)) is not None:
                patterns = (self._pattern(row) for row in of_them)
                self.draft.add((one for one in patterns if one is not None), like)
            else:
                self._take_each(terms, of_them)

    def _take_each(self, terms: tuple[object, ...], rows: list[Record]) -> None:
        """Take rows one by one until one is whole: the rest is then like that one."""
        for index, row in enumerate(rows):
            if (entry := self._judge(row)) is not None:
                self._judged[terms] = entry
                self.draft.add((entry.pattern,), entry)
                patterns = (self._pattern(row) for row in rows[index + 1 :])
                self.draft.add((one for one in patterns if one is not None), entry)
                return

    def _judge(self, row: Record) -> BlacklistEntry | None:
        """Make an entry of a row, by the rules of the file, or note what is wrong with it."""
        faults = Faults()
        path = f"blacklist.{row['id']}"
        try:
            line = BlacklistLine.model_validate(columns_of(row, "id"))
        except ValidationError as exc:
            faults.found.extend(fault.under(path) for fault in faults_of(exc))
        else:
            entry = make_blacklist_entry(path, line, faults)
            if entry is not None:
                return entry
        self.faults.setdefault(_place_of(row), []).extend(faults.found)
        return None

    def _pattern(self, row: Record) -> str | None:
        pattern = _canonical(row["pattern"])
        if is_pattern(pattern):
            return pattern
        self._judge(row)
        return None
