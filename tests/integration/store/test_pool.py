"""callcontrol.store.pool against a real Postgres."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest

from callcontrol.errors import CallControlError, StoreRejected, StoreUnavailable
from callcontrol.store import Connection, EmbeddedPostgres, Store, run
from tests.waiting import eventually

PATIENCE_S = 10.0


@pytest.fixture
def store(dsn: str) -> Iterator[Store]:
    """Give an open store."""
    opened = Store(dsn, name="engine-under-test")
    opened.open()
    yield opened
    opened.close()


async def _value(connection: Connection, query: str) -> object:
    return await connection.fetchval(query)


def _sentence(dsn: str) -> str:
    """Give what a store says of a Postgres it cannot use, and see that others say the same."""
    store = Store(dsn)
    store.open()
    try:
        with pytest.raises(StoreUnavailable) as caught:
            store.check()
        assert not store.is_up
        with pytest.raises(StoreUnavailable, match=r".") as alone:
            run(dsn, _value, "SELECT 1")
        assert str(alone.value) == str(caught.value)
    finally:
        store.close()
    assert "s3cr3t" not in str(caught.value)
    return str(caught.value)


def test_a_query_from_a_greenlet(store: Store) -> None:
    """A coroutine function gets a connection; its value comes back."""
    assert store.call(_value, "SELECT 41 + 1", deadline_s=PATIENCE_S) == 42
    assert store.is_up


def test_connections_carry_the_engines_name(store: Store) -> None:
    """Whoever looks at Postgres sees whose connection it is."""
    name = store.call(_value, "SHOW application_name", deadline_s=PATIENCE_S)

    assert name == "engine-under-test"


def test_a_refused_value_is_rejected(store: Store) -> None:
    """What is wrong with the data is told apart from what is wrong with Postgres."""
    with pytest.raises(StoreRejected) as caught:
        store.call(_value, "SELECT 1 / 0", deadline_s=PATIENCE_S)

    assert caught.value.sqlstate == "22012"
    assert store.is_up


def test_nobody_at_the_address(tmp_path: Path) -> None:
    """A server that is not there, by socket and by port."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]

        said = _sentence(f"postgresql://u:s3cr3t@127.0.0.1:{port}/d")

    assert said == f"Postgres at 127.0.0.1:{port} cannot be reached"
    assert (
        _sentence(f"postgresql://u:s3cr3t@/d?host={tmp_path}")
        == f"Postgres at {tmp_path} cannot be reached"
    )


def test_a_name_that_is_not_known() -> None:
    """A mistyped host (the top-level domain `invalid` never resolves, RFC 2606)."""
    said = _sentence("postgresql://u:s3cr3t@db.invalid/d")

    assert said == "Postgres at db.invalid has a name that is not known"


def test_a_database_that_is_not_there(postgres: EmbeddedPostgres) -> None:
    """The sentence names it."""
    said = _sentence(postgres.dsn.replace("/postgres?", "/nowhere?"))

    assert said == f"Postgres at {postgres.folder} has no database nowhere"


def test_a_wrong_password(postgres: EmbeddedPostgres) -> None:
    """The sentence names the user and not the password."""
    rules = postgres.folder / "data" / "pg_hba.conf"
    rules.write_text(f"local all locked scram-sha-256\n{rules.read_text()}")
    run(postgres.dsn, _value, "CREATE ROLE locked LOGIN PASSWORD 'another'")
    run(postgres.dsn, _value, "SELECT pg_reload_conf()")
    dsn = postgres.dsn.replace("callcontrol@", "locked:s3cr3t@")

    eventually(lambda: "refuses user locked" in _sentence_or_nothing(dsn), within_s=PATIENCE_S)

    assert "look at user and password" in _sentence(dsn)


def test_a_server_that_says_nothing() -> None:
    """A port that takes connections and never answers does not hold anybody for long."""
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        store = Store(f"postgresql://u:s3cr3t@127.0.0.1:{mute.getsockname()[1]}/d")
        store.open()

        with pytest.raises(StoreUnavailable, match=r"did not answer within 0\.2 s"):
            store.check(deadline_s=0.2)
        store.close()


def test_a_deadline_cancels_the_statement(store: Store) -> None:
    """Postgres itself stops working on it, and the connection can be used again."""
    with pytest.raises(StoreUnavailable, match=r"did not answer within 0\.2 s"):
        store.call(_value, "SELECT pg_sleep(60)", deadline_s=0.2)

    eventually(lambda: _sleeping(store) == 0, within_s=PATIENCE_S)
    assert store.is_up


def test_a_killed_greenlet_cancels_the_statement(store: Store) -> None:
    """Nothing goes on in Postgres for a greenlet that is gone."""
    greenlet = gevent.spawn(
        store.call, _value, "SELECT pg_sleep(60)", deadline_s=PATIENCE_S * 6
    )
    eventually(lambda: _sleeping(store) == 1, within_s=PATIENCE_S)

    greenlet.kill()

    eventually(lambda: _sleeping(store) == 0, within_s=PATIENCE_S)


def test_a_server_that_comes_back_is_used_again() -> None:
    """Killed and started again: one or two calls fail, then all is well by itself."""
    with EmbeddedPostgres() as server:
        store = Store(server.dsn)
        store.open()
        store.check()

        server.kill()
        with pytest.raises(StoreUnavailable):
            store.check()
        assert not store.is_up
        server.start()

        eventually(lambda: _is_there(store), within_s=PATIENCE_S)
        store.close()


def test_a_server_that_hangs_frees_its_callers() -> None:
    """Stopped in its tracks, connections open: every call ends in time; later all is well."""
    with EmbeddedPostgres() as server:
        store = Store(server.dsn, connections=2)
        store.open()
        store.check()
        processes = _processes(server)
        for pid in processes:
            os.kill(pid, signal.SIGSTOP)
        try:
            for _ in range(5):
                with pytest.raises(StoreUnavailable):
                    store.check(deadline_s=0.1)
        finally:
            for pid in processes:
                os.kill(pid, signal.SIGCONT)

        eventually(lambda: _is_there(store), within_s=PATIENCE_S * 2)
        store.close()


def test_many_greenlets_share_few_connections(store: Store) -> None:
    """Two hundred at once wait for their turn; no more than four connections are made."""

    async def connections(connection: Connection) -> int:
        await asyncio.sleep(0)
        count: int = await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1",
            "engine-under-test",
        )
        return count

    greenlets = [
        gevent.spawn(store.call, connections, deadline_s=PATIENCE_S) for _ in range(200)
    ]
    gevent.joinall(greenlets, timeout=PATIENCE_S * 2, raise_error=True)

    assert max(greenlet.get() for greenlet in greenlets) <= 4


def test_a_closed_store_says_so(store: Store) -> None:
    """Closing twice is harmless; a call afterwards is an error."""
    store.close()
    store.close()

    assert not store.is_up
    with pytest.raises(StoreUnavailable, match="closed"):
        store.check()


def test_a_store_can_be_opened_again(store: Store) -> None:
    """Open and close leave nothing behind that hinders the next."""
    for _ in range(3):
        store.close()
        store.open()

        store.check()


def test_closing_leaves_no_connection(dsn: str) -> None:
    """Postgres is rid of us soon after."""
    store = Store(dsn, name="leaves")
    store.open()
    store.check()
    store.close()

    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'leaves'"
    eventually(lambda: run(dsn, _value, query) == 0, within_s=PATIENCE_S)


def _sentence_or_nothing(dsn: str) -> str:
    try:
        run(dsn, _value, "SELECT 1")
    except CallControlError as exc:
        return str(exc)
    return ""


def _sleeping(store: Store) -> object:
    query = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE state = 'active' AND query = 'SELECT pg_sleep(60)'"
        " AND datname = current_database()"
    )
    return store.call(_value, query, deadline_s=PATIENCE_S)


def _is_there(store: Store) -> bool:
    try:
        store.check(deadline_s=1.0)
    except StoreUnavailable:
        return False
    return True


def _processes(server: EmbeddedPostgres) -> list[int]:
    """Give the server's processes, its first one first."""
    first = int((server.folder / "data" / "postmaster.pid").read_text().split()[0])
    children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
    return [first, *map(int, children)]
