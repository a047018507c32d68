"""The one thread everything runs in: sockets, timers and the switch's 20 ms tick.

Strategy: sippy keeps its timers in a heap of its dispatcher and would wake up a hundred times
a second to look at it. Here the same heap is read, but the thread sleeps in `select` until the
next timer of either side is due or a socket is ready. Nothing polls: a command on the event
socket is answered in the time of one system call.

FreeSWITCH stamps everything with a clock that moves every 20 ms, and a call looks at its queue
on the same beat. `SwitchClock` is that clock; `Loop.at_tick` runs something on its next beat.
"""

import heapq
import itertools
import logging
import selectors
import socket
import time
from collections.abc import Callable

from sippy.Core.EventDispatcher import ED2
from sippy.Time.MonoTime import MonoTime

log = logging.getLogger(__name__)

TICK_US = 20_000
Work = Callable[[], None]


class SwitchClock:
    """Wall clock in µs since the epoch, moving in ticks of 20 ms and never backwards."""

    def __init__(self, *, phase_us: int = 7_098) -> None:
        self._phase_us = phase_us
        self._latched_us = 0

    def wall_us(self) -> int:
        """The real time, in µs since the epoch."""
        return time.time_ns() // 1000

    def now_us(self) -> int:
        """The time of the last tick: what every time stamp of the switch shows."""
        wall = self.wall_us()
        ticked = wall - (wall - self._phase_us) % TICK_US
        self._latched_us = max(self._latched_us, ticked)
        return self._latched_us

    def until_tick_s(self) -> float:
        """Seconds until the next tick."""
        return (TICK_US - (self.wall_us() - self._phase_us) % TICK_US) / 1e6


class Timer:
    """Something that runs once, later; `cancel` makes it not run."""

    __slots__ = ("work",)

    def __init__(self, work: Work) -> None:
        self.work: Work | None = work

    def cancel(self) -> None:
        """Drops the work. Harmless when it ran already."""
        self.work = None


class Loop:
    """Runs callbacks of sockets and timers until stopped."""

    def __init__(self, clock: SwitchClock | None = None) -> None:
        self.clock = clock or SwitchClock()
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._soon: list[Work] = []
        self._next_tick: list[Work] = []
        self._running = False
        self._is_ended = False
        self._waker, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ, (self._wake, None))

    def watch(
        self, sock: socket.socket, *, read: Work | None = None, write: Work | None = None
    ) -> None:
        """Calls back when `sock` is ready; no callback for either direction stops watching."""
        events = (selectors.EVENT_READ if read else 0) | (selectors.EVENT_WRITE if write else 0)
        known = sock.fileno() in self._selector.get_map()
        if events and known:
            self._selector.modify(sock, events, (read, write))
        elif events:
            self._selector.register(sock, events, (read, write))
        elif known:
            self._selector.unregister(sock)

    def soon(self, work: Work) -> None:
        """Runs `work` once the current callback has returned."""
        self._soon.append(work)

    def later(self, seconds: float, work: Work) -> Timer:
        """Runs `work` after `seconds`, unless the timer returned is cancelled."""
        timer = Timer(work)
        due = self._now_s() + seconds
        heapq.heappush(self._timers, (due, next(self._order), timer))
        return timer

    def at_tick(self, work: Work) -> None:
        """Runs `work` on the next beat of the 20 ms clock, in the order of asking."""
        if not self._next_tick:
            self.later(self.clock.until_tick_s(), self._tick)
        self._next_tick.append(work)

    def run(self) -> None:
        """Runs until `stop`."""
        self._running = True
        while self._running and not self._is_ended:
            for key, mask in self._wait(self._patience_s()):
                read, write = key.data
                if mask & selectors.EVENT_WRITE and write:
                    self._guarded(write)
                if mask & selectors.EVENT_READ and read:
                    self._guarded(read)
            self._run_soon()
            self._run_timers()
            self._run_sippys_timers()
            self._run_soon()

    def stop(self) -> None:
        """Ends `run` after the current callbacks."""
        self._running = False

    def close(self) -> None:
        """Gives back what the loop itself holds; it cannot run again."""
        self._selector.close()
        self._waker.close()
        self._woken.close()

    def soon_from_signal(self, work: Work) -> None:
        """As `soon`, from a signal handler, also before `run` has begun."""
        self._soon.append(work)
        self._waker.send(b"x")

    def stop_from_signal(self) -> None:
        """Ends it for good from a signal handler, also before `run` has begun."""
        self._is_ended = True
        self._waker.send(b"x")

    def _wake(self) -> None:
        self._woken.recv(16)

    def _now_s(self) -> float:
        return time.monotonic()

    def _wait(self, patience_s: float | None) -> list[tuple[selectors.SelectorKey, int]]:
        return self._selector.select(patience_s)

    def _patience_s(self) -> float | None:
        if self._soon or not self._running or self._is_ended:
            return 0.0
        now = self._now_s()
        due = [entry[0] for entry in self._timers[:1]]
        due += [listener.etime.monot for listener in ED2.tlisteners[:1]]
        return max(0.0, min(due) - now) if due else None

    def _run_soon(self) -> None:
        while self._soon:
            batch, self._soon = self._soon, []
            for work in batch:
                self._guarded(work)

    def _run_timers(self) -> None:
        now = self._now_s()
        while self._timers and self._timers[0][0] <= now:
            work = heapq.heappop(self._timers)[2].work
            if work is not None:
                self._guarded(work)

    def _run_sippys_timers(self) -> None:
        if not ED2.tlisteners:
            return
        if ED2.twasted * 2 > len(ED2.tlisteners):
            # Cancelled timers stay in the heap until they are due; most are.
            ED2.tlisteners = [timer for timer in ED2.tlisteners if timer.cb_func is not None]
            heapq.heapify(ED2.tlisteners)
            ED2.twasted = 0
        ED2.last_ts = MonoTime(monot=self._now_s())
        ED2.dispatchTimers()

    def _tick(self) -> None:
        batch, self._next_tick = self._next_tick, []
        for work in batch:
            self._guarded(work)

    def _guarded(self, work: Work) -> None:
        # One broken message or command must not take the other calls with it.
        try:
            work()
        except Exception:
            log.exception("a callback failed")
