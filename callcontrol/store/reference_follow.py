"""Follower: the coroutine that listens, reads what changed, and builds Reference on Reference.

Runs in the store's thread. It knows nothing of greenlets: what it has to tell goes through two
callables.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Set
from contextlib import suppress
from typing import TYPE_CHECKING

import asyncpg

from callcontrol.clock import Clock, at_of
from callcontrol.reference_file import Built
from callcontrol.store.reference_faults import tell_in_force
from callcontrol.store.reference_news import EVERYTHING, ReferenceRows, revision_now
from callcontrol.store.schema import check_schema
from callcontrol.store.server_errors import errors_of

if TYPE_CHECKING:
    from callcontrol.store.pool import Connection

CHANNEL = "callcontrol_reference"

_CONNECT_S = 5.0
_ANSWER_S = 10.0  # a connection that does not answer for so long is dead
_QUIET_S = 0.05  # what changes within this of one another is read together,
_GATHER_S = 1.0  # but nothing waits longer than this
_BACK_OFF_S = (0.2, 0.5, 1, 2, 5, 10, 30)

_READ_S = 300.0


class Follower:
    """Follows the reference in Postgres.

    Args:
        dsn: connection URI.
        name: shown to whoever looks at Postgres's list of connections.
        prefixes: technical prefixes that may precede a called number.
        check_s: how often it is checked that nothing was missed, in seconds.
        clock: tells when a reference was read.
        on_built: takes each reference; runs in the thread of the loop.
        on_lost: takes why there is no news from Postgres for now; likewise.
        engine: whose reference it is, as it is told to Postgres; empty: nothing is told.
        on_untold: takes why Postgres does not take that; likewise.
    """

    def __init__(
        self,
        dsn: str,
        *,
        name: str,
        prefixes: tuple[str, ...],
        check_s: float,
        clock: Clock,
        on_built: Callable[[Built], object],
        on_lost: Callable[[Exception], object],
        engine: str = "",
        on_untold: Callable[[Exception], object] = lambda _: None,
    ) -> None:
        self._dsn = dsn
        self._name = name
        self._check_s = check_s
        self._clock = clock
        self._on_built = on_built
        self._on_lost = on_lost
        self._engine = engine
        self._on_untold = on_untold
        self._rows = ReferenceRows(prefixes=prefixes)
        self._failures = 0

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            try:
                with errors_of(self._dsn):
                    await self._follow()
            except Exception as exc:  # noqa: BLE001  a border: whatever it was, try again
                self._on_lost(exc)
            wait_s = _BACK_OFF_S[min(self._failures, len(_BACK_OFF_S) - 1)]
            self._failures += 1
            await asyncio.sleep(wait_s)

    async def _follow(self) -> None:
        """Listen on a new connection until it is lost."""
        connection = await asyncpg.connect(
            self._dsn, timeout=_CONNECT_S, server_settings={"application_name": self._name}
        )
        told: asyncio.Queue[str | None] = asyncio.Queue()
        try:
            # Before anything is read: what changes after this is told.
            await connection.add_listener(CHANNEL, lambda *said: told.put_nowait(str(said[3])))
            connection.add_termination_listener(lambda _: told.put_nowait(None))
            if self._rows.revision is None:
                await check_schema(connection, self._dsn, may_be_newer=True)
            await self._read(connection, frozenset({EVERYTHING}))
            self._failures = 0
            while True:
                await self._read(connection, await self._gathered(connection, told))
        finally:
            connection.terminate()

    async def _gathered(
        self, connection: Connection, told: asyncio.Queue[str | None]
    ) -> frozenset[str]:
        """Wait for news and give all that comes close together."""
        names = {await self._told(connection, told)}
        clock = asyncio.get_running_loop()
        end_s = clock.time() + _GATHER_S
        with suppress(TimeoutError):
            while True:
                async with asyncio.timeout_at(min(end_s, clock.time() + _QUIET_S)):
                    names.add(_alive(await told.get()))
        return frozenset(names)

    async def _told(self, connection: Connection, told: asyncio.Queue[str | None]) -> str:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._check_s):
                    return _alive(await told.get())
            # Nothing for a while: is the connection alive, and is there really nothing?
            async with asyncio.timeout(_ANSWER_S):
                revision = await revision_now(connection)
            if revision != self._rows.revision:
                return EVERYTHING

    async def _read(self, connection: Connection, names: Set[str]) -> None:
        """Read what is named, build a Reference of it and of what is known, and hand it on."""
        at = at_of(self._clock.now_us())
        async with asyncio.timeout(_READ_S):
            built = await self._rows.read(connection, names, at=at)
        self._on_built(built)
        if self._engine and self._rows.revision is not None:
            try:
                async with asyncio.timeout(_ANSWER_S):
                    await tell_in_force(
                        connection, self._engine, self._rows.revision, built.faults, at=at
                    )
            except asyncpg.PostgresError as exc:  # read-only, or not allowed: calls go on
                self._on_untold(exc)


def _alive(said: str | None) -> str:
    if said is None:
        raise ConnectionResetError
    return said
