"""LevelFeed: brings requests for other levels from Postgres to the hub, and outcomes back.

Strategy: a coroutine in the store's thread listens on a connection of its own. A request is
told whole, so the calls have it a moment after the commit, and nothing is read first. What may
have been missed (before the connection, while it was lost) is read from the table: whoever
takes requests knows those that were told before.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import asyncpg
import gevent
from gevent.event import Event as Signal

from callcontrol.errors import StoreError, StoreRejected
from callcontrol.level_request import LevelOutcome, LevelRequest
from callcontrol.store.level_rows import (
    REQUESTS,
    Withdrawn,
    open_requests,
    prune_requests,
    request_of,
    write_outcomes,
)
from callcontrol.store.pool import Store
from callcontrol.store.server_errors import errors_of

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from callcontrol.store.pool import Connection

_CONNECT_S = 5.0
_ANSWER_S = 10.0  # a connection that does not answer for so long is dead
_BACK_OFF_S = (0.2, 0.5, 1, 2, 5, 10, 30)
_DEADLINE_S = 5.0
_RETRY_S = 2.0
_MOST_WAITING = 10_000  # outcomes kept while Postgres is away; the records have them too


class LevelFeed:
    """Requests in, outcomes out.

    Args:
        store: opened before `start`; lends its thread.
        engine: the engine's name.
        take: takes requests, new or told again; runs in the hub, must neither wait nor raise.
        withdraw: takes the number of a request that was taken away; likewise.
        check_s: how often it is checked that nothing was missed, in seconds.
        log: of the process.
    """

    def __init__(
        self,
        store: Store,
        engine: str,
        *,
        take: Callable[[Sequence[LevelRequest]], object],
        withdraw: Callable[[int], object],
        check_s: float,
        log: FilteringBoundLogger,
    ) -> None:
        self._store = store
        self._engine = engine
        self._take = take
        self._withdraw = withdraw
        self._check_s = check_s
        self._log = log
        self._cancel: Callable[[], object] | None = None
        self._failures = 0
        self._outcomes: deque[LevelOutcome] = deque(maxlen=_MOST_WAITING)
        self._has_outcomes = Signal()
        self._writer = gevent.Greenlet(self._write)

    def start(self) -> None:
        """Begin to follow; Postgres is not waited for. Switches: no."""
        self._cancel = self._store.loop_thread.spawn(self._follow)
        self._writer.start()

    def stop(self) -> None:
        """Follow no longer, and write the outcomes there are.

        Switches: waits for Postgres, at most 5 s.
        """
        if self._cancel is not None:
            self._cancel()
        self._writer.kill()
        with suppress(StoreError):
            self._write_once()

    def tell(self, outcome: LevelOutcome) -> None:
        """Have an outcome written soon. Switches: no."""
        self._outcomes.append(outcome)
        self._has_outcomes.set()

    def _write(self) -> None:
        while True:
            self._has_outcomes.wait()
            self._has_outcomes.clear()
            try:
                self._write_once()
            except StoreError as exc:
                self._log.warning("level_outcomes_wait", reason=str(exc))
                gevent.sleep(_RETRY_S)
                self._has_outcomes.set()

    def _write_once(self) -> None:
        """Write the outcomes there are; what Postgres will never take is dropped."""
        batch = list(self._outcomes)
        if not batch:
            return
        try:
            self._store.call(write_outcomes, self._engine, batch, deadline_s=_DEADLINE_S)
        except StoreRejected as exc:
            self._log.warning("level_outcomes_refused", count=len(batch), reason=str(exc))
        for _ in batch:
            self._outcomes.popleft()

    async def _follow(self) -> None:
        """Follow until cancelled; runs in the store's thread, as all that follows."""
        while True:
            try:
                with errors_of(self._store.dsn):
                    await self._listen()
            except Exception as exc:  # noqa: BLE001  a border: whatever it was, try again
                reason = str(exc)
                self._store.loop_thread.tell(self._miss, reason)
            await asyncio.sleep(_BACK_OFF_S[min(self._failures, len(_BACK_OFF_S) - 1)])
            self._failures += 1

    async def _listen(self) -> None:
        connection = await asyncpg.connect(
            self._store.dsn,
            timeout=_CONNECT_S,
            server_settings={"application_name": "callcontrol levels"},
        )
        lost = asyncio.Event()
        try:
            await connection.add_listener(REQUESTS, lambda *said: self._heard(str(said[3])))
            connection.add_termination_listener(lambda _: lost.set())
            while not lost.is_set():
                async with asyncio.timeout(_ANSWER_S):
                    await self._read(connection)
                self._failures = 0
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._check_s):
                        await lost.wait()
            raise ConnectionResetError
        finally:
            connection.terminate()

    async def _read(self, connection: Connection) -> None:
        await prune_requests(connection)
        requests = await open_requests(connection)
        self._store.loop_thread.tell(self._take, requests)

    def _heard(self, text: str) -> None:
        try:
            told = request_of(text)
        except ValueError:
            return
        if isinstance(told, Withdrawn):
            self._store.loop_thread.tell(self._withdraw, told.id)
        else:
            self._store.loop_thread.tell(self._take, [told])

    def _miss(self, reason: str) -> None:
        self._log.warning("level_requests_out_of_reach", reason=reason)
