"""Keeps the last good reference on disk, by a process of its own.

Strategy: writing out a hundred thousand numbers takes seconds of one processor, which an engine
with calls does not have. So a child process, at the lowest priority, reads Postgres and writes
the file (`callcontrol export --keep`); the engine only looks whether its own reference is a
newer one, and starts a child at most once a minute.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import gevent
from gevent import subprocess

from callcontrol.clock import Clock, SystemClock
from callcontrol.config import Settings
from callcontrol.errors import ConfigError
from callcontrol.reference import Reference
from callcontrol.reference_file import canonical
from callcontrol.reference_file.kept import head_of, write_kept
from callcontrol.store.pool import run
from callcontrol.store.reference_news import revision_now
from callcontrol.store.reference_read import Entries, read_everything
from callcontrol.store.schema import check_schema

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from callcontrol.store.pool import Connection

_LOOK_S = 2.0
_AT_MOST_EVERY_S = 60.0
_CHILD_S = 600.0


def kept_path(settings: Settings) -> Path | None:
    """Name the file: beside the journal, one for all workers; None when none is to be kept."""
    if not settings.keep_reference:
        return None
    family = re.sub(r"\.\d+\Z", "", settings.journal.stem)
    return settings.journal.with_name(f"{family}.reference.yaml")


def keep_once(dsn: str, path: Path, *, clock: Clock | None = None) -> int:
    """Read Postgres and keep what it says; blocks. Gives the revision kept.

    Rows without a shape are left out, as an engine leaves them out.

    Raises:
        ConfigError: the database has another schema, or the file cannot be written.
        StoreUnavailable: Postgres cannot be reached.
    """
    revision, entries = run(dsn, _read, dsn, deadline_s=_CHILD_S)
    read_us = (clock or SystemClock()).now_us()
    write_kept(path, canonical(entries.file()), revision=revision, read_us=read_us)
    return revision


async def _read(connection: Connection, dsn: str) -> tuple[int, Entries]:
    await check_schema(connection, dsn)
    # Before the rows: what changes meanwhile makes another revision, which is kept next.
    revision = await revision_now(connection)
    return revision, await read_everything(connection)


class ReferenceKeeper:
    """A greenlet that has the reference kept whenever it has changed.

    Args:
        settings: for the file and Postgres.
        current: gives the reference in force.
        log: of the process.
    """

    def __init__(
        self,
        settings: Settings,
        current: Callable[[], Reference],
        *,
        log: FilteringBoundLogger,
    ) -> None:
        self._dsn = settings.dsn
        self._path = kept_path(settings)
        # Of several workers, the first keeps it for all.
        if re.search(r"\.\d+\Z", settings.journal.stem):
            self._path = None
        self._current = current
        self._log = log
        self._child: subprocess.Popen[bytes] | None = None
        self._greenlet: gevent.Greenlet[..., None] | None = None

    def start(self) -> None:
        """Begin."""
        if self._path is not None:
            self._greenlet = gevent.spawn(self._run, self._path)

    def stop(self) -> None:
        """Stop; a file that is half written is left beside the whole one. Switches: briefly."""
        if self._greenlet is not None:
            self._greenlet.kill()
        if self._child is not None and self._child.poll() is None:
            self._child.kill()
            self._child.wait()

    def _run(self, path: Path) -> None:
        while True:
            gevent.sleep(_LOOK_S)
            if self._is_newer(path):
                self._keep(path)
                gevent.sleep(_AT_MOST_EVERY_S)

    def _is_newer(self, path: Path) -> bool:
        reference = self._current()
        if reference.loaded_at is None:
            return False
        try:
            head = head_of(path)
        except ConfigError:
            return True
        # A file read later, by a process with another journal, is not replaced by an older one.
        is_same = str(head.revision) == reference.revision
        return not is_same and reference.loaded_at.timestamp() * 1_000_000 > head.read_us

    def _keep(self, path: Path) -> None:
        # The URI with its password goes by the environment: a command line is for all to see.
        environment = {**os.environ, "CALLCONTROL_DSN": self._dsn}
        command = [sys.executable, "-m", "callcontrol", "export", "--keep", str(path)]
        self._child = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            _, said = self._child.communicate(timeout=_CHILD_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            said = b"it took too long"
        if self._child.returncode == 0:
            self._log.info("reference_kept", file=str(path))
        else:
            reason = said.decode("utf-8", "replace").strip()[-300:]
            self._log.warning("reference_not_kept", file=str(path), reason=reason)
