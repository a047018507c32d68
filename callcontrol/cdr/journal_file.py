"""The journal's SQLite file: tables, one transaction per batch, its lock and its damage.

Everything here blocks on the disk and belongs to one thread at a time; `journal.py` brings it
to greenlets. In WAL mode with synchronous=FULL SQLite has flushed a transaction to the disk
when COMMIT returns (https://www.sqlite.org/pragma.html#pragma_synchronous), so one commit for
all that waits is one fsync for all that waits.

Tables: `open_call` what is known of calls not yet recorded, a row for each thing noted;
`record` what waits to be shipped; `set_aside` what Postgres refused, with the reason.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from callcontrol.cdr.call_id import CallId
from callcontrol.errors import ConfigError, JournalCorrupt, JournalError, JournalFull

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_APPLICATION_ID = 0x43435230  # so that another program's database is never taken for ours
_VERSION = 1
_PAGE_BYTES = 4096
_CHECKED_BYTES = 64 << 20  # a whole-file check at opening stays well under a second up to here
_BUSY_MS = 5000
_SPARE_PAGES = 1000  # free pages a file keeps, and how many are given back at a time: 4 MB

_SCHEMA = (
    "CREATE TABLE open_call (id INTEGER PRIMARY KEY, call_id TEXT NOT NULL,"
    " facts TEXT NOT NULL)",
    "CREATE INDEX open_call_by_call ON open_call (call_id)",
    "CREATE TABLE record (seq INTEGER PRIMARY KEY AUTOINCREMENT, call_id TEXT NOT NULL UNIQUE,"
    " recorded_us INTEGER NOT NULL, body TEXT NOT NULL)",
    "CREATE TABLE set_aside (call_id TEXT PRIMARY KEY, recorded_us INTEGER NOT NULL,"
    " body TEXT NOT NULL, reason TEXT NOT NULL)",
    f"PRAGMA application_id = {_APPLICATION_ID}",
    f"PRAGMA user_version = {_VERSION}",
)


@dataclass(frozen=True, slots=True)
class Opened:
    """A call has begun."""

    call_id: CallId
    facts: str


@dataclass(frozen=True, slots=True)
class Noted:
    """Something about an open call that must outlive this process."""

    call_id: CallId
    facts: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """A call has ended: its record, which takes the place of all that was noted."""

    call_id: CallId
    recorded_us: int
    body: str


@dataclass(frozen=True, slots=True)
class Shipped:
    """These records are in Postgres and can go."""

    call_ids: tuple[CallId, ...]


@dataclass(frozen=True, slots=True)
class SetAside:
    """Postgres refuses this record; it stays here with the reason."""

    call_id: CallId
    reason: str


@dataclass(frozen=True, slots=True)
class PutBack:
    """Everything set aside is to be tried again."""


Entry: TypeAlias = Opened | Noted | Recorded | Shipped | SetAside | PutBack


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingRecord:
    """A record that waits to be shipped.

    Attributes:
        recorded_us: when it was recorded, microseconds since the epoch.
        body: `Cdr.to_json()`.
        reason: why it was set aside; empty for one that simply waits.
    """

    call_id: CallId
    recorded_us: int
    body: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCall:
    """A call that was opened and never recorded.

    Attributes:
        facts: what was noted, oldest first; the first is what it opened with.
    """

    call_id: CallId
    facts: tuple[dict[str, object], ...]

    @property
    def merged(self) -> dict[str, object]:
        """All facts in one mapping; what was noted later wins."""
        return {name: value for facts in self.facts for name, value in facts.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How much waits.

    Attributes:
        records: records not yet shipped.
        oldest_us: when the oldest of them was recorded; none when nothing waits.
        set_aside: records Postgres refused.
    """

    records: int = 0
    oldest_us: int | None = None
    set_aside: int = 0


class JournalFile:
    """An open journal, locked against every other process.

    Args:
        path: the SQLite file; made when missing, readable by this user alone.
        max_bytes: the file refuses to grow past this; none: until the disk is full.

    Raises:
        ConfigError: another process holds it, or its folder cannot be used.
        JournalCorrupt: damaged, or not a journal.
        JournalError: the disk does not answer.
    """

    def __init__(self, path: Path, *, max_bytes: int | None = None) -> None:
        self.path = path
        self._lock_fd = _locked(path)
        try:
            with _errors_of(path):
                self._db = _opened(path, max_bytes)
                self.records = int(self._one("SELECT count(*) FROM record") or 0)
        except BaseException:
            os.close(self._lock_fd)
            raise

    def apply(self, entries: Sequence[Entry]) -> None:
        """Write entries in their order, all or none, and return when they are on the disk.

        Raises:
            JournalFull: no room; nothing was written.
            JournalError: the disk failed; nothing was written.
        """
        if not entries:
            return
        with _errors_of(self.path):
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
        self.records += added

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
                # What arrives after the record would keep the call open for ever.
                run(
                    "INSERT INTO open_call (call_id, facts) SELECT ?1, ?2"
                    " WHERE EXISTS (SELECT 1 FROM open_call WHERE call_id = ?1)",
                    (entry.call_id, entry.facts),
                )
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

    def pending(self, limit: int) -> list[PendingRecord]:
        """Give the records that wait, oldest first, at most `limit`."""
        with _errors_of(self.path):
            return _pending(self._db, limit)

    def open_calls(self) -> list[OpenCall]:
        """Give the calls that were opened and not recorded, oldest first."""
        with _errors_of(self.path):
            return _open_calls(self._db)

    def counts(self) -> Counts:
        """Say how much waits, without reading it."""
        with _errors_of(self.path):
            oldest = self._one("SELECT recorded_us FROM record ORDER BY seq LIMIT 1")
            aside = self._one("SELECT count(*) FROM set_aside") or 0
        return Counts(records=self.records, oldest_us=oldest, set_aside=aside)

    def reclaim(self) -> None:
        """Give some free pages back to the disk and empty the write-ahead log; milliseconds."""
        with _errors_of(self.path):
            if (self._one("PRAGMA freelist_count") or 0) > _SPARE_PAGES:
                self._db.execute(f"PRAGMA incremental_vacuum({_SPARE_PAGES})").fetchall()
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def free_bytes(self) -> int:
        """Say how much this user may still write to the file's disk."""
        with _errors_of(self.path):
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
    with _errors_of(path):
        address = f"{path.absolute().as_uri()}?mode=ro"
        db = sqlite3.connect(address, uri=True, isolation_level=None)
        try:
            _check_ours(db, path)
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


def holder_of(path: Path) -> int | None:
    """Name the process that holds a journal; none when nobody does, 0 when it is not known."""
    try:
        fd = os.open(_lock_path(path), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        said = os.read(fd, 20)
        return int(said) if said.isdigit() else 0
    else:
        return None
    finally:
        os.close(fd)


def _lock_path(path: Path) -> Path:
    # Not the database itself: closing any descriptor of it would drop SQLite's own POSIX locks.
    return path.with_name(path.name + ".lock")


def _locked(path: Path) -> int:
    try:
        fd = os.open(_lock_path(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise ConfigError(f"CALLCONTROL_JOURNAL: {path}: {exc.strerror}") from exc
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        holder = os.read(fd, 20).decode("ascii", "replace") or "unknown"
        os.close(fd)
        raise ConfigError(
            f"CALLCONTROL_JOURNAL: {path} is in use by process {holder};"
            " each engine process needs a journal of its own"
        ) from exc
    os.ftruncate(fd, 0)
    os.pwrite(fd, str(os.getpid()).encode(), 0)
    return fd


def _opened(path: Path, max_bytes: int | None) -> sqlite3.Connection:
    # SQLite gives the -wal and -shm files the mode of the database; all hold callers' numbers.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        db.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        _check_ours(db, path)
        db.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
        db.execute("PRAGMA auto_vacuum = INCREMENTAL")
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        _check_whole(db, path)
        if not db.execute("PRAGMA user_version").fetchone()[0]:
            db.execute("BEGIN IMMEDIATE")
            for statement in _SCHEMA:
                db.execute(statement)
            db.execute("COMMIT")
            _flush_folder(path.parent)
        if max_bytes is not None:
            db.execute(f"PRAGMA max_page_count = {max(max_bytes // _PAGE_BYTES, 1)}")
    except BaseException:
        db.close()
        raise
    return db


def _check_whole(db: sqlite3.Connection, path: Path) -> None:
    if path.stat().st_size <= _CHECKED_BYTES:
        verdict = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            found = verdict.splitlines()[-1]
            raise JournalCorrupt(f"journal {path} is damaged ({found}): {_WHAT_TO_DO}")


def _check_ours(db: sqlite3.Connection, path: Path) -> None:
    owner = db.execute("PRAGMA application_id").fetchone()[0]
    version = db.execute("PRAGMA user_version").fetchone()[0]
    tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if tables and owner != _APPLICATION_ID:
        raise JournalCorrupt(f"{path} is a database, but not a journal: {_WHAT_TO_DO}")
    if version > _VERSION:
        raise JournalCorrupt(f"journal {path} was written by a newer version of this program")


def _flush_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


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


_WHAT_TO_DO = "move it away to start with a new one, and keep it: it may hold records"

_FULL = frozenset({sqlite3.SQLITE_FULL})
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


@contextmanager
def _errors_of(path: Path) -> Iterator[None]:
    """Turn SQLite's and the system's errors into ours, by code and never by text."""
    try:
        yield
    except sqlite3.Error as exc:
        code = getattr(exc, "sqlite_errorcode", 0) & 0xFF
        if code in _FULL:
            raise JournalFull(f"no room for journal {path}") from exc
        if code in _DAMAGED:
            raise JournalCorrupt(f"journal {path} is damaged: {_WHAT_TO_DO}") from exc
        raise JournalError(f"journal {path} cannot be used: {exc}") from exc
    except OSError as exc:
        raise JournalError(f"journal {path} cannot be used: {exc.strerror}") from exc


def as_json(facts: Mapping[str, object]) -> str:
    """Write facts as ASCII JSON.

    Raises:
        TypeError: a value is not plain.
    """
    return json.dumps(facts, separators=(",", ":"))
