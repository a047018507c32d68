"""LoopThread: asyncio in a native thread of its own, and the one bridge to it from greenlets.

Strategy: a greenlet that waited on a future of another thread would stop every call. So the
future's done callback asks the hub of the greenlet that waits, through the only door libev
opens to other threads, to set an `AsyncResult`, and the greenlet waits on that. A libev async
watcher stays referenced for as long as the thread runs: with no other watcher alive (start,
stop, command line, tests) the wait would otherwise die with gevent's LoopExit.

Only immutable values may cross, either way.

For each read asyncio asks for room of 256 kB and then gives back what the answer left of it.
Whatever stays behind an answer, however small, keeps the next room from being taken there: the
heap of a process grew by 9 MB an hour. Rooms of 16 kB find their place again.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar, TypeVarTuple, cast

import gevent
from gevent.event import AsyncResult

from callcontrol.errors import StoreUnavailable

_READ_BYTES = 16 << 10

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class _Loop(asyncio.SelectorEventLoop):
    """A loop whose connections read into less room."""

    async def create_connection(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        """Connect, as asyncio does."""
        transport, protocol = await super().create_connection(*args, **kwargs)
        setattr(transport, "max_size", _READ_BYTES)  # noqa: B010  what no stub knows
        return transport, protocol

    async def create_unix_connection(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401
        """Connect, as asyncio does."""
        transport, protocol = await super().create_unix_connection(*args, **kwargs)
        setattr(transport, "max_size", _READ_BYTES)  # noqa: B010  what no stub knows
        return transport, protocol


class LoopThread:
    """An asyncio loop that greenlets of one hub can call; it runs as soon as it is made.

    Args:
        name: the thread's name.
    """

    def __init__(self, name: str = "store-loop") -> None:
        self._loop = _Loop()
        self._is_stopping = asyncio.Event()
        self._is_open = True
        self._hub_loop = gevent.get_hub().loop
        self._anchor = self._hub_loop.async_()
        self._anchor.start(_nothing)
        self._ended: AsyncResult[None] = AsyncResult()
        # A daemon: a store that nobody closed must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def call(
        self,
        function: Callable[[*Ts], Coroutine[Any, Any, T]],
        *args: *Ts,
        deadline_s: float,
    ) -> T:
        """Run a coroutine function on the loop and give what it returns.

        Switches: waits for the coroutine, at most deadline_s. The coroutine is cancelled when
        that time is over, and when the greenlet that waits is killed.

        Raises:
            StoreUnavailable: the time is over, or the loop is closed or closing.
            Exception: whatever the coroutine raised, with its own type.
        """
        future = self._begin(function, *args)
        result: AsyncResult[T] = AsyncResult()
        future.add_done_callback(lambda done: self.tell(_hand_over, done, result))
        try:
            result.wait(timeout=deadline_s)
        finally:
            if not future.done():
                future.cancel()
        if not result.ready():
            raise StoreUnavailable(f"Postgres did not answer within {deadline_s:g} s")
        return cast("T", result.get_nowait())

    def spawn(
        self, function: Callable[[*Ts], Coroutine[Any, Any, None]], *args: *Ts
    ) -> Callable[[], object]:
        """Start a coroutine function that goes on by itself; gives what cancels it.

        What it raises is dropped: it must deal with its own errors, and `tell` the hub what
        there is to tell. Switches: no.
        """
        return self._begin(function, *args).cancel

    def tell(self, function: Callable[[*Ts], object], *args: *Ts) -> None:
        """Have the hub run a function soon; may be called from any thread.

        The function runs in the hub itself: it must neither wait nor raise.
        """
        # ValueError: the hub is gone, and with it all who could have been told.
        with suppress(ValueError):
            self._hub_loop.run_callback_threadsafe(function, *args)

    def close(self, *, deadline_s: float = 5.0) -> None:
        """Cancel what still runs and end the thread; again is harmless.

        Switches: waits for the coroutines to take notice, at most deadline_s.
        """
        if not self._is_open:
            return
        self._is_open = False
        self._loop.call_soon_threadsafe(self._is_stopping.set)
        self._ended.wait(timeout=deadline_s)
        if self._ended.ready():
            self._thread.join()
        self._anchor.stop()
        self._anchor.close()

    def _begin(
        self, function: Callable[[*Ts], Coroutine[Any, Any, T]], *args: *Ts
    ) -> concurrent.futures.Future[T]:
        if not self._is_open:
            raise StoreUnavailable("the store is closed")
        return asyncio.run_coroutine_threadsafe(function(*args), self._loop)

    def _run(self) -> None:
        # Runner cancels on leaving what still runs, and waits for it.
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._until_stopped())
        self.tell(self._ended.set, None)

    async def _until_stopped(self) -> None:
        await self._is_stopping.wait()


def _hand_over(done: concurrent.futures.Future[T], result: AsyncResult[T]) -> None:
    """Tell the greenlet that waits; runs in its hub."""
    if done.cancelled():
        result.set_exception(StoreUnavailable("the store is closed"))
    elif (error := done.exception()) is not None:
        result.set_exception(error)
    else:
        result.set(done.result())


def _nothing() -> None:
    pass
