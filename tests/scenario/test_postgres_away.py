"""Postgres dies, refuses, is full or slow: callers notice nothing, and no record is lost."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal

import gevent
import gevent.event
import pytest

from callcontrol.cdr.journal_file import read_only
from tests.chaos.relay import TO_ENGINE, Relay, Snare
from tests.scenario.test_prices import expected_charge
from tests.small_disk import small_disk

NUMBER = "0900100002"
E164 = "+41900100002"


@pytest.fixture(autouse=True)
def nothing_lost(stack):
    """Afterwards, what the switch wrote down itself and what we recorded are the same."""
    since = datetime.now(UTC)
    stack.known = stack.recorded(E164)
    yield
    assert stack.eventually(lambda: stack.differences(since) == [], within_s=60)


def calls(stack, count=2):
    """Place calls one after the other; each is answered as ever."""
    for _ in range(count):
        called = stack.caller.call(NUMBER, talk_ms=300)
        assert called.went_as_expected
        assert called.final == 200


def shipped(stack, count=2):
    """Wait for the records and give them: each once, in the order of the calls."""
    stack.eventually(lambda: len(stack.cdrs(E164)) >= stack.known + count, within_s=60)
    new = stack.cdrs(E164)[stack.known :]
    assert len({cdr["call_id"] for cdr in new}) == len(new) == count
    assert stack.metric("callcontrol_records_set_aside_total") == 0
    for cdr in new:
        assert cdr["closed_how"] == "normal"
        assert Decimal(cdr["charge"]["gross"]) == expected_charge(stack, cdr).charge
    return new


def wait_for_backlog(stack, records=2):
    """Wait until the figures tell that so many records wait."""
    stack.eventually(lambda: stack.metric("callcontrol_journal_backlog") == records)


def test_postgres_dies_and_comes_back(stack):
    """Calls go on; figures tell; the records arrive when it is back."""
    stack.postgres.kill()
    try:
        calls(stack)
        wait_for_backlog(stack)
        assert stack.is_ready()
        stack.eventually(lambda: stack.metric("callcontrol_store_up") == 0)
        assert stack.metric("callcontrol_journal_oldest_seconds") > 0
    finally:
        stack.postgres.start()

    shipped(stack)
    stack.eventually(lambda: stack.metric("callcontrol_store_up") == 1)
    stack.eventually(lambda: stack.metric("callcontrol_journal_backlog") == 0)


def test_engine_starts_while_postgres_is_away(stack):
    """It decides by the last good reference, kept on its disk, and says how old that is."""
    stack.eventually(stack.kept_reference.exists, within_s=60)
    stack.stop_engine()
    stack.postgres.kill()
    try:
        stack.start_engine()
        said = stack.readiness()
        calls(stack)
        in_step = stack.metric("callcontrol_reference_in_step")
    finally:
        stack.postgres.start()

    assert '"reference_as_kept"' in stack.engine_log()
    assert "reference (as kept on disk" in said
    assert in_step == 0
    shipped(stack)
    stack.eventually(lambda: "as kept" not in stack.readiness(), within_s=60)


def test_postgres_becomes_read_only(stack):
    """As a standby, or by somebody's hand."""
    _for_all(stack, "SET default_transaction_read_only = on")
    try:
        calls(stack)
        wait_for_backlog(stack)
    finally:
        _for_all(stack, "RESET default_transaction_read_only")

    shipped(stack)


def test_disk_of_postgres_is_full(stack):
    """It refuses with SQLSTATE 53100: records wait and none is set aside."""
    stack.query(
        "CREATE FUNCTION is_full() RETURNS trigger LANGUAGE plpgsql AS $$"
        " BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = '53100'; END $$"
    )
    stack.query(
        "CREATE TRIGGER is_full BEFORE INSERT ON cdrs FOR EACH ROW EXECUTE FUNCTION is_full()"
    )
    try:
        calls(stack)
        wait_for_backlog(stack)
        stack.eventually(lambda: "no room left on its disk" in stack.engine_log())
    finally:
        stack.query("DROP FUNCTION is_full CASCADE")

    shipped(stack)


@pytest.fixture
def disk(stack):
    """A disk of a megabyte for the records of this month; it is given back in the end."""
    owner = (stack.postgres.folder / "data").stat()
    options = f"mode=0700,uid={owner.st_uid},gid={owner.st_gid}"
    with small_disk(stack.postgres.folder / "small", options) as folder:
        calls(stack, 1)  # so that there is a partition
        shipped(stack, 1)
        month = f"cdrs_{datetime.now(UTC):%Y_%m}"
        stack.query(f"CREATE TABLESPACE small LOCATION '{folder}'")
        stack.query(f"ALTER TABLE {month} SET TABLESPACE small")
        yield folder
        stack.query(f"ALTER TABLE {month} SET TABLESPACE pg_default")
        stack.query("DROP TABLESPACE small")


@pytest.mark.long
def test_disk_under_the_records_is_really_full(stack, disk):
    """Until somebody makes room there; then everything is shipped."""
    other = disk / "other"
    with suppress(OSError), other.open("wb") as file:
        while True:
            file.write(bytes(4096))
            file.flush()
    placed = 1
    while "no room left on its disk" not in stack.engine_log():
        calls(stack, 1)
        placed += 1
        assert placed < 30
    assert stack.is_ready()
    other.unlink()

    shipped(stack, placed)


def test_postgres_is_slow(stack):
    """Somebody holds the table of records: no call waits for it."""
    holder = gevent.spawn(
        gevent.get_hub().threadpool.apply,
        stack.query,
        ("BEGIN; LOCK TABLE cdrs IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(6); COMMIT",),
    )
    stack.eventually(lambda: stack.is_locked("cdrs"))

    started = datetime.now(UTC)
    calls(stack)
    took_s = (datetime.now(UTC) - started).total_seconds()
    is_held = not holder.ready()
    holder.get(timeout=30)

    assert is_held
    assert took_s < 5
    shipped(stack)


@pytest.fixture
def relay(stack):
    """A proxy between engine and Postgres, such as a pooler."""
    relay = Relay(stack.postgres.folder / ".s.PGSQL.5432", serves_engine=True)
    way = f"127.0.0.1:{relay.port}/postgres?sslmode=disable"
    with stack.engine_with(dsn=f"postgresql://callcontrol@{way}"):
        yield relay
    relay.stop()


@pytest.mark.long
def test_proxy_before_postgres_says_nothing(stack, relay):
    """It takes connections and all that is sent, and answers nothing: no call waits."""
    relay.stall()
    started = datetime.now(UTC)
    calls(stack)
    took_s = (datetime.now(UTC) - started).total_seconds()
    wait_for_backlog(stack)
    stack.eventually(lambda: stack.metric("callcontrol_store_up") == 0, within_s=60)
    assert stack.is_ready()
    relay.flow()

    assert took_s < 5
    shipped(stack)


@pytest.mark.long
def test_connection_breaks_after_the_commit_and_before_the_engine_knows(stack, relay):
    """The records are sent again, and are there once."""
    broken = gevent.event.Event()
    calls(stack, 1)
    shipped(stack, 1)
    relay.stall()
    calls(stack, 1)
    wait_for_backlog(stack, 1)
    # What is under way holds one record; the two that follow go together.
    calls(stack)
    wait_for_backlog(stack, 3)
    relay.snare = Snare(towards=TO_ENGINE, pattern=b"INSERT 0 2", spring=broken.set)
    relay.flow()

    assert broken.wait(30)
    shipped(stack, 4)
    assert stack.metric("callcontrol_records_shipped_total") == 2


def test_schema_is_newer_than_the_engine(stack):
    """A migration runs while it takes calls; the new schema serves the code before it."""
    stack.query("UPDATE alembic_version SET version_num = '9999'")
    try:
        calls(stack)
        shipped(stack)
    finally:
        stack.query(f"UPDATE alembic_version SET version_num = '{_schema()}'")


def test_engine_starts_on_an_older_schema(stack):
    """By what it has kept, so that an upgrade out of order does not keep a crashed one down."""
    stack.eventually(stack.kept_reference.exists, within_s=60)
    stack.stop_engine()
    stack.query("UPDATE alembic_version SET version_num = '0001'")
    try:
        stack.start_engine()
        calls(stack)
    finally:
        stack.query(f"UPDATE alembic_version SET version_num = '{_schema()}'")

    assert '"reference_as_kept"' in stack.engine_log()
    shipped(stack)
    stack.eventually(lambda: "as kept" not in stack.readiness(), within_s=60)


def test_records_that_wait_are_in_the_journal(stack):
    """On the disk of the engine, and a kill changes nothing."""
    stack.eventually(stack.kept_reference.exists, within_s=60)
    stack.postgres.kill()
    try:
        calls(stack)
        wait_for_backlog(stack)
        stack.kill_engine()
        with read_only(stack.journal) as (counts, _, _):
            waiting = counts.records
        stack.start_engine()
    finally:
        stack.postgres.start()

    assert waiting == 2
    shipped(stack)


def _for_all(stack, setting):
    """Change a setting of the database, for connections that are there, too."""
    # A transaction that is told so may still write.
    stack.query(f"BEGIN READ WRITE; ALTER DATABASE postgres {setting}; COMMIT")
    stack.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )


def _schema():
    from callcontrol.store.schema import SCHEMA

    return SCHEMA
