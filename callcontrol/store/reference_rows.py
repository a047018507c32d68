"""ReferenceFeed: keeps a Reference in step with Postgres, for as long as the engine runs.

Strategy: a coroutine in the store's thread (`reference_follow.py`) listens on a connection of
its own, reads what is said to have changed, and builds a new Reference, which is swapped in
whole. A row that cannot be used is told, and what was there before it stays in force. When the
connection is lost the last Reference stays; when there is one again, everything is read again.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from gevent.event import AsyncResult

from callcontrol.clock import Clock, SystemClock
from callcontrol.errors import CallControlError, StoreUnavailable
from callcontrol.reference import Reference
from callcontrol.reference_file import Built
from callcontrol.store.pool import Store, run
from callcontrol.store.reference_follow import Follower
from callcontrol.store.reference_news import EVERYTHING, ReferenceRows
from callcontrol.store.schema import check_schema

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from callcontrol.metrics import Metrics
    from callcontrol.store.pool import Connection

_START_S = 120.0
_MOST_TOLD = 50  # faults told one by one in the log


class ReferenceFeed:
    """The Reference in force, from Postgres.

    Args:
        store: opened before `start`; lends its thread.
        prefixes: technical prefixes that may precede a called number.
        check_s: how often it is checked that nothing was missed, in seconds.
        metrics: of the process.
        log: of the process.
        clock: tells when a reference was read.
        engine: under which name Postgres is told what is in force; empty: it is not told.

    Attributes:
        is_kept: the reference in force is one that was kept on disk: nothing was read yet.
    """

    def __init__(
        self,
        store: Store,
        *,
        prefixes: tuple[str, ...] = (),
        check_s: float = 300.0,
        metrics: Metrics,
        log: FilteringBoundLogger,
        clock: Clock | None = None,
        engine: str = "",
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._log = log
        self._reference = Reference()
        self.is_kept = False
        self._first: AsyncResult[None] = AsyncResult()
        self._cancel: Callable[[], object] | None = None
        self._follower = Follower(
            store.dsn,
            name="callcontrol reference",
            prefixes=prefixes,
            check_s=check_s,
            clock=clock or SystemClock(),
            on_built=lambda built: store.loop_thread.tell(self._take, built),
            on_lost=lambda error: store.loop_thread.tell(self._miss, error),
            engine=engine,
            on_untold=lambda error: store.loop_thread.tell(self._miss_telling, error),
        )

    def current(self) -> Reference:
        """Give the reference in force; an empty one before `start`. Switches: no."""
        return self._reference

    def start(self, instead: Callable[[], Built] | None = None) -> None:
        """Read everything once, and follow every change from then on.

        Args:
            instead: gives the reference to begin with while Postgres is away, or has another
                schema; what it raises of ours means that there is none.

        Switches: waits for Postgres: some seconds at most for a connection, and as long as the
        rows take.

        Raises:
            ConfigError: the database has another schema.
            StoreUnavailable: Postgres cannot be reached.
        """
        self._first = AsyncResult()
        self._cancel = self._store.loop_thread.spawn(self._follower.run)
        self._first.wait(timeout=_START_S)
        error = self._first.exception
        if not self._first.ready():
            error = StoreUnavailable(f"the reference was not read within {_START_S:g} s")
        if error is not None and not self._begin_with(instead, error):
            self.stop()
            raise error

    def _begin_with(self, instead: Callable[[], Built] | None, error: BaseException) -> bool:
        if instead is None or not isinstance(error, CallControlError):
            return False
        try:
            built = instead()
        except CallControlError as exc:
            self._log.warning("reference_not_kept", reason=str(exc))
            return False
        self._first = AsyncResult()
        self._take(built)
        self._metrics.reference_in_step.set(0)
        self.is_kept = True
        read_at = built.reference.loaded_at
        self._log.warning(
            "reference_as_kept",
            reason=str(error),
            read_at=None if read_at is None else read_at.isoformat(),
        )
        return True

    def stop(self) -> None:
        """Follow no longer; the last reference stays. Switches: no."""
        if self._cancel is not None:
            self._cancel()
            self._cancel = None

    def _take(self, built: Built) -> None:
        """Put a new reference in force; runs in the hub."""
        reference = self._reference = built.reference
        self.is_kept = False
        self._metrics.reference_numbers.set(len(reference.directory.numbers))
        self._metrics.reference_faults.set(len(built.faults))
        self._metrics.reference_revision.set(int(reference.revision))
        self._metrics.reference_in_step.set(1)
        if reference.loaded_at is not None:
            self._metrics.reference_loaded.set(reference.loaded_at.timestamp())
        self._log.info(
            "reference_loaded",
            numbers=len(reference.directory.numbers),
            revision=reference.revision,
            faults=len(built.faults),
        )
        for fault in built.faults[:_MOST_TOLD]:
            self._log.warning("reference_fault", path=fault.path, reason=fault.message)
        self._first.set(None)

    def _miss_telling(self, error: Exception) -> None:
        """Tell that Postgres did not take what is in force; runs in the hub."""
        self._log.warning("reference_not_told", reason=str(error))

    def _miss(self, error: Exception) -> None:
        """Tell that there is no news from Postgres for now; runs in the hub."""
        self._metrics.reference_in_step.set(0)
        if self._first.ready():
            self._log.warning("reference_out_of_reach", reason=str(error))
        else:
            self._first.set_exception(error)


def read_built_once(dsn: str, *, at: datetime, prefixes: tuple[str, ...] = ()) -> Built:
    """Read the reference from Postgres once, with all that is wrong with it; blocks.

    Args:
        dsn: connection URI.
        at: the aware instant from which prices must be lawful and tariffs valid.
        prefixes: technical prefixes that may precede a called number.

    Raises:
        ConfigError: the database has another schema.
        StoreUnavailable: Postgres cannot be reached.
    """
    return run(dsn, _built, dsn, at, prefixes, deadline_s=_START_S)


def read_reference_once(dsn: str, *, at: datetime, prefixes: tuple[str, ...] = ()) -> Reference:
    """Read the reference from Postgres once, as an engine that starts would use it; blocks.

    Raises:
        ConfigError, StoreUnavailable: as `read_built_once`.
    """
    return read_built_once(dsn, at=at, prefixes=prefixes).reference


async def _built(
    connection: Connection, dsn: str, at: datetime, prefixes: tuple[str, ...]
) -> Built:
    await check_schema(connection, dsn, may_be_newer=True)
    return await ReferenceRows(prefixes=prefixes).read(connection, {EVERYTHING}, at=at)
