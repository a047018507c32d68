"""Reads the rows of the blacklist: all of a million, or those of a few patterns.

Strategy: rows that differ in their patterns alone are judged once, by the strict rules of the
reference file; of each row there is then only its pattern to look at.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from pydantic import ValidationError

from callcontrol.reference_file.model import BlacklistLine
from callcontrol.reference_file.parts import Faults, make_blacklist_entry
from callcontrol.reference_file.wording import faults_of
from callcontrol.store.number_rows import columns_of
from dialplan import (
    PLATFORM,
    Blacklist,
    BlacklistDraft,
    BlacklistEntry,
    Fault,
    Scope,
    canonical_or_same,
    is_pattern,
)

if TYPE_CHECKING:
    from asyncpg import Record

    from callcontrol.store.pool import Connection

_AT_ONCE = 2000
_COLUMNS = "id, pattern, number, customer, action, valid_from, valid_until, cause, reason"
_TELLS = "blacklist "


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
        parts = _all(connection)
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
    # Of two entries that differ only in when they begin, the earlier one decides.
    for which in ("valid_from IS NULL", "valid_from IS NOT NULL ORDER BY valid_from"):
        cursor = await connection.cursor(f"SELECT {_COLUMNS} FROM blacklist WHERE {which}")  # noqa: S608
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


def _place_of(row: Record) -> Place:
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
        self._judged: dict[tuple[object, ...], BlacklistEntry] = {}

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
