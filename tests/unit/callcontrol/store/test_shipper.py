"""callcontrol.store.shipper on a journal and a store in memory."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import structlog
from prometheus_client import CollectorRegistry
from structlog.testing import LogCapture

from callcontrol.cdr.journal_file import PendingRecord
from callcontrol.errors import JournalError, StoreRejected, StoreUnavailable
from callcontrol.metrics import Metrics
from callcontrol.store.shipper import Shipment, Shipper
from tests.cdr_builders import make_cdr
from tests.fakes.clock import FakeClock
from tests.fakes.journal import MemoryJournal
from tests.waiting import eventually


class MemoryStore:
    """A store that keeps what it is sent, by key, and refuses what it is told to.

    Attributes:
        fault: set it to make every call fail with it.
        bad: call ids that are refused.
        most: a longer batch takes too long.
        batches: how many records each call had.
        rows: what it keeps.
        checks: how often it was asked whether it is there.
    """

    def __init__(self) -> None:
        self.fault: Exception | None = None
        self.bad: set[str] = set()
        self.most = 10_000
        self.batches: list[int] = []
        self.rows: dict[str, str] = {}
        self.checks = 0
        self.is_up = False

    def call(
        self, _function: Any, records: Sequence[PendingRecord], *, deadline_s: float
    ) -> Any:
        """Insert records, all or none."""
        self.batches.append(len(records))
        self.check()
        if len(records) > self.most:
            raise StoreUnavailable(f"did not answer within {deadline_s:g} s")
        if refused := self.bad & {record.call_id for record in records}:
            raise StoreRejected("check violation", call_id=min(refused), sqlstate="23514")
        before = len(self.rows)
        for record in records:
            self.rows.setdefault(record.call_id, record.body)
        return len(self.rows) - before

    def check(self) -> None:
        """Say whether it is there."""
        self.checks += 1
        self.is_up = self.fault is None
        if self.fault is not None:
            raise self.fault


class Forgetful(MemoryJournal):
    """A journal whose disk fails when it is to forget what was shipped."""

    is_failing = True

    def shipped(self, call_ids: Sequence[Any]) -> None:
        """Fail, or forget."""
        if self.is_failing:
            raise JournalError("the disk does not answer")
        super().shipped(call_ids)


@pytest.fixture
def journal() -> MemoryJournal:
    """Give an empty journal."""
    return MemoryJournal()


@pytest.fixture
def store() -> MemoryStore:
    """Give an empty store."""
    return MemoryStore()


Make = Callable[..., Shipper]


@pytest.fixture
def registry() -> CollectorRegistry:
    """Give the place where figures are read."""
    return CollectorRegistry()


@pytest.fixture
def clock() -> FakeClock:
    """Give a clock that stands still."""
    return FakeClock()


@pytest.fixture
def logs() -> LogCapture:
    """Give the lines the shipper logs."""
    return LogCapture()


@pytest.fixture
def make_shipper(
    journal: MemoryJournal,
    store: MemoryStore,
    registry: CollectorRegistry,
    clock: FakeClock,
    logs: LogCapture,
) -> Make:
    """Give a maker of shippers that back off without chance."""

    def make(journal: MemoryJournal = journal, *, batch: int = 10) -> Shipper:
        return Shipper(
            journal,
            store,
            batch=batch,
            metrics=Metrics(registry),
            log=structlog.wrap_logger(
                None,
                processors=[logs],
                wrapper_class=structlog.make_filtering_bound_logger(0),
            ),
            clock=clock,
            spread=lambda: 1.0,
        )

    return make


def _record(journal: MemoryJournal, count: int, *, first: int = 0) -> list[str]:
    cdrs = [make_cdr(index) for index in range(first, first + count)]
    for cdr in cdrs:
        journal.record(cdr)
    return [cdr.call_id for cdr in cdrs]


def test_ships_all_in_order_in_batches(
    journal: MemoryJournal, store: MemoryStore, make_shipper: Make
) -> None:
    """Everything that waits arrives, oldest first, and the journal is empty."""
    ids = _record(journal, 25)

    shipment = make_shipper().ship_once()

    assert Shipment(stored=25) == shipment
    assert list(store.rows) == ids
    assert store.batches == [10, 10, 5]
    assert journal.backlog().records == 0


def test_a_bad_record_is_set_aside_alone(
    journal: MemoryJournal, store: MemoryStore, make_shipper: Make, registry: CollectorRegistry
) -> None:
    """The others of its batch arrive; the reason is kept, the figures tell."""
    ids = _record(journal, 10)
    store.bad = {ids[0], ids[6]}

    shipment = make_shipper().ship_once()

    assert Shipment(stored=8, set_aside=2) == shipment
    assert set(store.rows) == set(ids) - store.bad
    assert set(journal.aside) == store.bad
    assert set(journal.aside.values()) == {"check violation"}
    assert registry.get_sample_value("callcontrol_records_set_aside_total") == 2
    assert registry.get_sample_value("callcontrol_records_shipped_total") == 8


def test_what_was_not_forgotten_is_sent_again_and_is_there_once(
    store: MemoryStore, make_shipper: Make, registry: CollectorRegistry
) -> None:
    """Between Postgres and the journal anything may fail: the key makes it one record."""
    journal = Forgetful()
    _record(journal, 3)
    shipper = make_shipper(journal)

    with pytest.raises(JournalError):
        shipper.ship_once()
    journal.is_failing = False
    shipment = shipper.ship_once()

    assert Shipment(known=3) == shipment
    assert len(store.rows) == 3
    assert journal.backlog().records == 0


def test_without_postgres_everything_waits(
    journal: MemoryJournal, store: MemoryStore, make_shipper: Make
) -> None:
    """Asked to ship now, it says why it cannot; nothing is lost or set aside."""
    _record(journal, 3)
    store.fault = StoreUnavailable("cannot be reached")

    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        make_shipper().ship_once()

    assert journal.backlog().records == 3
    assert journal.aside == {}


def test_tries_are_further_and_further_apart(
    journal: MemoryJournal, store: MemoryStore, make_shipper: Make
) -> None:
    """Twice as long each time, up to half a minute; when it is back, all goes at once."""
    _record(journal, 30)
    store.fault = StoreUnavailable("cannot be reached")
    shipper = make_shipper()

    waits = [shipper.tick() for _ in range(9)]
    store.fault = None
    while shipper.tick() == 0:
        pass

    assert waits == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    assert len(store.rows) == 30


def test_what_takes_too_long_is_tried_in_smaller_parts(
    journal: MemoryJournal, store: MemoryStore, make_shipper: Make
) -> None:
    """A slow Postgres gets smaller batches, and larger ones again once it copes."""
    _record(journal, 40)
    store.most = 3
    shipper = make_shipper(batch=16)

    while journal.records:
        shipper.tick()

    assert store.batches[:4] == [16, 8, 4, 2]
    assert len(store.rows) == 40


def test_an_unknown_error_is_no_end(
    journal: MemoryJournal, store: MemoryStore, make_shipper: Make, logs: LogCapture
) -> None:
    """Whatever goes wrong, the shipper lives and tries again."""
    _record(journal, 1)
    store.fault = ZeroDivisionError()
    shipper = make_shipper()

    assert shipper.tick() > 0
    store.fault = None
    shipper.tick()

    assert [line["event"] for line in logs.entries] == [
        "ship_failed",
        "store_away",
        "store_back",
    ]
    assert len(store.rows) == 1


def test_says_once_that_postgres_is_away_and_once_that_it_is_back(
    journal: MemoryJournal, store: MemoryStore, make_shipper: Make, logs: LogCapture
) -> None:
    """An hour without Postgres is two lines in the log."""
    _record(journal, 1)
    store.fault = StoreUnavailable("cannot be reached")
    shipper = make_shipper()

    for _ in range(20):
        shipper.tick()
    store.fault = None
    shipper.tick()

    assert [line["event"] for line in logs.entries] == ["store_away", "store_back"]
    assert logs.entries[0]["reason"] == "cannot be reached"


def test_with_nothing_to_ship_postgres_is_asked_now_and_then(
    store: MemoryStore, make_shipper: Make, clock: FakeClock
) -> None:
    """The engine knows within seconds that Postgres is away, also in a quiet hour."""
    shipper = make_shipper()

    for _ in range(10):
        shipper.tick()
    assert store.checks == 1

    clock.advance(5)
    store.fault = StoreUnavailable("cannot be reached")
    shipper.tick()
    assert store.checks == 2


def test_runs_by_itself_and_ships_the_rest_when_stopped(
    journal: MemoryJournal, store: MemoryStore, make_shipper: Make
) -> None:
    """A record is shipped soon after it is there; what comes last is shipped at the stop."""
    shipper = make_shipper()
    shipper.start()
    _record(journal, 1)
    eventually(lambda: len(store.rows) == 1, within_s=10)

    _record(journal, 25, first=1)
    shipper.stop()

    assert len(store.rows) == 26
    assert json.loads(next(iter(store.rows.values())))["switch"] == "fs-1"


def test_stopping_without_postgres_takes_one_try(
    journal: MemoryJournal, store: MemoryStore, make_shipper: Make, logs: LogCapture
) -> None:
    """The stop does not wait for Postgres to come back; it says how much is left."""
    _record(journal, 25)
    store.fault = StoreUnavailable("cannot be reached")
    shipper = make_shipper()
    shipper.start()
    eventually(lambda: store.checks, within_s=10)

    shipper.stop()

    assert logs.entries[-1] == {"event": "records_left", "records": 25, "log_level": "warning"}
    assert store.checks == 2
