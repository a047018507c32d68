"""What a worker is inside: an engine process at the other end of the supervisor's line."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import gevent
from gevent import socket
from gevent.event import Event as Signal
from structlog.typing import FilteringBoundLogger

from callcontrol import metrics
from callcontrol.calls.live_calls import LiveCalls
from callcontrol.config import Settings
from callcontrol.errors import CallControlError
from callcontrol.esl.event import Event
from callcontrol.esl.wire import Headers
from callcontrol.turns import give_turn
from callcontrol.wiring import Process
from callcontrol.workers.line import Facts, Line
from dialplan import Scope

_TELL_S = 1.0
_STDIN = 0


def serve_as_worker(
    settings: Settings,
    log: FilteringBoundLogger,
    number: int,
    *,
    port_fd: int,
    figures: Path,
    seat: int,
) -> None:
    """Be a worker, until the supervisor or a signal ends it.

    Args:
        settings: the worker's own: its journal, its name.
        log: with the worker's name bound.
        number: its place among the workers, from 1.
        port_fd: the socket calls arrive at, inherited.
        figures: the folder in which workers keep their figures.
        seat: in which files of it.

    Raises:
        SystemExit: it could not start, with status 2; the supervisor was told why.

    Switches: always.
    """
    # A SIGHUP is for the supervisor alone, whoever it was sent to.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    metrics.take_seat(figures, seat)
    inside = _Inside()
    give_turn()  # to hear whether the supervisor has died since
    try:
        if not inside.is_alone:
            inside.run(settings, log, number, socket.socket(fileno=port_fd))
    finally:
        if inside.is_alone:
            # Nobody is left to read it; what others have of it open stays theirs.
            shutil.rmtree(figures, ignore_errors=True)


class _Inside:
    """A worker's end of the line, and what it does at each word.

    Attributes:
        is_alone: the supervisor is gone.
    """

    def __init__(self) -> None:
        self.is_alone = False
        self._go = Signal()
        self._stop = Signal()
        self._process: Process | None = None
        self._live_calls = LiveCalls(on_counts=self._tell_count)
        self._line = Line(
            socket.socket(fileno=os.dup(_STDIN)), on_facts=self._hear, on_end=self._left_alone
        )

    def run(
        self,
        settings: Settings,
        log: FilteringBoundLogger,
        number: int,
        port: socket.socket,
    ) -> None:
        """Stand by, serve when told to, and stop when told to or left alone."""
        try:
            process = self._process = Process(
                settings,
                log=log,
                worker=number,
                port=port,
                live_calls=self._live_calls,
                ask_others=lambda legs: self._line.tell(wanted=list(legs)),
            )
            process.start(may_go_on=self._wait_for_go)
        except CallControlError as exc:
            self._line.tell(fault=str(exc))
            self._line.close()
            raise SystemExit(2) from None
        for number in (signal.SIGTERM, signal.SIGINT):
            gevent.signal_handler(number, self._stop.set)
        telling = gevent.spawn(self._tell_state, process)
        self._stop.wait()
        process.stop()
        telling.kill()

    def _wait_for_go(self) -> None:
        self._line.tell(stands_by=True)
        self._go.wait()
        if self._stop.is_set():
            raise SystemExit(0)

    def _tell_state(self, process: Process) -> None:
        while True:
            self._line.tell(ready=dict(process.ready()))
            gevent.sleep(_TELL_S)

    def _tell_count(self, scope: Scope, count: int) -> None:
        self._line.tell(counts={":".join(scope): count})

    def _hear(self, facts: Facts) -> None:
        for name, count in facts.get("elsewhere", {}).items():
            kind, _, its_id = name.partition(":")
            self._live_calls.count_elsewhere((kind, its_id), count)
        if "go" in facts:
            self._go.set()
        if self._process:
            for worker, legs in facts.get("wanted", {}).items():
                ends = self._process.recent_ends.of(legs).items()
                told = {leg: end.headers.block.decode("latin-1") for leg, end in ends}
                self._line.tell(ends={worker: told})
            for block in facts.get("ends", {}).values():
                self._process.see_end(Event(Headers(block.encode("latin-1"))))

    def _left_alone(self) -> None:
        """Stop politely: whoever starts a new supervisor finds port and journal free."""
        self.is_alone = True
        self._stop.set()
        self._go.set()
