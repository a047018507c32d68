"""Engine processes that are made to be killed."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import gevent
from gevent import subprocess

from tests.processes import is_ready
from tests.waiting import eventually

ROOT = Path(__file__).parents[2]


class EngineProcess:
    """`callcontrol serve`, one life after the other.

    Args:
        environment: its settings.
        log: the file its log is kept in.
        words: further words of its command line.
        files: as many it may have open; None: as many as we.

    Attributes:
        on_log: called with each line of its log, at once.
    """

    def __init__(
        self, environment: dict[str, str], log: Path, *words: str, files: int | None = None
    ) -> None:
        self.environment = environment
        self.lives = 0
        self.on_log: Callable[[dict[str, Any]], None] = _nothing
        self._log = log
        self._words = words
        self._files = files
        self._process: subprocess.Popen[bytes] | None = None
        self._keeper: gevent.Greenlet | None = None

    @property
    def name(self) -> str:
        """Its name in records."""
        return self.environment["CALLCONTROL_ENGINE"]

    @property
    def journal(self) -> Path:
        """Its journal."""
        return Path(self.environment["CALLCONTROL_JOURNAL"])

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it lives."""
        return self._process is not None and self._process.poll() is None

    def spawn(self, *, log_fd: int = subprocess.PIPE) -> None:
        """Start it and do not wait; its log is ours to read, unless it goes elsewhere."""
        self.lives += 1
        self._process = subprocess.Popen(
            [sys.executable, "-m", "callcontrol", "serve", *self._words],
            stdout=subprocess.DEVNULL,
            stderr=log_fd,
            env={**self.environment, "PYTHONPATH": str(ROOT)},
            cwd=self._log.parent,
            preexec_fn=self._files and self._limit_files,
        )
        if self._process.stderr is not None:
            gevent.spawn(self._read, self._process)

    def start(self, *, within_s: float = 60) -> None:
        """Start it and wait until it takes calls."""
        self.spawn()
        eventually(self.is_ready, within_s=within_s, every_s=0.05)

    def keep(self, pause_s: Callable[[], float]) -> None:
        """Have it started again whenever it ends, as a service manager does, until `stop`."""
        self._keeper = gevent.spawn(self._keep, pause_s)

    def kill(self) -> None:
        """Kill it as a crash would; again is harmless. Switches: no."""
        if self.is_running:
            os.kill(self.pid, signal.SIGKILL)

    def wait(self, within_s: float = 60) -> int:
        """Wait for its end and give its status."""
        assert self._process is not None
        return self._process.wait(within_s)

    def signal(self, number: int) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self) -> None:
        """End it politely, twice asked if need be."""
        if self._keeper is not None:
            self._keeper.kill()
        if not self.is_running:
            return
        self.signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self.wait(15)
            return
        self.kill()
        self.wait(5)

    def differences(self, since: datetime) -> list[dict[str, str]]:
        """Give what `callcontrol reconcile` finds between the switch's own records and ours."""
        done = subprocess.run(
            [
                *(sys.executable, "-m", "callcontrol", "reconcile", "--json"),
                *("--grace", "0", "--since", since.isoformat()),
            ],
            capture_output=True,
            text=True,
            env={**self.environment, "PYTHONPATH": str(ROOT)},
            cwd=self._log.parent,
            check=False,
        )
        found: list[dict[str, str]] = json.loads(done.stdout)["differences"]
        return found

    def workers(self) -> list[int]:
        """Give the process ids of its workers, when it is a service of several."""
        found: list[int] = []
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        with suppress(OSError):
            found += [
                pid
                for pid in map(int, children.read_text().split())
                if b"--worker" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            ]
        return found

    def is_ready(self) -> bool:
        """Say whether it takes calls."""
        return is_ready(int(self.environment["CALLCONTROL_METRICS_PORT"]))

    @contextmanager
    def limited(self, what: int, most: int) -> Iterator[None]:
        """Allow the running process no more of something meanwhile, such as RLIMIT_NOFILE."""
        before = resource.prlimit(self.pid, what)
        resource.prlimit(self.pid, what, (most, before[1]))
        try:
            yield
        finally:
            resource.prlimit(self.pid, what, before)

    def _keep(self, pause_s: Callable[[], float]) -> None:
        while True:
            self._process.wait()
            gevent.sleep(pause_s())
            self.spawn()

    def _limit_files(self) -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (self._files, self._files))

    def _read(self, process: subprocess.Popen[bytes]) -> None:
        with self._log.open("ab") as log:
            for line in process.stderr:
                log.write(line)
                with suppress(ValueError):
                    self.on_log(json.loads(line))
        process.stderr.close()


def _nothing(_line: dict[str, Any]) -> None:
    pass
