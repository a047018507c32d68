"""The way of a record from a journal on disk to a real Postgres, whatever happens on it."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import gevent
import pytest
import structlog
from structlog.testing import LogCapture

from callcontrol.cdr import Cdr, Journal
from callcontrol.cdr.journal_file import PendingRecord
from callcontrol.clock import us_of
from callcontrol.errors import StoreUnavailable
from callcontrol.metrics import Metrics
from callcontrol.store import Connection, EmbeddedPostgres, Store, run
from callcontrol.store.cdr_table import CdrFilter, find_cdrs, insert_cdrs
from callcontrol.store.migrate import migrate
from callcontrol.store.shipper import Shipment, Shipper
from tests.cdr_builders import make_cdr
from tests.waiting import eventually

PATIENCE_S = 60.0

# One of its own, which no other test's set-up changes.
_LOG = structlog.wrap_logger(
    None, processors=[LogCapture()], wrapper_class=structlog.make_filtering_bound_logger(0)
)


class Way:
    """A journal, a store and a shipper between them, and one with little patience."""

    def __init__(self, path: Path, dsn: str, *, batch: int = 100) -> None:
        self.journal = Journal(path, min_free_bytes=0)
        self.store = Store(dsn)
        self.store.open()
        self.metrics = Metrics()
        self.shipper = Shipper(
            self.journal,
            self.store,
            batch=batch,
            metrics=self.metrics,
            log=_LOG,
            spread=lambda: 0.0,
        )
        self.impatient = Shipper(
            self.journal,
            self.store,
            batch=batch,
            metrics=Metrics(),
            log=_LOG,
            deadline_s=0.2,
        )

    def record(self, cdrs: list[Cdr]) -> None:
        """Record calls as fast as many greenlets can."""
        gevent.joinall(
            [gevent.spawn(self.journal.record, cdr) for cdr in cdrs], raise_error=True
        )

    def is_empty(self) -> bool:
        """Say whether all is shipped."""
        return self.journal.backlog().records == 0

    def close(self) -> None:
        """Stop everything."""
        self.shipper.stop()
        self.store.close()
        self.journal.close()


@contextmanager
def a_way(path: Path, dsn: str, *, batch: int = 100) -> Iterator[Way]:
    """Give a way and close it."""
    with closing(Way(path, dsn, batch=batch)) as way:
        yield way


def stored(dsn: str, limit: int = 100_000) -> list[Cdr]:
    """Give all records in Postgres, oldest first."""
    return run(dsn, find_cdrs, CdrFilter(limit=limit))[::-1]


def count_of(dsn: str) -> int:
    """Say how many rows there are."""

    async def ask(connection: Connection) -> int:
        count: int = await connection.fetchval("SELECT count(*) FROM cdrs")
        return count

    return run(dsn, ask)


def test_a_record_arrives_by_itself(tmp_path: Path, dsn: str) -> None:
    """Recorded, and a moment later in Postgres, as it was."""
    with a_way(tmp_path / "journal", dsn) as way:
        way.shipper.start()
        way.journal.record(make_cdr())

        eventually(way.is_empty, within_s=PATIENCE_S)

    assert stored(dsn) == [make_cdr()]


def test_poisoned_records_among_good_ones(tmp_path: Path, dsn: str) -> None:
    """Each bad record is set aside with its own reason; every good one arrives."""
    cdrs = [make_cdr(index) for index in range(100)]
    poison = {
        7: make_cdr(7, metered_us=-1),
        8: make_cdr(8, disposition="lost"),
        50: make_cdr(50, customer="x" * 1_000_000),
        99: make_cdr(99, sip_code=70_000),
    }
    for index, bad in poison.items():
        cdrs[index] = bad
    with a_way(tmp_path / "journal", dsn, batch=64) as way:
        way.record(cdrs)

        shipment = way.shipper.ship_once()

        assert Shipment(stored=96, set_aside=4) == shipment
        assert way.journal.backlog().set_aside == 4
        assert way.is_empty()
    assert stored(dsn) == [cdr for index, cdr in enumerate(cdrs) if index not in poison]


def test_what_was_set_aside_can_go_once_the_reason_is_gone(tmp_path: Path, dsn: str) -> None:
    """An operator mends the database, puts the record back, and it arrives."""
    odd = make_cdr(1, disposition="lost")
    with a_way(tmp_path / "journal", dsn) as way:
        way.record([odd])
        assert Shipment(set_aside=1) == way.shipper.ship_once()

        async def mend(connection: Connection) -> None:
            await connection.execute("ALTER TABLE cdrs DROP CONSTRAINT disposition_is_known")

        way.store.call(mend, deadline_s=PATIENCE_S)
        way.journal.put_back()

        assert Shipment(stored=1) == way.shipper.ship_once()


def test_a_batch_cut_off_in_the_middle_is_there_once(tmp_path: Path, dsn: str) -> None:
    """Inserted, but the journal was never told: the next engine sends it all again."""
    cdrs = [make_cdr(index) for index in range(50)]
    with a_way(tmp_path / "journal", dsn) as first:
        first.record(cdrs)
        waiting: list[PendingRecord] = first.journal.pending(30)
        first.store.call(insert_cdrs, waiting, deadline_s=PATIENCE_S)

    with a_way(tmp_path / "journal", dsn) as second:
        assert Shipment(stored=20, known=30) == second.shipper.ship_once()

    assert stored(dsn) == cdrs


def test_two_engines_with_the_same_calls(tmp_path: Path, dsn: str) -> None:
    """Both recorded them (one took them over): shipped at the same time, there once."""
    cdrs = [make_cdr(index) for index in range(400)]
    with ExitStack() as stack:
        ways = [
            stack.enter_context(a_way(tmp_path / name, dsn, batch=size))
            for name, size in (("one", 37), ("two", 50))
        ]
        for way in ways:
            way.record(cdrs)
            way.shipper.start()

        eventually(lambda: all(way.is_empty() for way in ways), within_s=PATIENCE_S)

        shipped = sum(
            way.metrics.registry.get_sample_value("callcontrol_records_shipped_total") or 0
            for way in ways
        )
    assert shipped == 400
    assert stored(dsn) == cdrs


def test_records_across_months(tmp_path: Path, dsn: str) -> None:
    """Shipped around midnight of New Year's Eve: nobody had to make a partition."""
    midnight_us = us_of(datetime(2027, 1, 1, tzinfo=UTC))
    cdrs = [
        make_cdr(received_us=midnight_us + index * 3_600_000_000) for index in range(-48, 48)
    ]
    with a_way(tmp_path / "journal", dsn) as way:
        way.record(cdrs)

        assert Shipment(stored=96) == way.shipper.ship_once()

    assert stored(dsn) == cdrs


def test_without_postgres_records_wait_and_then_arrive(tmp_path: Path) -> None:
    """Postgres comes an hour late (here: a second); nothing was lost or doubled."""
    with EmbeddedPostgres() as server:
        migrate(server.dsn)
        server.kill()
        cdrs = [make_cdr(index) for index in range(300)]
        with a_way(tmp_path / "journal", server.dsn) as way:
            way.shipper.start()
            way.record(cdrs)
            with pytest.raises(StoreUnavailable, match="cannot be reached"):
                way.shipper.ship_once()
            assert way.journal.backlog().records == 300

            server.start()

            eventually(way.is_empty, within_s=PATIENCE_S)
        assert stored(server.dsn) == cdrs


def test_postgres_killed_again_and_again_while_records_are_shipped(tmp_path: Path) -> None:
    """Four crashes in mid-batch: every record arrives, each once."""
    chance = random.Random(4)
    with EmbeddedPostgres() as server:
        migrate(server.dsn)
        cdrs = [make_cdr(index) for index in range(3000)]
        with a_way(tmp_path / "journal", server.dsn, batch=50) as way:
            way.record(cdrs)
            way.shipper.start()
            for crash in range(1, 5):
                left = 3000 - crash * 600 + chance.randrange(200)
                eventually(
                    lambda left=left: way.journal.backlog().records < left,  # type: ignore[misc]
                    within_s=PATIENCE_S,
                    every_s=0.001,
                )
                server.kill()
                server.start()

            eventually(way.is_empty, within_s=PATIENCE_S)
        assert count_of(server.dsn) == 3000
        assert stored(server.dsn) == cdrs


def test_a_table_that_is_locked_delays_and_loses_nothing(tmp_path: Path, dsn: str) -> None:
    """Somebody holds the table: each try ends in time, and when they let go all arrives."""
    with a_way(tmp_path / "journal", dsn) as way, closing(Store(dsn)) as other:
        other.open()
        locked, let_go = threading.Event(), threading.Event()

        async def hold(connection: Connection) -> None:
            async with connection.transaction():
                await connection.execute("LOCK TABLE cdrs IN ACCESS EXCLUSIVE MODE")
                locked.set()
                await asyncio.to_thread(let_go.wait, PATIENCE_S)

        holder = gevent.spawn(other.call, hold, deadline_s=PATIENCE_S)
        eventually(locked.is_set, within_s=PATIENCE_S)
        way.record([make_cdr(index) for index in range(30)])
        for _ in range(3):
            with pytest.raises(StoreUnavailable, match="did not answer within"):
                way.impatient.ship_once()
        let_go.set()
        holder.get(timeout=PATIENCE_S)

        assert Shipment(stored=30) == way.shipper.ship_once()


def test_a_database_without_its_tables_keeps_records_waiting(
    tmp_path: Path, postgres: EmbeddedPostgres
) -> None:
    """Not migrated is the operator's to mend: no record is set aside for it."""
    with a_way(tmp_path / "journal", postgres.dsn) as way:
        way.record([make_cdr()])

        with pytest.raises(StoreUnavailable, match="callcontrol migrate"):
            way.shipper.ship_once()

        assert way.journal.backlog().records == 1
        assert way.journal.backlog().set_aside == 0


def test_calls_go_on_while_a_backlog_is_shipped(tmp_path: Path, dsn: str) -> None:
    """The hub runs on while thousands of records are shipped at full speed."""
    total = 5000
    with a_way(tmp_path / "journal", dsn, batch=500) as way:
        way.record([make_cdr(index) for index in range(total)])
        with lag_of_the_hub() as worst_ms:
            began = time.perf_counter()
            shipment = way.shipper.ship_once()
            took_s = time.perf_counter() - began

        assert Shipment(stored=total) == shipment
        print(f"\n{total / took_s:.0f} records/s, the hub at most {worst_ms():.0f} ms late")  # noqa: T201
        assert worst_ms() < took_s * 500
    assert count_of(dsn) == total


@contextmanager
def lag_of_the_hub() -> Iterator[Callable[[], float]]:
    """Measure by how much a greenlet that wants to run each millisecond is late, at worst."""
    worst = 0.0

    def look() -> None:
        nonlocal worst
        while True:
            began = time.perf_counter()
            gevent.sleep(0.001)
            worst = max(worst, time.perf_counter() - began - 0.001)

    looking = gevent.spawn(look)
    try:
        yield lambda: worst * 1000
    finally:
        looking.kill()
