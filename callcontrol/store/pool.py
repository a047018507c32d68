"""Store: the pool of connections to Postgres, in its own thread, called from greenlets.

Strategy: nothing connects before it is needed, so an engine starts, runs and stops without
Postgres; each call connects when there is no idle connection, and says what is wrong when it
cannot. asyncpg binds a pool to the loop that runs while it is made, so that happens there too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, TypeVarTuple

import asyncpg

from callcontrol.errors import StoreRejected, StoreUnavailable
from callcontrol.store.loop_thread import LoopThread
from callcontrol.store.server_errors import errors_of, server_of

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

# Quoted: generic in the stubs alone.
Connection: TypeAlias = "asyncpg.Connection[Any] | PoolConnectionProxy[Any]"

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_CONNECT_S = 5.0
_IDLE_S = 300.0
_CLOSE_S = 1.0


class Store:
    """Postgres, as greenlets see it.

    Args:
        dsn: connection URI.
        name: shown to whoever looks at Postgres's list of connections.
        connections: at most so many at once.

    Attributes:
        dsn: the connection URI, password included: not to be shown.

    Raises:
        ConfigError: the connection URI is none.
    """

    def __init__(self, dsn: str, *, name: str = "callcontrol", connections: int = 4) -> None:
        server_of(dsn)
        self.dsn = dsn
        self._name = name
        self._connections = connections
        self._opened: tuple[LoopThread, asyncpg.Pool[Any]] | None = None
        self._is_up = False

    @property
    def is_up(self) -> bool:
        """Whether Postgres answered when it was last asked. Switches: no."""
        return self._is_up

    @property
    def loop_thread(self) -> LoopThread:
        """The thread, for work that lasts, such as listening for notifications.

        Raises:
            StoreUnavailable: the store is not open.
        """
        return self._open_parts()[0]

    def open(self) -> None:
        """Start the thread; nothing is connected yet. Switches: for some milliseconds."""
        if self._opened is None:
            thread = LoopThread()
            self._opened = (thread, thread.call(self._made, deadline_s=_CONNECT_S))

    def call(
        self,
        function: Callable[[Connection, *Ts], Coroutine[Any, Any, T]],
        *args: *Ts,
        deadline_s: float,
    ) -> T:
        """Run a coroutine function with a connection and give what it returns.

        Switches: waits for Postgres, at most deadline_s; what runs is then cancelled, there
        too. Whether a cancelled statement was carried out is not known.

        Raises:
            StoreUnavailable: Postgres cannot be reached, or did not do it in time.
            StoreRejected: Postgres refused what it was given.
        """
        thread, pool = self._open_parts()
        try:
            result = thread.call(
                self._with_connection, pool, function, args, deadline_s=deadline_s
            )
        except StoreUnavailable:
            self._is_up = False
            raise
        except StoreRejected:
            self._is_up = True
            raise
        self._is_up = True
        return result

    def check(self, *, deadline_s: float = _CONNECT_S) -> None:
        """Ask Postgres whether it is there. Switches: as `call`.

        Raises:
            StoreUnavailable: it is not; the sentence says why.
        """
        self.call(_answer, deadline_s=deadline_s)

    def close(self) -> None:
        """Let go of Postgres and end the thread; again is harmless. Switches: as `call`."""
        if self._opened is not None:
            (thread, pool), self._opened = self._opened, None
            self._is_up = False
            thread.call(_shut, pool, deadline_s=_CONNECT_S)
            thread.close()

    def _open_parts(self) -> tuple[LoopThread, asyncpg.Pool[Any]]:
        if self._opened is None:
            raise StoreUnavailable("the store is closed")
        return self._opened

    async def _made(self) -> asyncpg.Pool[Any]:
        return await asyncpg.create_pool(
            self.dsn,
            min_size=0,
            max_size=self._connections,
            max_inactive_connection_lifetime=_IDLE_S,
            timeout=_CONNECT_S,
            server_settings={"application_name": self._name},
        )

    async def _with_connection(
        self,
        pool: asyncpg.Pool[Any],
        function: Callable[[Connection, *Ts], Coroutine[Any, Any, T]],
        args: tuple[*Ts],
    ) -> T:
        with errors_of(self.dsn):
            # The same time bounds the release, where asyncpg waits for a cancelled statement.
            async with pool.acquire(timeout=_CONNECT_S) as connection:
                return await function(connection, *args)


def run(
    dsn: str,
    function: Callable[[Connection, *Ts], Coroutine[Any, Any, T]],
    *args: *Ts,
    deadline_s: float = 60.0,
) -> T:
    """Run one coroutine function with a connection of its own: for the command line.

    Blocks the whole process.

    Raises:
        StoreUnavailable, StoreRejected, ConfigError: as `Store.call`.
    """

    async def alone() -> T:
        with errors_of(dsn):
            connection = await asyncpg.connect(dsn, timeout=_CONNECT_S)
            try:
                async with asyncio.timeout(deadline_s):
                    return await function(connection, *args)
            finally:
                connection.terminate()

    return asyncio.run(alone())


async def _shut(pool: asyncpg.Pool[Any]) -> None:
    # A pool waits for the connections in use; when that takes too long it drops them.
    with suppress(TimeoutError):
        async with asyncio.timeout(_CLOSE_S):
            await pool.close()


async def _answer(connection: Connection) -> None:
    await connection.execute("SELECT 1")
