"""The journal's SQLite file: tables, one transaction per batch, its lock and its damage.

Everything here blocks on the disk and belongs to one thread at a time; `journal.py` brings it
to greenlets. In WAL mode with synchronous=FULL SQLite has flushed a transaction to the disk
when COMMIT returns (https://www.sqlite.org/pragma.html#pragma_synchronous), so one commit for
all that waits is one fsync for all that waits.

Tables: `open_call` what is known of calls not yet recorded, a row for each thing noted;
`record` what waits to be shipped; `set_aside` what Postgres refused, with the reason.
"""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from callcontrol.cdr.journal_entries import (
    Counts,
    Entry,
    Noted,
    OpenCall,
    Opened,
    PendingRecord,
    PutBack,
    Recorded,
    Seen,
    SetAside,
    Shipped,
)
from callcontrol.cdr.journal_open import (
    check_ours,
    errors_of,
    holder_of,
    is_no_damage,
    lock,
    open_database,
    owner_of,
)
from callcontrol.cdr.salvage import Salvaged, may_be_salvaged, moved_aside, salvaged
from callcontrol.clock import SystemClock
from callcontrol.errors import ConfigError, JournalCorrupt

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from callcontrol.cdr.call_id import CallId

__all__ = [
    "Counts",
    "JournalFile",
    "OpenCall",
    "PendingRecord",
    "holder_of",
    "owner_of",
    "read_only",
]

_GROWING = (Opened, Noted, Seen, Recorded)  # what makes no record older or fewer

_SEEN = '{"seen_us":'  # how the fact begins that a call was up

_SPARE_PAGES = 1000  # free pages a file keeps, and how many are given back at a time: 4 MB


class JournalFile:
    """An open journal, locked against every other process.

    Args:
        path: the SQLite file; made when missing, readable by this user alone.
        max_bytes: the file refuses to grow past this; none: until the disk is full.
        owner: the engine's name, told to whoever finds the journal without one.
        is_saving: of a damaged journal, save what can be read into a new one, and keep the
            damaged one beside it.

    Attributes:
        is_new: there was no file before, or it was damaged.
        salvaged: what became of a damaged one; None when it was none.

    Raises:
        ConfigError: another process holds it, or its folder cannot be used.
        JournalCorrupt: damaged, or not a journal.
        JournalError: the disk does not answer.
    """

    def __init__(
        self,
        path: Path,
        *,
        max_bytes: int | None = None,
        owner: str = "",
        is_saving: bool = False,
    ) -> None:
        self.path = path
        self.salvaged: Salvaged | None = None
        self._lock_fd = lock(path, owner)
        try:
            with errors_of(path):
                self.is_new = not path.exists() or not path.stat().st_size
                self._open(max_bytes, is_saving=is_saving)
        except BaseException:
            os.close(self._lock_fd)
            raise

    def _open(self, max_bytes: int | None, *, is_saving: bool) -> None:
        entries: list[Entry] = []
        try:
            self._open_whole(max_bytes)
        except (JournalCorrupt, sqlite3.DatabaseError) as exc:
            if not is_saving or is_no_damage(exc) or not may_be_salvaged(self.path):
                raise
            kept = moved_aside(self.path, SystemClock().now_us())
            entries, self.salvaged = salvaged(kept, str(exc))
            self._open_whole(max_bytes)
            self.is_new = True
        self.apply(entries)

    def _open_whole(self, max_bytes: int | None) -> None:
        self._db = open_database(self.path, max_bytes)
        self._records = int(self._one("SELECT count(*) FROM record") or 0)
        self._counts: Counts | None = None

    def apply(self, entries: Sequence[Entry]) -> None:
        """Write entries in their order, all or none, and return when they are on the disk.

        Raises:
            JournalFull: no room; nothing was written.
            JournalError: the disk failed; nothing was written.
        """
        if not entries:
            return
        with errors_of(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                added = sum(self._write(entry) for entry in entries)
                self._db.execute("COMMIT")
            except BaseException:
                # SQLite has rolled back by itself after a full disk or an I/O error.
                if self._db.in_transaction:
                    with suppress(sqlite3.Error):
                        self._db.execute("ROLLBACK")
                raise
        self._records += added
        if not all(isinstance(entry, _GROWING) for entry in entries):
            self._counts = None

    def _write(self, entry: Entry) -> int:
        """Write one entry and say by how much the number of waiting records grew."""
        run = self._db.execute
        match entry:
            case Opened():
                run(
                    "INSERT INTO open_call (call_id, facts) VALUES (?, ?)",
                    (entry.call_id, entry.facts),
                )
            case Noted():
                self._note(entry.call_id, entry.facts)
            case Seen():
                self._see(entry.call_ids, f"{_SEEN}{entry.at_us}}}")
            case Recorded():
                run("DELETE FROM open_call WHERE call_id = ?", (entry.call_id,))
                return run(
                    "INSERT OR IGNORE INTO record (call_id, recorded_us, body)"
                    " VALUES (?, ?, ?)",
                    (entry.call_id, entry.recorded_us, entry.body),
                ).rowcount
            case Shipped():
                ids = [(call_id,) for call_id in entry.call_ids]
                cursor = self._db.executemany("DELETE FROM record WHERE call_id = ?", ids)
                return -max(cursor.rowcount, 0)
            case SetAside():
                run(
                    "INSERT OR REPLACE INTO set_aside SELECT call_id, recorded_us, body, ?"
                    " FROM record WHERE call_id = ?",
                    (entry.reason, entry.call_id),
                )
                return -run("DELETE FROM record WHERE call_id = ?", (entry.call_id,)).rowcount
            case PutBack():
                added = run(
                    "INSERT OR IGNORE INTO record (call_id, recorded_us, body)"
                    " SELECT call_id, recorded_us, body FROM set_aside ORDER BY recorded_us"
                ).rowcount
                run("DELETE FROM set_aside")
                return added
        return 0

    def _note(self, call_id: CallId, facts: str) -> None:
        # What arrives after the record would keep the call open for ever.
        self._db.execute(
            "INSERT INTO open_call (call_id, facts) SELECT ?1, ?2"
            " WHERE EXISTS (SELECT 1 FROM open_call WHERE call_id = ?1)",
            (call_id, facts),
        )

    def _see(self, call_ids: Sequence[CallId], facts: str) -> None:
        for call_id in call_ids:
            seen = self._db.execute(
                "UPDATE open_call SET facts = ? WHERE call_id = ? AND substr(facts, 1, ?) = ?",
                (facts, call_id, len(_SEEN), _SEEN),
            )
            if not seen.rowcount:
                self._note(call_id, facts)

    def clear(self) -> None:
        """Forget everything, because all of it is on the disk of another journal."""
        with errors_of(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            for table in ("open_call", "record", "set_aside"):
                self._db.execute(f"DELETE FROM {table}")  # noqa: S608  our own words
            self._db.execute("COMMIT")
        self._records = 0
        self._counts = None

    def pending(self, limit: int) -> list[PendingRecord]:
        """Give the records that wait, oldest first, at most `limit`."""
        with errors_of(self.path):
            return _pending(self._db, limit)

    def open_calls(self) -> list[OpenCall]:
        """Give the calls that were opened and not recorded, oldest first."""
        with errors_of(self.path):
            return _open_calls(self._db)

    def counts(self) -> Counts:
        """Say how much waits, without reading it."""
        known = self._counts
        if known is None or (known.oldest_us is None and self._records):
            with errors_of(self.path):
                oldest = self._one("SELECT recorded_us FROM record ORDER BY seq LIMIT 1")
                aside = self._one("SELECT count(*) FROM set_aside") or 0
            known = Counts(records=self._records, oldest_us=oldest, set_aside=aside)
        self._counts = replace(known, records=self._records)
        return self._counts

    def reclaim(self) -> bool:
        """Give some free pages back to the disk and empty the write-ahead log; milliseconds.

        Returns:
            whether there is more to give back.
        """
        with errors_of(self.path):
            free_pages = self._one("PRAGMA freelist_count") or 0
            if free_pages > _SPARE_PAGES:
                # A script, because `execute` takes one step, and a step is one page.
                self._db.executescript(f"PRAGMA incremental_vacuum({_SPARE_PAGES})")
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return free_pages > 2 * _SPARE_PAGES

    def free_bytes(self) -> int:
        """Say how much this user may still write to the file's disk."""
        with errors_of(self.path):
            disk = os.statvfs(self.path.parent)
        return disk.f_bavail * disk.f_frsize

    def close(self) -> None:
        """Close the file and let go of its lock."""
        self._db.close()
        os.close(self._lock_fd)

    def _one(self, sql: str) -> int | None:
        row = self._db.execute(sql).fetchone()
        return row[0] if row else None


@contextmanager
def read_only(path: Path) -> Iterator[tuple[Counts, list[OpenCall], list[PendingRecord]]]:
    """Look into a journal that an engine may be writing at this moment.

    Yields:
        how much waits, the calls that are open, and the records set aside.

    Raises:
        ConfigError: no such file.
        JournalCorrupt: damaged, or not a journal.
    """
    if not path.is_file():
        raise ConfigError(f"CALLCONTROL_JOURNAL: no journal at {path}")
    with errors_of(path):
        address = f"{path.absolute().as_uri()}?mode=ro"
        db = sqlite3.connect(address, uri=True, isolation_level=None)
        try:
            check_ours(db, path)
            db.execute("BEGIN")  # one snapshot for all three
            count, oldest = db.execute(
                "SELECT count(*), min(recorded_us) FROM record"
            ).fetchone()
            aside = [
                PendingRecord(call_id=row[0], recorded_us=row[1], body=row[2], reason=row[3])
                for row in db.execute("SELECT * FROM set_aside ORDER BY recorded_us")
            ]
            counts = Counts(records=count, oldest_us=oldest, set_aside=len(aside))
            yield counts, _open_calls(db), aside
        finally:
            db.close()


def records_in(path: Path) -> list[PendingRecord]:
    """Read the records that wait in a journal that an engine may be writing at this moment.

    Raises:
        JournalCorrupt: damaged, or not a journal.
    """
    with errors_of(path):
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
        try:
            check_ours(db, path)
            return _pending(db, -1)
        finally:
            db.close()


def _pending(db: sqlite3.Connection, limit: int) -> list[PendingRecord]:
    rows = db.execute(
        "SELECT call_id, recorded_us, body FROM record ORDER BY seq LIMIT ?", (limit,)
    )
    return [PendingRecord(call_id=row[0], recorded_us=row[1], body=row[2]) for row in rows]


def _open_calls(db: sqlite3.Connection) -> list[OpenCall]:
    facts: dict[CallId, list[dict[str, object]]] = {}
    for call_id, text in db.execute("SELECT call_id, facts FROM open_call ORDER BY id"):
        facts.setdefault(call_id, []).append(json.loads(text))
    return [OpenCall(call_id=call_id, facts=tuple(known)) for call_id, known in facts.items()]
