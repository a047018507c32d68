"""Saves what can be read of a damaged journal into a new one; the damaged one is kept aside.

SQLite reads a page at a time, so a damaged page costs the rows on it, and those behind it when
rows are read in order. So the rows are read from the front, then from the back, and what is
between is asked for one by one. What is missing is told by its rowids: nothing else is known.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from callcontrol.cdr.call_id import CallId
from callcontrol.cdr.journal_entries import Entry, Opened, Recorded, SetAside
from callcontrol.cdr.journal_open import is_ours

# How many rows of a gap are asked for one by one; each is some microseconds.
_MOST_PROBED = 10_000

_Row: TypeAlias = tuple[Any, ...]

_TABLES = {
    "open_call": ("id", "call_id, facts"),
    "record": ("seq", "call_id, recorded_us, body"),
    "set_aside": ("rowid", "call_id, recorded_us, body, reason"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Salvaged:
    """What became of a damaged journal.

    Attributes:
        kept: where the damaged file lies now.
        reason: what was wrong with it.
        calls, records: how many notes of open calls and records were saved.
        lost: in words, which rows could not be read; empty when all could.
    """

    kept: Path
    reason: str
    calls: int = 0
    records: int = 0
    lost: tuple[str, ...] = ()


def may_be_salvaged(path: Path) -> bool:
    """Say whether a damaged file was a journal of ours: nothing else is touched."""
    try:
        with path.open("rb") as file:
            return is_ours(file.read(100))
    except OSError:
        return False


def moved_aside(path: Path, now_us: int) -> Path:
    """Move a journal with its side files out of the way; gives its new name."""
    kept = path.with_name(f"{path.name}.damaged-{now_us // 1_000_000}")
    for suffix in ("-wal", "-shm", ""):
        source = path.with_name(path.name + suffix)
        if source.exists():
            source.replace(kept.with_name(kept.name + suffix))
    return kept


def salvaged(kept: Path, reason: str) -> tuple[list[Entry], Salvaged]:
    """Read what can be read; gives it as entries for a new journal, and what became of it."""
    entries: list[Entry] = []
    lost: list[str] = []
    counts = dict.fromkeys(_TABLES, 0)
    try:
        with closing(sqlite3.connect(f"{kept.absolute().as_uri()}?mode=ro", uri=True)) as db:
            for table in _TABLES:
                rows, gaps = _rows(db, table)
                counts[table] = len(rows)
                entries += [entry for row in rows for entry in _entries(table, row)]
                lost += [f"{table} {first} to {last or 'the end'}" for first, last in gaps]
    except sqlite3.Error as exc:
        lost.append(f"whatever it held: {exc}")
    return entries, Salvaged(
        kept=kept,
        reason=reason,
        calls=counts["open_call"],
        records=counts["record"] + counts["set_aside"],
        lost=tuple(lost),
    )


def _entries(table: str, row: _Row) -> Iterator[Entry]:
    # A damaged page may give values of any kind.
    if not all(isinstance(value, str | int) for value in row):
        return
    call_id = CallId(str(row[0]))
    if table == "open_call":
        yield Opened(call_id, str(row[1]))
        return
    if isinstance(row[1], int):
        yield Recorded(call_id, row[1], str(row[2]))
        if table == "set_aside":
            yield SetAside(call_id, str(row[3]))


def _rows(db: sqlite3.Connection, table: str) -> tuple[list[_Row], list[tuple[int, int]]]:
    """Read a table's rows, and the first and last rowid of what cannot be read."""
    key, columns = _TABLES[table]
    select = f"SELECT {key}, {columns} FROM {table}"  # noqa: S608  our own words
    front, broke = _until_damage(db, f"{select} ORDER BY {key}")
    if not broke:
        return [row[1:] for row in front], []
    back, _ = _until_damage(db, f"{select} ORDER BY {key} DESC")
    first = front[-1][0] + 1 if front else 1
    last = back[-1][0] - 1 if back else first + _MOST_PROBED
    between: list[_Row] = []
    for rowid in range(first, min(last, first + _MOST_PROBED) + 1):
        found, _ = _until_damage(db, f"{select} WHERE {key} = {rowid:d}")
        between += found
    rows = {row[0]: row[1:] for row in (*front, *between, *reversed(back))}
    missing = (first, last) if back else (first, 0)
    gaps = _gaps(sorted(rows), *missing)
    return [rows[rowid] for rowid in sorted(rows)], gaps


def _until_damage(db: sqlite3.Connection, query: str) -> tuple[list[_Row], bool]:
    found: list[_Row] = []
    try:
        for row in db.execute(query):
            found.append(row)  # noqa: PERF402  what came before the damage counts
    except (sqlite3.DatabaseError, UnicodeDecodeError):
        return found, True
    return found, False


def _gaps(rowids: list[int], first: int, last: int) -> list[tuple[int, int]]:
    """Give the stretches of a range that were not read; rows that were shipped are in them."""
    if not last:
        return [(max([first - 1, *rowids]) + 1, 0)]
    gaps = []
    before = first - 1
    for rowid in [*(one for one in rowids if first <= one <= last), last + 1]:
        if rowid > before + 1:
            gaps.append((before + 1, rowid - 1))
        before = rowid
    return gaps
