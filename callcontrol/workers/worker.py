"""Worker: one worker process as the supervisor sees it, from its start to its exit."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import gevent
from gevent import socket, subprocess
from gevent.event import Event as Signal

from callcontrol.clock import Clock
from callcontrol.workers.line import Facts, Line

# A worker tells how it is every second. One that is silent for a while is not ready. One that
# is for longer is ended: its calls are better off with the next one, and those that it should
# have set up the switch has given up after 10 s.
_SILENT_S = 5.0
_HANGS_S = 20.0


class Worker:
    """One worker process.

    Args:
        number: its place among the workers, from 1; it says which journal is its own.
        seat: where it keeps its figures; no other process has the same.
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
        self._process: subprocess.Popen[bytes] | None = None
        self._line: Line | None = None

    def start(self, port: socket.socket, figures: Path, environment: Mapping[str, str]) -> None:
        """Start the process.

        Args:
            port: the socket that calls arrive at.
            figures: the folder in which workers keep their figures.
            environment: the process's, with its settings.

        Switches: until the process has its program.
        """
        ours, theirs = socket.socketpair()
        self._line = Line(ours, on_facts=self._hear, on_end=lambda: None)
        command = [
            sys.executable, "-m", "callcontrol", "serve",
            "--worker", str(self.number), "--port-fd", str(port.fileno()),
            "--figures", str(figures), "--seat", str(self.seat),
        ]  # fmt: skip
        try:
            self._process = subprocess.Popen(
                command,
                stdin=theirs.fileno(),
                pass_fds=[port.fileno()],
                env=environment,
                start_new_session=True,  # a terminal's Ctrl-C is for the supervisor to hear
            )
        except OSError as exc:
            self.fault = f"no process can be started: {exc.strerror}"
            self._end(self._line)
            return
        finally:
            theirs.close()
        gevent.spawn(self._see_out, self._process, self._line)
        if self.was_told_to_leave:
            self.kill()

    @property
    def pid(self) -> int:
        """The process's id; 0 before it has one."""
        return self._process.pid if self._process else 0

    @property
    def status(self) -> int | None:
        """What it exited with, negative for a signal; None while it runs."""
        return self._process.returncode if self._process else None

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
        if not self._lack and self._silent_s() > _SILENT_S:
            return f"no sign of life for {self._silent_s():.0f} s"
        return self._lack

    def reason(self) -> str:
        """Say why it has ended, or does not start."""
        if self.fault:
            return self.fault
        if self.status is None:
            return "not ready in time"
        if self.status < 0:
            return f"killed by {signal.Signals(-self.status).name}"
        return f"worker {self.number} ended with status {self.status}"

    def may_go_on(self) -> None:
        """Let it take over its journal and its calls, and take new ones. Switches: no."""
        self.tell(go=True)

    def tell(self, **facts: object) -> None:
        """Tell it facts. Switches: no."""
        if self._line:
            self._line.tell(**facts)

    def leave(self, deadline_s: float) -> None:
        """Have it stop politely; it is killed when it has not in time. Switches: no."""
        self.was_told_to_leave = True
        self._send(signal.SIGTERM)
        deadline = gevent.spawn_later(deadline_s, self.kill)
        self.ended.rawlink(lambda _ended: deadline.kill(block=False))

    def kill(self) -> None:
        """End it at once. Switches: no."""
        self.was_told_to_leave = True
        self._send(signal.SIGKILL)

    def _send(self, number: int) -> None:
        if self._process:
            self._process.send_signal(number)

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

    def _silent_s(self) -> float:
        return self._clock.monotonic_s() - self._heard_s

    def _see_out(self, process: subprocess.Popen[bytes], line: Line) -> None:
        """Wait for the process to end, or end it when it hangs."""
        while process.poll() is None:
            if self.has_served and self._silent_s() > _HANGS_S:
                self.fault = f"no sign of life for {self._silent_s():.0f} s"
                self._send(signal.SIGKILL)
            with suppress(subprocess.TimeoutExpired):
                process.wait(_SILENT_S)
        self._end(line)

    def _end(self, line: Line) -> None:
        line.close()
        self.ended.set()
        self._on_facts(self, {})
