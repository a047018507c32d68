"""One greenlet, one heap: calls back at the instants that running meters asked for.

Strategy: thousands of calls wait for the instant their maximum charge is reached. A timer in
the event loop for each would do, but could not be counted, moved or looked at; a heap can. An
entry that was moved or withdrawn stays in the heap and is skipped, by its number, when due;
when most of the heap is such entries it is swept, because most calls end hours before they
are due.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Hashable

import gevent
from gevent.event import Event as Signal
from structlog.typing import FilteringBoundLogger

from callcontrol.clock import Clock

Due = Callable[[], None]

# The clock is looked at this often at least, so that a wall clock that was set is noticed.
_LONGEST_NAP_S = 1.0

_FEW = 64  # stale entries that are never worth a sweep


class Ticker:
    """Calls back once for each key, at an instant of the wall clock.

    Args:
        clock: the clock whose microseconds the instants are given in.
        log: told of a callback that failed.
    """

    def __init__(self, clock: Clock, log: FilteringBoundLogger) -> None:
        self._clock = clock
        self._log = log
        self._heap: list[tuple[int, int, Hashable]] = []
        self._due: dict[Hashable, tuple[int, Due]] = {}
        self._number = 0
        self._sooner = Signal()
        self._greenlet: gevent.Greenlet[[], None] | None = None

    def __len__(self) -> int:
        """Count the keys that wait."""
        return len(self._due)

    def start(self) -> None:
        """Begin to call back."""
        self._greenlet = gevent.spawn(self._run)

    def stop(self) -> None:
        """Call back no more."""
        if self._greenlet is not None:
            self._greenlet.kill()

    def schedule(self, key: Hashable, at_us: int, due: Due) -> None:
        """Call `due` once at an instant; it replaces what the key waited for before.

        Args:
            key: whose callback this is.
            at_us: microseconds since the epoch; one that has passed is due at once.
            due: called in the ticker's greenlet, so it must not wait for anything.

        Switches: no.
        """
        self._number += 1
        self._due[key] = (self._number, due)
        self._sweep()
        heapq.heappush(self._heap, (at_us, self._number, key))
        if self._heap[0][1] == self._number:
            self._sooner.set()

    def cancel(self, key: Hashable) -> None:
        """Forget a key; one that is not known is no error. Switches: no."""
        self._due.pop(key, None)
        self._sweep()

    def tick(self) -> float:
        """Call back everything that is due now; gives the seconds until the next, at most 1."""
        now_us = self._clock.now_us()
        while self._heap and self._heap[0][0] <= now_us:
            _, number, key = heapq.heappop(self._heap)
            waiting = self._due.get(key)
            if waiting is None or waiting[0] != number:
                continue
            del self._due[key]
            try:
                waiting[1]()
            except Exception:  # noqa: BLE001
                # One of the two borders of the engine: a callback of one call stops no other.
                self._log.exception("tick_failed", key=str(key))
        if not self._heap:
            return _LONGEST_NAP_S
        return min(_LONGEST_NAP_S, max(0.0, (self._heap[0][0] - now_us) / 1_000_000))

    def _sweep(self) -> None:
        """Take stale entries out of the heap once they are most of it."""
        if len(self._heap) <= 2 * len(self._due) + _FEW:
            return
        due = {(number, key) for key, (number, _) in self._due.items()}
        self._heap = [entry for entry in self._heap if entry[1:] in due]
        heapq.heapify(self._heap)

    def _run(self) -> None:
        while True:
            self._sooner.clear()
            self._sooner.wait(self.tick())
