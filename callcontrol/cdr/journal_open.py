"""Opening a journal: one process at a time, the right file, undamaged; and SQLite's errors."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from callcontrol.errors import ConfigError, JournalCorrupt, JournalError, JournalFull

_APPLICATION_ID = 0x43435230  # so that another program's database is never taken for ours
_VERSION = 1
_PAGE_BYTES = 4096
_CHECKED_BYTES = 64 << 20  # a whole-file check at opening stays well under a second up to here
_BUSY_MS = 5000

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

_WHAT_TO_DO = "move it away to start with a new one, and keep it: it may hold records"

_FULL = frozenset({sqlite3.SQLITE_FULL})
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


def holder_of(path: Path) -> int | None:
    """Name the process that holds a journal; none when nobody does, 0 when it is not known."""
    try:
        fd = os.open(_lock_path(path), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        said = os.read(fd, 20).partition(b" ")[0]
        return int(said) if said.isdigit() else 0
    else:
        return None
    finally:
        os.close(fd)


def _lock_path(path: Path) -> Path:
    # Not the database itself: closing any descriptor of it would drop SQLite's own POSIX locks.
    return path.with_name(path.name + ".lock")


def owner_of(path: Path) -> str:
    """Name the engine that held a journal last; empty when nobody said."""
    try:
        return _lock_path(path).read_text(encoding="ascii", errors="replace").partition(" ")[2]
    except OSError:
        return ""


def lock(path: Path, owner: str = "") -> int:
    """Take a journal for this process; gives the descriptor that holds the lock until closed.

    Args:
        path: the journal.
        owner: the engine's name, for whoever finds the journal without one.

    Raises:
        ConfigError: another process has it, or the folder cannot be used.
    """
    try:
        fd = os.open(_lock_path(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise ConfigError(f"CALLCONTROL_JOURNAL: {path}: {exc.strerror}") from exc
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as exc:
        holder = os.read(fd, 20).decode("ascii", "replace").partition(" ")[0] or "unknown"
        os.close(fd)
        raise ConfigError(
            f"CALLCONTROL_JOURNAL: {path} is in use by process {holder};"
            " each engine process needs a journal of its own"
        ) from exc
    os.ftruncate(fd, 0)
    os.pwrite(fd, f"{os.getpid()} {owner}".rstrip().encode(), 0)
    return fd


def open_database(path: Path, max_bytes: int | None) -> sqlite3.Connection:
    """Open a journal's database for writing, made when missing; call within `errors_of`.

    Raises:
        JournalCorrupt: damaged, or not a journal.
    """
    # SQLite gives the -wal and -shm files the mode of the database; all hold callers' numbers.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        db.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        check_ours(db, path)
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


def is_ours(header: bytes) -> bool:
    """Say whether the first 100 bytes of a file are those of a journal of ours.

    Source: https://www.sqlite.org/fileformat2.html#the_database_header (offset 68).
    """
    return (
        header[:16] == b"SQLite format 3\0"
        and int.from_bytes(header[68:72], "big") == _APPLICATION_ID
        and int.from_bytes(header[60:64], "big") <= _VERSION
    )


def check_ours(db: sqlite3.Connection, path: Path) -> None:
    """Refuse a database of another program, or of a newer version of this one.

    Raises:
        JournalCorrupt: it is one.
    """
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


def is_no_damage(exc: Exception) -> bool:
    """Say whether SQLite's error has another reason than a damaged file."""
    code = getattr(exc, "sqlite_errorcode", None)
    return code is not None and code & 0xFF not in _DAMAGED


@contextmanager
def errors_of(path: Path) -> Iterator[None]:
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
