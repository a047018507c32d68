"""Supervisor: starts the workers of one service, replaces those that end, answers for them all.

Strategy: one greenlet keeps each worker number served, for ever: it starts a process, waits for
its end, and starts the next, at once after a long life and later and later after short ones.
In a rolling restart the next one is started first and stands by, watching the switch; then the
old one is asked to leave, and when it has let go of the journal the new one takes over its
calls. The supervisor touches no call; should it die, the workers stop politely.
"""

from __future__ import annotations

import math
import os
import signal
import tempfile
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path

import gevent
from gevent.event import Event as Signal
from gevent.pool import Group
from prometheus_client import CollectorRegistry
from structlog.typing import FilteringBoundLogger

from callcontrol.clock import SystemClock
from callcontrol.config import Settings
from callcontrol.errors import ConfigError
from callcontrol.esl.listener import bound
from callcontrol.health import HealthServer
from callcontrol.metrics import ServiceMetrics, WorkersFigures
from callcontrol.workers.line import Facts
from callcontrol.workers.share import environment_of, pause_s
from callcontrol.workers.tally import Tally
from callcontrol.workers.worker import Worker

# How long a worker may take until it stands by, reading the reference above all.
_START_S = 300.0
# What a polite stop needs beyond the set-ups it waits for: records to ship, the view, the disk.
_STOP_S = 30.0
# Who served for this long was sound: the next one need not wait.
_SOUND_S = 30.0


class Supervisor:
    """Several workers as one service.

    Args:
        settings: of the service; each worker gets a journal and a name of its own from them.
        count: how many workers, two at least.
        log: the supervisor's logger.

    Raises:
        ConfigError: the port is taken.
    """

    def __init__(self, settings: Settings, count: int, *, log: FilteringBoundLogger) -> None:
        self._port = bound(settings.listen_host, settings.listen_port)
        self._settings = settings
        self._numbers = range(1, count + 1)
        self._log = log
        self._clock = SystemClock()
        self._tally = Tally()
        self._alive: set[Worker] = set()
        self._counted: set[Worker] = set()
        self._current: dict[int, Worker] = {}
        self._next: dict[int, Worker] = {}
        self._changed = Signal()
        self._restart = Signal()
        self._is_started = self._is_stopping = self._is_hurried = False
        # In memory: a full disk under a mapped file would end the process that writes to it.
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108
        self._folder = tempfile.TemporaryDirectory(prefix="callcontrol-", dir=memory)
        registry = CollectorRegistry()
        registry.register(WorkersFigures(Path(self._folder.name), self._seats_serving))
        self._metrics = ServiceMetrics(registry, settings.engine)
        for number in self._numbers:
            self._metrics.watch(number, partial(self._is_ready, number))
        self._health = HealthServer(
            settings.metrics_host,
            settings.metrics_port,
            registry=registry,
            ready=self.ready,
            needs=any,
        )

    def run(self) -> bool:
        """Serve until a signal ends it; a second one ends it at once.

        Returns:
            Whether the workers were let finish what they had begun.

        Raises:
            ConfigError: the port for figures is taken, or no worker can start: what one said.

        Switches: always.
        """
        gevent.signal_handler(signal.SIGTERM, self._stop)
        gevent.signal_handler(signal.SIGINT, self._stop)
        gevent.signal_handler(signal.SIGHUP, self._restart.set)
        greenlets = Group()
        try:
            self._health.start()
            for number in self._numbers:
                greenlets.spawn(self._keep, number)
            self._until(lambda: self._is_stopping or self._has_served() or self._none_starts())
            if not self._is_stopping:
                self._begin()
                greenlets.spawn(self._restart_when_asked)
            self._until(lambda: self._is_stopping and not self._alive)
        finally:
            self._is_stopping = True
            greenlets.kill()
            for worker in list(self._alive):
                worker.kill()
            self._until(lambda: not self._alive)
            self._health.stop()
            self._folder.cleanup()
        self._log.info("service_stopped")
        return not self._is_hurried

    def ready(self) -> Mapping[str, bool | str]:
        """Say of each worker whether it can take calls, or why not. Switches: no."""
        return {f"worker {number}": self._lack_of(number) or True for number in self._numbers}

    def _begin(self) -> None:
        if not self._has_served():
            raise ConfigError(self._current[1].reason())
        self._is_started = True
        self._pulse()
        host, port = self._port.getsockname()[:2]
        self._log.info(
            "service_started",
            workers=len(self._numbers),
            listens=f"{host}:{port}",
            metrics=f"{self._settings.metrics_host}:{self._health.port}",
        )

    def _keep(self, number: int) -> None:
        """Keep one worker number served until the service stops."""
        short_lives = 0
        while not self._is_stopping:
            worker = self._next.pop(number, None) or self._started(number)
            self._current[number] = worker
            worker.may_go_on()
            worker.ended.wait()
            if worker.was_told_to_leave:
                continue
            # Before one worker has shown that it can be done, none is tried twice.
            self._until(lambda: self._is_started)
            short_lives = 0 if worker.served_s() >= _SOUND_S else short_lives + 1
            self._lose(worker, pause_s(short_lives))
            self._until(lambda: number in self._next, pause_s(short_lives))

    def _lose(self, worker: Worker, again_in_s: float) -> None:
        """Tell of a worker that ended by itself."""
        self._metrics.deaths.inc()
        self._log.warning(
            "worker_ended",
            worker=worker.number,
            pid=worker.pid,
            reason=worker.reason(),
            again_in_s=again_in_s,
        )
        if not worker.has_served:
            # Nobody sees to the calls it should have taken over, nor says when they end.
            self._pass_on(worker, self._tally.replace(worker.number, {}))

    def _restart_when_asked(self) -> None:
        while True:
            self._restart.wait()
            self._restart.clear()
            self._log.info("service_restarting")
            if all(self._is_replaced(number) for number in self._numbers):
                self._log.info("service_restarted")

    def _is_replaced(self, number: int) -> bool:
        """Have a new process serve a number; says whether it does."""
        if self._is_stopping:
            return False
        worker = self._started(number)
        self._until(lambda: worker.stands_by or worker.ended.is_set(), _START_S)
        if not worker.stands_by:
            worker.kill()
            self._log.warning("restart_given_up", worker=number, reason=worker.reason())
            return False
        self._next[number] = worker
        self._current[number].leave(self._settings.drain_s + _STOP_S)
        self._pulse()
        self._until(lambda: worker.has_served or worker.ended.is_set())
        return worker.has_served

    def _started(self, number: int) -> Worker:
        taken = {worker.seat for worker in self._alive}
        seat = next(seat for seat in range(len(taken) + 1) if seat not in taken)
        worker = Worker(number, seat, on_facts=self._hear, clock=self._clock)
        self._alive.add(worker)
        environment = environment_of(os.environ, self._settings, number)
        worker.start(self._port, Path(self._folder.name), environment)
        worker.tell(elsewhere=self._tally.elsewhere(number))
        return worker

    def _stop(self) -> None:
        """Stop politely; asked again, at once."""
        self._is_hurried = self._is_stopping
        self._is_stopping = True
        self._log.info("service_stopping", at_once=self._is_hurried)
        self._port.close()
        for worker in self._alive:
            if self._is_hurried:
                worker.kill()
            else:
                worker.leave(self._settings.drain_s + _STOP_S)
        self._pulse()

    def _hear(self, worker: Worker, facts: Facts) -> None:
        """Take what a worker tells, and that it has ended."""
        if worker.ended.is_set():
            self._alive.discard(worker)
            self._counted.discard(worker)
        if worker in self._counted:
            self._pass_on(worker, self._tally.update(worker.number, facts.get("counts", {})))
        elif worker.serves:
            self._counted.add(worker)
            self._pass_on(worker, self._tally.replace(worker.number, worker.counts))
        if "wanted" in facts:
            for other in self._counted - {worker}:
                other.tell(wanted={worker.number: facts["wanted"]})
        for number, ends in facts.get("ends", {}).items():
            self._current[int(number)].tell(ends=ends)
        self._pulse()

    def _pass_on(self, worker: Worker, changed: Iterable[str]) -> None:
        """Tell the other workers what one counts."""
        if changed:
            for other in self._alive:
                if other.number != worker.number:
                    other.tell(elsewhere=self._tally.elsewhere(other.number, changed))

    def _is_ready(self, number: int) -> bool:
        return not self._lack_of(number)

    def _lack_of(self, number: int) -> str:
        worker = self._current.get(number)
        return "not started" if worker is None else worker.lack()

    def _seats_serving(self) -> set[int]:
        return {worker.seat for worker in self._current.values() if worker.serves}

    def _has_served(self) -> bool:
        return any(worker.has_served for worker in self._current.values())

    def _none_starts(self) -> bool:
        current = self._current.values()
        return len(current) == len(self._numbers) and all(w.ended.is_set() for w in current)

    def _pulse(self) -> None:
        self._changed.set()
        self._changed.clear()

    def _until(self, holds: Callable[[], object], within_s: float | None = None) -> None:
        """Wait until something holds that a change of a worker or a signal may bring about."""
        until_s = math.inf if within_s is None else self._clock.monotonic_s() + within_s
        while not holds() and (left_s := until_s - self._clock.monotonic_s()) > 0:
            self._changed.wait(None if within_s is None else left_s)
