"""Worker: one worker process as the supervisor sees it, from its start to its exit."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Mapping

import gevent
from gevent import socket, subprocess
from gevent.event import Event as Signal

from callcontrol.clock import Clock
from callcontrol.workers.line import Facts, Line

# A worker tells how it is every second; one that is silent for this long hangs.
_SILENT_S = 5.0


class Worker:
    """One worker process.

    Args:
        number: its place among the workers, from 1; it says which journal is its own.
        seat: where it keeps its figures; no other process has the same.
        port: the socket that calls arrive at.
        environment: the process's, with its settings.
        on_facts: called with all facts it tells, and with none once it has ended.
        clock: for how long it has served.

    Attributes:
        stands_by: it would take its journal and calls now, if it may.
        fault: the sentence by which it says why it cannot start; None when it said none.
        was_told_to_leave: it does not end by itself.
        counts: what it has in progress, by what that counts against.
        ended: set once the process is gone.
    """

    def __init__(
        self,
        number: int,
        seat: int,
        *,
        port: socket.socket,
        environment: Mapping[str, str],
        on_facts: Callable[[Worker, Facts], None],
        clock: Clock,
    ) -> None:
        self.number = number
        self.seat = seat
        self.stands_by = self.was_told_to_leave = False
        self.fault: str | None = None
        self.counts: dict[str, int] = {}
        self.ended = Signal()
        self._on_facts = on_facts
        self._clock = clock
        self._serves_since_s: float | None = None
        self._heard_s = clock.monotonic_s()
        self._lack = "starting"
        ours, theirs = socket.socketpair()
        self._process = subprocess.Popen(
            [
                sys.executable, "-m", "callcontrol", "serve",
                "--worker", str(number), "--seat", str(seat), "--port-fd", str(port.fileno()),
            ],
            stdin=theirs.fileno(),
            pass_fds=[port.fileno()],
            env=environment,
            start_new_session=True,  # a terminal's Ctrl-C is for the supervisor to hear
        )  # fmt: skip
        theirs.close()
        self._line = Line(ours, on_facts=self._hear, on_end=lambda: None)
        gevent.spawn(self._see_out)

    @property
    def pid(self) -> int:
        """The process's id."""
        pid: int = self._process.pid
        return pid

    @property
    def status(self) -> int | None:
        """What it exited with, negative for a signal; None while it runs."""
        status: int | None = self._process.returncode
        return status

    @property
    def has_served(self) -> bool:
        """Whether it has taken over its journal and its calls."""
        return self._serves_since_s is not None

    @property
    def serves(self) -> bool:
        """Whether it has, and still runs."""
        return self.has_served and not self.ended.is_set()

    def served_s(self) -> float:
        """Give the seconds since it first served; 0 when it never has."""
        since_s = self._serves_since_s
        return 0.0 if since_s is None else self._clock.monotonic_s() - since_s

    def lack(self) -> str:
        """Say what it lacks to take calls; empty when nothing."""
        if self.ended.is_set():
            return "not running"
        silent_s = self._clock.monotonic_s() - self._heard_s
        if not self._lack and silent_s > _SILENT_S:
            return f"no sign of life for {silent_s:.0f} s"
        return self._lack

    def may_go_on(self) -> None:
        """Let it take over its journal and its calls, and take new ones. Switches: no."""
        self.tell(go=True)

    def tell(self, **facts: object) -> None:
        """Tell it facts. Switches: no."""
        self._line.tell(**facts)

    def leave(self, deadline_s: float) -> None:
        """Have it stop politely; it is killed when it has not in time. Switches: no."""
        self.was_told_to_leave = True
        self._process.send_signal(signal.SIGTERM)
        deadline = gevent.spawn_later(deadline_s, self.kill)
        self.ended.rawlink(lambda _ended: deadline.kill(block=False))

    def kill(self) -> None:
        """End it at once. Switches: no."""
        self.was_told_to_leave = True
        self._process.send_signal(signal.SIGKILL)

    def _hear(self, facts: Facts) -> None:
        self._heard_s = self._clock.monotonic_s()
        self.fault = facts.get("fault", self.fault)
        self.stands_by = facts.get("stands_by", self.stands_by)
        self.counts.update(facts.get("counts", {}))
        if "ready" in facts:
            self._serves_since_s = self._serves_since_s or self._heard_s
            self._lack = ", ".join(
                f"{n}: no" for n, is_so in facts["ready"].items() if not is_so
            )
        self._on_facts(self, facts)

    def _see_out(self) -> None:
        self._process.wait()
        self._line.close()
        self.ended.set()
        self._on_facts(self, {})
