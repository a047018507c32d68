"""callcontrol.store.embedded: a throw-away Postgres that always goes away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from callcontrol.store import Connection, EmbeddedPostgres, run
from callcontrol.store.embedded import postgres
from tests.waiting import eventually

ROOT = Path(__file__).parents[3]
_OWNER = """
import sys
from callcontrol.store import EmbeddedPostgres
with EmbeddedPostgres() as server:
    print(server.folder, (server.folder / "data/postmaster.pid").read_text().split()[0])
    sys.stdout.flush()
    {then}
"""


async def _value(connection: Connection, query: str) -> object:
    return await connection.fetchval(query)


def test_several_run_at_once() -> None:
    """Each has data of its own; none of them listens on a network."""
    with EmbeddedPostgres() as one, EmbeddedPostgres() as other:
        run(one.dsn, _value, "CREATE TABLE here ()")

        assert run(one.dsn, _value, "SELECT to_regclass('here')::text") == "here"
        assert run(other.dsn, _value, "SELECT to_regclass('here')::text") is None
        assert run(one.dsn, _value, "SHOW listen_addresses") == ""
    assert not one.folder.exists()
    assert not other.folder.exists()


def test_a_killed_server_keeps_what_was_committed() -> None:
    """It comes back with its data, as after a crash."""
    with EmbeddedPostgres() as server:
        run(server.dsn, _value, "CREATE TABLE kept AS SELECT 7 AS seven")

        server.kill()
        server.start()

        assert run(server.dsn, _value, "SELECT seven FROM kept") == 7


def test_stopping_twice_is_harmless() -> None:
    """Whoever stops it may do so from several places."""
    server = EmbeddedPostgres()
    server.start()
    server.stop()
    server.stop()

    assert not server.folder.exists()


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_it_goes_with_its_owner(end: signal.Signals) -> None:
    """However the process that started it ends, nothing is left running or lying about."""
    code = _OWNER.format(then="sys.stdin.read()")
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    ) as owner:
        assert owner.stdout is not None
        folder, pid = owner.stdout.readline().decode().split()
        owner.send_signal(end)

    eventually(lambda: not Path(folder).exists(), within_s=20)
    eventually(lambda: not _is_running(int(pid)), within_s=20)


def test_it_goes_when_its_owner_fails() -> None:
    """An exception stops it on its way out."""
    code = _OWNER.format(then="raise SystemExit(3)")
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False
    )
    folder, pid = done.stdout.split()

    assert done.returncode == 3
    assert not Path(folder).exists()
    eventually(lambda: not _is_running(int(pid)), within_s=20)


def test_a_server_of_ones_own_is_left_alone() -> None:
    """With a connection URI given nothing is started."""
    with postgres("postgresql://db.example/calls") as dsn:
        assert dsn == "postgresql://db.example/calls"


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A container may have nobody who reaps orphans.
    return "(zombie)" not in Path(f"/proc/{pid}/status").read_text()
