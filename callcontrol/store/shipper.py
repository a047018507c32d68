"""Shipper: one greenlet that brings records from the journal to Postgres, in order, in batches.

Strategy: insert a batch, then have the journal forget it. Whatever happens between the two, the
batch comes again, and Postgres knows its keys: at least once here, exactly once there. A batch
that is refused is halved until the bad record is alone; it is set aside with the reason, and
the others go on. When Postgres is away or slow, the next try is later and smaller.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, TypeVarTuple

import gevent
from gevent.event import Event
from structlog.typing import FilteringBoundLogger

from callcontrol.cdr import CallId
from callcontrol.cdr.journal import Backlog
from callcontrol.cdr.journal_file import PendingRecord
from callcontrol.clock import Clock, SystemClock
from callcontrol.errors import JournalError, StoreRejected, StoreUnavailable
from callcontrol.metrics import Metrics
from callcontrol.store.cdr_table import insert_cdrs
from callcontrol.store.pool import Connection

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_LOOK_S = 0.2  # how often the journal is looked at: how long a record waits at most
_PROBE_S = 5.0  # how often Postgres is asked whether it is there when there is nothing to ship
_FIRST_RETRY_S = 0.5
_LAST_RETRY_S = 30.0


class ShippedJournal(Protocol):
    """What the shipper needs of the journal."""

    def pending(self, limit: int) -> list[PendingRecord]:
        """Give the records that wait, oldest first."""
        ...

    def shipped(self, call_ids: Sequence[CallId]) -> None:
        """Forget records."""
        ...

    def set_aside(self, call_id: CallId, reason: str) -> None:
        """Move a record out of the way."""
        ...

    def backlog(self) -> Backlog:
        """Say how much waits."""
        ...


class RecordStore(Protocol):
    """What the shipper needs of the store."""

    @property
    def is_up(self) -> bool:
        """Whether Postgres answered when it was last asked."""
        ...

    def call(
        self,
        function: Callable[[Connection, *Ts], Coroutine[Any, Any, T]],
        *args: *Ts,
        deadline_s: float,
    ) -> T:
        """Run a coroutine function with a connection."""
        ...

    def check(self) -> None:
        """Ask Postgres whether it is there."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipment:
    """What became of records.

    Attributes:
        stored: records that are in Postgres now and were not before.
        known: records that were there already.
        set_aside: records that Postgres refused.
    """

    stored: int = 0
    known: int = 0
    set_aside: int = 0

    def __add__(self, other: Shipment) -> Shipment:
        """Add up."""
        return Shipment(
            stored=self.stored + other.stored,
            known=self.known + other.known,
            set_aside=self.set_aside + other.set_aside,
        )


class Shipper:
    """Brings records to Postgres for as long as it runs.

    Args:
        journal: where they wait.
        store: Postgres; opened and closed by its owner.
        batch: records sent at once, at most.
        deadline_s: how long Postgres has for a batch, in seconds.
        spread: gives a number from 0 to 1, so that engines do not all come back at once.
    """

    def __init__(
        self,
        journal: ShippedJournal,
        store: RecordStore,
        *,
        batch: int,
        metrics: Metrics,
        log: FilteringBoundLogger,
        clock: Clock | None = None,
        deadline_s: float = 30.0,
        spread: Callable[[], float] = random.random,
    ) -> None:
        self._journal = journal
        self._store = store
        self._batch = batch
        self._size = batch
        self._metrics = metrics
        self._log = log
        self._clock = clock or SystemClock()
        self._deadline_s = deadline_s
        self._spread = spread
        self._failures = 0
        self._asked_s = float("-inf")
        self._is_stopping = Event()
        self._greenlet: gevent.Greenlet[[], None] | None = None

    def start(self) -> None:
        """Begin to ship."""
        self._greenlet = gevent.spawn(self._run)

    def stop(self, *, deadline_s: float = 5.0) -> None:
        """Ship what waits, if Postgres is there, and stop. Switches: at most deadline_s."""
        if self._greenlet is not None:
            self._is_stopping.set()
            self._greenlet.join(timeout=deadline_s)
            self._greenlet.kill()

    def ship_once(self) -> Shipment:
        """Ship all that waits now. Switches: waits for Postgres and the journal.

        Raises:
            StoreUnavailable: Postgres is away or too slow; what is shipped is shipped.
            JournalError: the journal's disk fails.
        """
        total = Shipment()
        while waiting := self._journal.pending(self._size):
            total += self._ship(waiting)
        return total

    def tick(self) -> float:
        """Ship one batch, if one waits; gives the seconds until the next look.

        Switches: as `ship_once`, but raises nothing.
        """
        try:
            if self._journal.backlog().records and (
                waiting := self._journal.pending(self._size)
            ):
                self._ship(waiting)
            elif self._clock.monotonic_s() - self._asked_s >= _PROBE_S:
                self._store.check()
                self._asked_s = self._clock.monotonic_s()
        except (StoreUnavailable, JournalError) as exc:
            return self._later(exc)
        except Exception as exc:  # noqa: BLE001
            # One of the borders of the engine: whatever is wrong, the next try may be right.
            self._log.exception("ship_failed")
            return self._later(exc)
        self._well()
        return 0.0 if self._journal.backlog().records else _LOOK_S

    def _run(self) -> None:
        while not self._is_stopping.wait(self.tick()):
            pass
        # What came in while it stopped; once Postgres is away, no more.
        while self.tick() == 0:
            pass
        if left := self._journal.backlog().records:
            self._log.warning("records_left", records=left)

    def _ship(self, records: Sequence[PendingRecord]) -> Shipment:
        try:
            stored = self._store.call(insert_cdrs, records, deadline_s=self._deadline_s)
        except StoreRejected as exc:
            return self._apart(records, exc)
        self._asked_s = self._clock.monotonic_s()
        self._journal.shipped([record.call_id for record in records])
        self._metrics.records_shipped.inc(stored)
        return Shipment(stored=stored, known=len(records) - stored)

    def _apart(self, records: Sequence[PendingRecord], exc: StoreRejected) -> Shipment:
        if len(records) > 1:
            half = len(records) // 2
            return self._ship(records[:half]) + self._ship(records[half:])
        call_id = records[0].call_id
        self._journal.set_aside(call_id, str(exc))
        self._metrics.records_set_aside.inc()
        self._log.warning("record_set_aside", call_id=call_id, reason=str(exc))
        return Shipment(set_aside=1)

    def _well(self) -> None:
        if self._failures:
            self._failures = 0
            self._log.info("store_back", records=self._journal.backlog().records)
        self._size = min(self._batch, self._size * 2)

    def _later(self, exc: Exception) -> float:
        if not self._failures:
            self._log.warning(
                "store_away", records=self._journal.backlog().records, reason=str(exc)
            )
        wait_s = min(_LAST_RETRY_S, _FIRST_RETRY_S * 2.0 ** min(self._failures, 10))
        self._failures += 1
        self._metrics.ship_failures.inc()
        self._size = max(1, self._size // 2)
        return wait_s * (0.5 + self._spread() / 2)
