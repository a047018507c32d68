"""callcontrol.store.loop_thread: the bridge between greenlets and an asyncio loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest
from gevent.event import Event

from callcontrol.errors import StoreUnavailable
from callcontrol.store.loop_thread import LoopThread
from tests.waiting import eventually

PATIENCE_S = 10.0


@pytest.fixture
def loop_thread() -> Iterator[LoopThread]:
    """Give a running loop."""
    running = LoopThread()
    yield running
    running.close()


class Reader(asyncio.Protocol):
    """Notes how much it is given at a time."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.is_over = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        """Note its size."""
        self.sizes.append(len(data))

    def connection_lost(self, _exc: Exception | None) -> None:
        """Note the end."""
        self.is_over.set()


async def _echo(value: str) -> str:
    await asyncio.sleep(0)
    return value


async def _forever(cancelled: threading.Event) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        cancelled.set()


def test_gives_what_the_coroutine_returns(loop_thread: LoopThread) -> None:
    """A greenlet gets the value as if it had called a function."""
    assert loop_thread.call(_echo, "here", deadline_s=PATIENCE_S) == "here"


def test_works_with_nothing_else_alive_in_the_hub() -> None:
    """The main greenlet alone can wait: gevent does not take it for a wait without end."""
    alone = LoopThread()
    try:
        assert alone.call(_echo, "x", deadline_s=PATIENCE_S) == "x"
    finally:
        alone.close()


def test_an_error_crosses_with_its_type(loop_thread: LoopThread) -> None:
    """What the coroutine raises is raised where it was called."""

    async def fails() -> None:
        raise KeyError("why")

    with pytest.raises(KeyError, match="why"):
        loop_thread.call(fails, deadline_s=PATIENCE_S)


def test_the_hub_goes_on_while_many_wait(loop_thread: LoopThread) -> None:
    """Forty greenlets wait at once for something only the hub can bring about."""
    gate = asyncio.Event()

    async def waits() -> None:
        await gate.wait()

    async def opens() -> None:
        gate.set()

    waiters = [gevent.spawn(loop_thread.call, waits, deadline_s=PATIENCE_S) for _ in range(40)]
    gevent.idle()
    loop_thread.call(opens, deadline_s=PATIENCE_S)

    gevent.joinall(waiters, timeout=PATIENCE_S, raise_error=True)
    assert all(waiter.successful() for waiter in waiters)


def test_a_deadline_that_passes_cancels(loop_thread: LoopThread) -> None:
    """The coroutine does not go on behind the back of who gave up."""
    cancelled = threading.Event()

    with pytest.raises(StoreUnavailable, match=r"did not answer within 0\.05 s"):
        loop_thread.call(_forever, cancelled, deadline_s=0.05)

    assert cancelled.wait(PATIENCE_S)


def test_a_killed_greenlet_cancels(loop_thread: LoopThread) -> None:
    """Killing the greenlet that waits ends what it waited for."""
    cancelled = threading.Event()
    greenlet = gevent.spawn(loop_thread.call, _forever, cancelled, deadline_s=PATIENCE_S)
    gevent.idle()

    greenlet.kill()

    assert cancelled.wait(PATIENCE_S)


def test_closing_tells_those_who_wait(loop_thread: LoopThread) -> None:
    """Nobody waits for a loop that is gone."""
    cancelled = threading.Event()
    told = gevent.spawn(_error_of, loop_thread, cancelled)
    gevent.idle()

    loop_thread.close()

    assert isinstance(told.get(timeout=PATIENCE_S), StoreUnavailable)
    assert cancelled.is_set()


def test_a_closed_loop_says_so(loop_thread: LoopThread) -> None:
    """Closing twice is harmless; calling afterwards is an error, not a wait without end."""
    loop_thread.close()
    loop_thread.close()

    with pytest.raises(StoreUnavailable, match="closed"):
        loop_thread.call(_echo, "late", deadline_s=PATIENCE_S)


def test_closing_ends_the_thread() -> None:
    """No thread is left behind."""
    before = threading.active_count()
    running = LoopThread("ends-with-close")
    running.close()

    assert threading.active_count() == before


def test_what_goes_on_by_itself_tells_the_hub(loop_thread: LoopThread) -> None:
    """A spawned coroutine brings news to the hub until it is cancelled."""
    heard = Event()
    cancelled = threading.Event()

    async def listens() -> None:
        loop_thread.tell(heard.set)
        await _forever(cancelled)

    stop = loop_thread.spawn(listens)
    assert heard.wait(PATIENCE_S)
    stop()

    eventually(cancelled.is_set, within_s=PATIENCE_S)


def _error_of(loop_thread: LoopThread, cancelled: threading.Event) -> Exception | None:
    try:
        loop_thread.call(_forever, cancelled, deadline_s=PATIENCE_S)
    except StoreUnavailable as exc:
        return exc
    return None


def test_what_is_read_is_given_little_room_at_a_time(
    loop_thread: LoopThread, tmp_path: Path
) -> None:
    """The room for a large read, nearly all given back, would leave holes all over the heap."""
    answer = b"x" * 100_000

    def serve(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()

    async def read_both() -> list[list[int]]:
        loop = asyncio.get_running_loop()
        path = str(tmp_path / "socket")
        servers = [
            await asyncio.start_server(serve, "127.0.0.1", 0),
            await asyncio.start_unix_server(serve, path),
        ]
        address = servers[0].sockets[0].getsockname()
        _, one = await loop.create_connection(Reader, *address)
        _, other = await loop.create_unix_connection(Reader, path)
        for reader in (one, other):
            await reader.is_over.wait()
        for server in servers:
            server.close()
        return [one.sizes, other.sizes]

    for sizes in loop_thread.call(read_both, deadline_s=5):
        assert sum(sizes) == len(answer)
        assert max(sizes) <= 16 << 10
