"""Vital signs: what an engine process shows of itself besides its calls, once a second.

What the calls in progress have cost by now is worked out as often, but the more calls there are
the more seldom.

The hub's lag is measured as calls feel it: a greenlet sleeps a tenth of a second, and what it
oversleeps is what everybody else waited for their turn.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable
from pathlib import Path

import gevent
from prometheus_client import Counter

from callcontrol.calls.level_figures import LevelFigures
from callcontrol.calls.live_calls import LiveCalls
from callcontrol.cdr import Journal
from callcontrol.clock import Clock
from callcontrol.esl.control import Control
from callcontrol.esl.listener import Listener
from callcontrol.metrics import Metrics
from callcontrol.store import Store

_EVERY_S = 1.0
_NAP_S = 0.1
# Pricing the calls in progress takes a twentieth of the time at most: ten thousand, every few
# seconds.
_RESTS = 20
_PAGE = os.sysconf("SC_PAGESIZE")


class VitalSigns:
    """Shows how a process is, for as long as it runs.

    Args:
        metrics: of the process.
        clock: for the hub's lag.
        journal: its journal.
        journal_path: whose disk is looked at.
        store: its Postgres.
        link: its link to the switch.
        listener: where its calls arrive.
        live_calls: its calls.
    """

    def __init__(
        self,
        metrics: Metrics,
        *,
        clock: Clock,
        journal: Journal,
        journal_path: Path,
        store: Store,
        link: Control,
        listener: Listener,
        live_calls: LiveCalls,
    ) -> None:
        self._metrics = metrics
        self._clock = clock
        self._journal = journal
        self._folder = journal_path.absolute().parent
        self._store = store
        self._link = link
        self._listener = listener
        self._live_calls = live_calls
        self._levels = LevelFigures(metrics)
        grown: list[tuple[Counter, Callable[[], float]]] = [
            (metrics.cpu_seconds, time.process_time),
            (metrics.link_connections, lambda: link.connections),
            (metrics.link_events, lambda: link.events),
            (metrics.switch_restarts, lambda: link.restarts),
            (
                metrics.connections_refused.labels("flood"),
                lambda: listener.refused + listener.dropped,
            ),
            (metrics.connections_refused.labels("peer"), lambda: listener.turned_away),
        ]
        self._growths = [_Growth(counter, value) for counter, value in grown]
        self._greenlets: list[gevent.Greenlet[..., None]] = []

    def start(self) -> None:
        """Begin to show. Switches: no."""
        self._greenlets = [gevent.spawn(each) for each in (self._watch, self._price, self._nap)]

    def stop(self) -> None:
        """Show no longer."""
        gevent.killall(self._greenlets)

    def show(self) -> None:
        """Show how things are now. Switches: no."""
        metrics = self._metrics
        backlog = self._journal.backlog()
        metrics.journal_backlog.set(backlog.records)
        metrics.journal_oldest_seconds.set(backlog.oldest_s)
        metrics.journal_set_aside.set(backlog.set_aside)
        metrics.journal_held.set(backlog.held)
        metrics.journal_fault.set(self._journal.fault is not None)
        metrics.journal_free_bytes.set(_free_bytes(self._folder))
        metrics.store_up.set(self._store.is_up)
        metrics.link_up.set(self._link.is_up)
        metrics.calls_in_progress.set(len(self._live_calls))
        metrics.conversations.set(self._listener.conversations)
        self._show_itself()
        for growth in self._growths:
            growth.add()

    def _show_itself(self) -> None:
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._metrics.open_files_limit.set(soft)
        try:
            self._metrics.open_files.set(len(os.listdir("/proc/self/fd")))
            self._metrics.resident_bytes.set(_resident_bytes())
        except OSError:
            # Not even that can be opened any more.
            self._metrics.open_files.set(soft)

    def _watch(self) -> None:
        while True:
            self.show()
            gevent.sleep(_EVERY_S)

    def show_levels(self) -> None:
        """Show what the calls have cost by now. Switches: as `LiveCalls.in_turns`."""
        self._levels.show(self._live_calls.in_turns(), self._clock.now_us())

    def _price(self) -> None:
        while True:
            began_s = self._clock.monotonic_s()
            self.show_levels()
            took_s = self._clock.monotonic_s() - began_s
            gevent.sleep(max(_EVERY_S, _RESTS * took_s))

    def _nap(self) -> None:
        while True:
            before_s = self._clock.monotonic_s()
            gevent.sleep(_NAP_S)
            slept_s = self._clock.monotonic_s() - before_s
            self._metrics.hub_lag_seconds.observe(max(0.0, slept_s - _NAP_S))


class _Growth:
    """Adds to a counter what a value of this process has grown by: a counter outlives it."""

    def __init__(self, counter: Counter, value: Callable[[], float]) -> None:
        self._counter = counter
        self._value = value
        self._before = 0.0

    def add(self) -> None:
        now = self._value()
        self._counter.inc(max(0.0, now - self._before))
        self._before = now


def _free_bytes(folder: Path) -> int:
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


def _resident_bytes() -> int:
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * _PAGE
