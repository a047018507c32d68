"""A service of several workers in processes of its own, and ways to look at it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from callcontrol.store import Connection, run
from callcontrol.workers.share import name_of
from tests.waiting import eventually

ROOT = Path(__file__).parents[3]
NUMBER = "0901100001"  # 6.00 a minute, to 0.10: a tenth a second
LIMITED = "0901100002"  # the same, two calls at once
SLOW = "0901100003"  # rings for two seconds
NEVER = "0901100004"  # rings for ever


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What Postgres says of a call."""

    call_id: str
    engine: str
    disposition: str
    closed_how: str
    metered_us: int
    gross: Decimal | None

    def is_charged_right(self) -> bool:
        """Say whether the charge is that of the time: each second begun is a tenth."""
        return self.gross == Decimal(-(-self.metered_us // 1_000_000)) / 10


class Service:
    """`callcontrol serve --workers N`.

    Args:
        environment: its settings.
        sip: where the switch takes calls.
        folder: for its journals and its log.
    """

    def __init__(self, environment: dict[str, str], sip: str, folder: Path) -> None:
        self.environment = environment
        self._sip = sip
        self._log = folder / "service.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._callers: list[subprocess.Popen[str]] = []

    def start(self, workers: int = 2) -> None:
        """Start it and wait until all workers take calls."""
        self.spawn(workers)
        eventually(lambda: self.readiness().count("yes") == workers, within_s=40)

    def spawn(self, workers: int = 2) -> subprocess.Popen[bytes]:
        """Start it and do not wait."""
        return self._spawn("--workers", str(workers))

    def spawn_worker(
        self, port: socket.socket, figures: Path, *, line: socket.socket
    ) -> subprocess.Popen[bytes]:
        """Start worker 1 as a supervisor would."""
        fd = port.fileno()
        return self._spawn(
            *("--worker", "1", "--port-fd", str(fd), "--figures", str(figures), "--seat", "0"),
            stdin=line,
            pass_fds=[fd],
        )

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The supervisor, or the worker that was started alone."""
        assert self._process is not None
        return self._process

    def signal(self, number: int) -> None:
        """Send the supervisor a signal."""
        self.process.send_signal(number)

    def pids(self) -> dict[int, int]:
        """Give the workers' process ids by their numbers; the newest of each."""
        found = {}
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        for pid in map(int, children.read_text().split()):
            with suppress(OSError):
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                if b"--worker" in words:
                    found[int(words[words.index(b"--worker") + 1])] = pid
        return found

    def wait_for_worker(self, number: int, *, other_than: int) -> None:
        """Wait until another process serves as a worker."""
        eventually(lambda: self.pids().get(number, other_than) != other_than, within_s=40)
        eventually(lambda: f"worker {number}: yes" in self.readiness(), within_s=20)

    def wait_for_answers(self, count: int) -> None:
        """Wait until so many calls have been answered: from then on no death ends them."""
        eventually(lambda: len(self.log_lines("call_answered")) == count, within_s=20)

    def write_settings(self, text: str) -> Path:
        """Write a settings file in the service's own folder, which it reads at a restart."""
        file = self._log.with_name("callcontrol.toml")
        file.write_text(text, encoding="utf-8")
        return file

    def readiness(self) -> str:
        """Give what /readyz says, whatever its status."""
        try:
            return self._get("/readyz")
        except urllib.error.HTTPError as exc:
            with exc:
                return exc.read().decode()
        except OSError:
            return ""

    def metric(self, name: str) -> float:
        """Give the sum of a metric's samples."""
        found = re.findall(
            rf"^{re.escape(name)}(?:\{{.*?\}})? (\S+)$", self._get("/metrics"), re.MULTILINE
        )
        return sum(map(float, found))

    def busiest(self) -> int:
        """Give the worker with most calls: the kernel deals them out, not evenly."""
        answered = Counter(line["engine"] for line in self.log_lines("call_answered"))
        name = self.environment["CALLCONTROL_ENGINE"]
        return max((1, 2), key=lambda number: answered[name_of(name, number)])

    def place(self, count: int, *, number: str = NUMBER, rate: float = 10, talk_s: float = 1):
        """Have calls placed; gives a function that waits for their summaries."""
        caller = subprocess.Popen(
            [
                sys.executable, "-m", "switchsim.phones", "call", "--to", self._sip,
                "--number", number, "--count", str(count), "--rate", str(rate),
                "--talk", str(talk_s),
            ],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )  # fmt: skip
        self._callers.append(caller)

        def summaries(within_s: float = 60) -> list[dict[str, Any]]:
            text, _ = caller.communicate(timeout=within_s)
            return [json.loads(line) for line in text.splitlines()]

        return summaries

    def records(self) -> list[Record]:
        """Read this service's records from Postgres, oldest first."""
        pattern = f"{self.environment['CALLCONTROL_ENGINE']}%"
        return run(self.environment["CALLCONTROL_DSN"], _records, pattern)

    def wait_for_records(self, count: int) -> list[Record]:
        """Wait until there are so many records, and give them; there are no more."""
        eventually(lambda: len(self.records()) >= count, within_s=30, every_s=0.2)
        found = self.records()
        assert len(found) == count
        return found

    def log_lines(self, event: str) -> list[dict[str, Any]]:
        """Give the log's lines of an event."""
        lines = [json.loads(line) for line in self._lines() if line.startswith("{")]
        return [line for line in lines if line["event"] == event]

    def said(self) -> list[str]:
        """Give what it said besides log lines."""
        return [line for line in self._lines() if not line.startswith("{")]

    def _lines(self) -> list[str]:
        """Read the lines that are written to their end."""
        return self._log.read_text(encoding="utf-8").split("\n")[:-1]

    def stop(self) -> None:
        """End it, whatever state it is in."""
        for caller in self._callers:
            caller.kill()
            caller.communicate()
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(20)

    def _spawn(self, *words: str, **inherited: Any) -> subprocess.Popen[bytes]:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "callcontrol", "serve", *words],
                stdout=subprocess.DEVNULL,
                stderr=log,
                env={**self.environment, "PYTHONPATH": str(ROOT)},
                cwd=self._log.parent,
                **inherited,
            )
        return self._process

    def _get(self, path: str) -> str:
        port = self.environment["CALLCONTROL_METRICS_PORT"]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.read().decode()


async def _records(connection: Connection, engine: str) -> list[Record]:
    rows = await connection.fetch(
        "SELECT call_id::text, engine, disposition, closed_how, metered_us, gross FROM cdrs"
        " WHERE engine LIKE $1 ORDER BY received_at",
        engine,
    )
    return [Record(**row) for row in rows]


def end(pid: int) -> None:
    """End a process as the kernel does when memory runs out."""
    os.kill(pid, signal.SIGKILL)


def is_running(pid: int) -> bool:
    """Say whether a process runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
