"""What is killed, cut and stalled in a chaos run, by a schedule that a seed decides."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress

import gevent

from tests.chaos.engines import EngineProcess
from tests.chaos.relay import Relay
from tests.chaos.stage import Stage

# How often each is chosen, of all.
_SHARES = {
    "engine -9": 4,
    "worker -9": 4,
    "supervisor -9": 1,
    "engine stopped politely": 1,
    "workers replaced": 1,
    "Postgres -9": 3,
    "link cut": 4,
    "link stalled": 2,
}
_PAUSE_S = (2.0, 8.0)
_DOWN_S = (0.0, 3.0)


class Faults:
    """Breaks things one after the other until told to stop, and mends each.

    An engine that ended is started again, and again should its port still be the old workers'.

    Args:
        stage: switch and Postgres.
        single: an engine of one process.
        service: one of several workers.
        links: the relays of the engines' links to the switch.
        chance: decides.

    Attributes:
        counts: how often each was done.
        switch_downs: from when to when the switch was down, on the run's clock.
    """

    def __init__(
        self,
        stage: Stage,
        single: EngineProcess,
        service: EngineProcess,
        links: tuple[Relay, ...],
        chance: random.Random,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.switch_downs: list[tuple[float, float]] = []
        self.began_s = time.monotonic()
        self._is_postgres_down = False
        self._stage = stage
        self._single = single
        self._service = service
        self._links = links
        self._chance = chance
        self._greenlets: list[gevent.Greenlet] = []
        self._does: dict[str, Callable[[], None]] = {
            "engine -9": lambda: self._signal(single, signal.SIGKILL),
            "worker -9": self._kill_worker,
            "supervisor -9": lambda: self._signal(service, signal.SIGKILL),
            "engine stopped politely": lambda: self._signal(single, signal.SIGTERM),
            "workers replaced": lambda: self._signal(service, signal.SIGHUP),
            "Postgres -9": self._kill_postgres,
            "link cut": lambda: self._chance.choice(links).cut(),
            "link stalled": self._stall,
        }

    def start(self, *, switch_dies_at_s: float | None) -> None:
        """Begin."""
        self.began_s = time.monotonic()
        pauses = random.Random(self._chance.random())
        for engine in (self._single, self._service):
            engine.keep(lambda: pauses.uniform(*_DOWN_S))
        self._greenlets = [gevent.spawn(self._run)]
        if switch_dies_at_s is not None:
            self._greenlets.append(gevent.spawn_later(switch_dies_at_s, self._kill_switch))

    def stop(self) -> None:
        """Break nothing more; what is down comes up."""
        gevent.killall(self._greenlets)
        for link in self._links:
            link.flow()
        if self._is_postgres_down:
            self._stage.postgres.start()

    def _run(self) -> None:
        names, shares = list(_SHARES), list(_SHARES.values())
        while True:
            gevent.sleep(self._chance.uniform(*_PAUSE_S))
            name = self._chance.choices(names, shares)[0]
            self.counts[name] += 1
            self._does[name]()

    def _signal(self, engine: EngineProcess, number: int) -> None:
        if engine.is_running:
            engine.signal(number)

    def _kill_worker(self) -> None:
        if workers := self._service.is_running and sorted(self._service.workers()):
            with suppress(ProcessLookupError):
                os.kill(self._chance.choice(workers), signal.SIGKILL)

    def _kill_postgres(self) -> None:
        self._is_postgres_down = True
        self._stage.postgres.kill()
        gevent.sleep(self._chance.uniform(0.5, 5))
        self._stage.postgres.start()
        self._is_postgres_down = False

    def _stall(self) -> None:
        link = self._chance.choice(self._links)
        link.stall()
        gevent.sleep(self._chance.uniform(0.5, 6))
        link.flow()

    def _kill_switch(self) -> None:
        self.counts["switch -9"] += 1
        from_s = time.monotonic() - self.began_s
        self._stage.restart_switch(1.0)
        self.switch_downs.append((from_s, time.monotonic() - self.began_s))
