"""One engine, one switch and one Postgres for all scenarios, and the parties that call."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sys
import urllib.error
import urllib.request
import wave
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import gevent
import pytest
from gevent import subprocess

from callcontrol.cdr.journal_file import read_only, records_in
from callcontrol.cli.cdrs import shown
from callcontrol.store import Connection, EmbeddedPostgres, run
from callcontrol.store.cdr_table import CdrFilter, find_cdrs
from tests.processes import is_ready
from tests.scenario.parties import SIPP, Caller, Destination, free_port
from tests.scenario.phone import Phone
from tests.scenario.switches import PASSWORD, Switch, Watch, start_switch
from tests.waiting import eventually

T = TypeVar("T")

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "fixtures" / "reference" / "scenarios.yaml"

# The gateway's name in the reference, or a target's -> what SIPp plays there.
DESTINATIONS = {
    "answers": "destination-answers",
    "hangs-up": "destination-hangs-up",
    "busy": "destination-is-busy",
    "rejects": "destination-rejects",
    "unknown": "destination-is-unknown",
    "fails": "destination-fails",
    "rings": "destination-rings",
    "breaks": "destination-breaks",
    "redirects": "destination-redirects",
    "desk": "destination-answers",  # no gateway leads there
}


# What the switch can play, a second each.
PROMPTS = ("closed", "nobody-there")


@pytest.fixture(scope="session")
def folder(tmp_path_factory) -> Path:
    """Where everything that runs leaves its logs."""
    return tmp_path_factory.mktemp("scenario")


@pytest.fixture(scope="session")
def destinations(folder) -> Iterator[dict[str, Destination | Phone]]:
    """The parties behind the gateways."""
    assert SIPP, "install SIPp: the package sip-tester"
    parties: dict[str, Destination | Phone] = {
        name: Destination(scenario, folder, port=free_port())
        for name, scenario in DESTINATIONS.items()
    }
    parties["keypad"] = Phone()
    yield parties
    for party in parties.values():
        party.stop()


class Stack:
    """Everything that runs, and ways to look at it.

    Attributes:
        caller: places calls.
        destinations: by the gateway's name.
        switch: where calls arrive.
        watch: a link of the test's own to it.
        postgres: the server.
    """

    def __init__(
        self,
        postgres: EmbeddedPostgres,
        folder: Path,
        destinations: dict[str, Destination | Phone],
    ) -> None:
        self.destinations = destinations
        self.postgres = postgres
        dsn = postgres.dsn
        self._folder = folder
        self.dsn = dsn
        self._file = folder / "reference.yaml"
        self._log = folder / "engine.log"
        engine_port = free_port(socket.SOCK_STREAM)
        self.engines = f"127.0.0.1:{engine_port}"
        self.switch: Switch = start_switch(self.engines, folder)
        self.watch = Watch(self.switch)
        self.metrics_port = free_port(socket.SOCK_STREAM)
        for prompt in PROMPTS:
            _record(folder / f"{prompt}.wav")
        self._environment = {
            **os.environ,
            "CALLCONTROL_DSN": dsn,
            "CALLCONTROL_JOURNAL": str(folder / "journal.sqlite"),
            "CALLCONTROL_ENGINE": "engine-1",
            "CALLCONTROL_ANNOUNCE_PRICES": "elsewhere",
            "CALLCONTROL_LISTEN_PORT": str(engine_port),
            "CALLCONTROL_PROMPTS": str(folder),
            "CALLCONTROL_METRICS_PORT": str(self.metrics_port),
            "CALLCONTROL_SWITCH_PORT": str(self.switch.event_socket_port),
            "CALLCONTROL_SWITCH_PASSWORD": PASSWORD,
            "CALLCONTROL_SWITCH_CDRS": str(folder),
        }
        self.caller = Caller(self.switch.sip_port, folder)
        self._engine: subprocess.Popen[bytes] | None = None

    def command(self, *words: str) -> str:
        """Run a command as an operator would, and give what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "callcontrol", *words],
            capture_output=True,
            text=True,
            env=self._environment,
            cwd=ROOT,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refused(self, *words: str) -> str:
        """Run a command whose answer is no, and give what it printed, errors too."""
        done = subprocess.run(
            [sys.executable, "-m", "callcontrol", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self._environment,
            cwd=ROOT,
            check=False,
        )
        assert done.returncode in {1, 2}, done.stdout
        return done.stdout

    def load_refused(self, before: str, after: str) -> str:
        """Try to load the reference with other words in it; gives why it was refused."""
        text = self._file.read_text(encoding="utf-8")
        assert before in text
        changed = self._folder / "refused.yaml"
        changed.write_text(text.replace(before, after), encoding="utf-8")
        return self.refused("load", str(changed))

    def changed(self, make: Callable[[], object]) -> None:
        """Make a change, and wait until the engine has it."""
        before = self.engine_log().count('"reference_loaded"')
        make()
        self.eventually(lambda: self.engine_log().count('"reference_loaded"') > before)

    def differences(self, since: datetime) -> list[dict[str, str]]:
        """Compare the switch's own records and calls with ours, as an operator would."""
        done = subprocess.run(
            [
                sys.executable, "-m", "callcontrol", "reconcile", "--json", "--grace", "0",
                "--since", since.isoformat(),
            ],
            capture_output=True,
            text=True,
            env=self._environment,
            cwd=ROOT,
            check=False,
        )  # fmt: skip
        assert done.returncode in {0, 1}, done.stderr
        found = json.loads(done.stdout)
        assert found["unreadable_lines"] == 0
        assert done.returncode == bool(found["differences"])
        return found["differences"]

    def query(self, sql: str) -> None:
        """Meddle with Postgres."""
        run(self.dsn, _execute, sql)

    def is_locked(self, table: str) -> bool:
        """Say whether somebody keeps all others from a table."""
        return run(self.dsn, _is_locked, table)

    @property
    def journal(self) -> Path:
        """The engine's journal."""
        return self._folder / "journal.sqlite"

    @property
    def kept_reference(self) -> Path:
        """The last good reference, on the engine's disk."""
        return self._folder / "journal.reference.yaml"

    def load(self) -> None:
        """Write the scenarios' reference to Postgres."""
        ports = {name: party.port for name, party in self.destinations.items()}
        ports["nobody"] = free_port()
        text = REFERENCE.read_text(encoding="utf-8")
        filled = re.sub(r"@([a-z-]+)@", lambda found: str(ports[found[1]]), text)
        self._file.write_text(filled, encoding="utf-8")
        self.command("migrate")
        self._load()

    def _load(self) -> None:
        self.command("load", str(self._file))

    def start_engine(self) -> None:
        """Start the engine and wait until it takes calls."""
        self._log_begins = self._log.stat().st_size if self._log.exists() else 0
        with self._log.open("ab") as log:
            self._engine = subprocess.Popen(
                [sys.executable, "-m", "callcontrol", "serve"],
                stdout=subprocess.DEVNULL,
                stderr=log,
                env=self._environment,
                cwd=ROOT,
            )
        eventually(self.is_ready, within_s=20)

    def stop_engine(self) -> None:
        """Stop the engine politely."""
        assert self._engine is not None
        self._engine.send_signal(signal.SIGTERM)
        self._engine.wait(60)

    @contextmanager
    def engine_with(self, **settings: str) -> Iterator[None]:
        """Have the engine run with other settings meanwhile."""
        before = dict(self._environment)
        self._environment |= {
            f"CALLCONTROL_{name.upper()}": is_ for name, is_ in settings.items()
        }
        try:
            self.stop_engine()
            self.start_engine()
            yield
        finally:
            self._environment = before
            self.stop_engine()
            self.start_engine()

    def signal_engine(self, number: int) -> None:
        """Send the engine a signal."""
        assert self._engine is not None
        self._engine.send_signal(number)

    def kill_engine(self) -> None:
        """Kill the engine, as a crash would."""
        assert self._engine is not None
        self._engine.kill()
        self._engine.wait(10)

    def kill_switch(self) -> None:
        """Kill the switch with its calls, as a crash would."""
        self.switch.kill()

    def stop_switch(self) -> None:
        """Stop the switch politely: it ends its calls."""
        self.switch.stop()

    def start_switch(self, *, is_engine_up: bool = True) -> None:
        """Start the switch again where it was, and wait until the engine has it, and we."""
        self.switch = start_switch(self.engines, self._folder, like=self.switch)
        eventually(self.watch.is_up, within_s=20)
        if is_engine_up:
            eventually(self.is_ready, within_s=20)

    def lose_journal(self) -> None:
        """Lose the engine's journal, as with a disk; what waited in it was shipped before."""
        for path in self._folder.glob(f"{self.journal.name}*"):
            path.unlink()

    def engine_processes(self) -> list[int]:
        """Give the ids of the engine's process and its children."""
        assert self._engine is not None
        pid = self._engine.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *map(int, children)]

    def engine_log(self) -> str:
        """Give what the engine now running has logged."""
        return self._log.read_bytes()[self._log_begins :].decode()

    def forget_log(self) -> None:
        """Have the engine's log begin here."""
        self._log_begins = self._log.stat().st_size

    def calls_answered(self) -> int:
        """Count the calls that the engine now running has seen answered."""
        return self.engine_log().count('"call_answered"')

    def load_changed(self, before: str, after: str) -> Callable[[], None]:
        """Load the reference with other words in it; gives what puts it back."""
        text = self._file.read_text(encoding="utf-8")
        assert before in text
        changed = self._folder / "changed.yaml"
        changed.write_text(text.replace(before, after), encoding="utf-8")
        self.command("load", str(changed))
        return self._load

    def readiness(self) -> str:
        """Give what the engine says of its readiness."""
        with urllib.request.urlopen(f"{self._health}/readyz", timeout=2) as answer:
            return answer.read().decode()

    def is_ready(self) -> bool:
        """Say whether the engine takes calls."""
        return is_ready(self.metrics_port)

    def metric(self, name: str) -> float:
        """Give the sum of a metric's samples."""
        pattern = rf"^{re.escape(name)}(?:\{{.*?\}})? (\S+)$"
        return sum(map(float, re.findall(pattern, self.metrics_text(), re.MULTILINE)))

    def metrics_text(self) -> str:
        """Give all figures, as Prometheus reads them."""
        with urllib.request.urlopen(f"{self._health}/metrics", timeout=5) as answer:
            text: str = answer.read().decode()
        return text

    def cdrs(self, number: str) -> list[dict[str, Any]]:
        """Read the records of a number from Postgres, oldest first."""
        return self._records(CdrFilter(number=number, limit=1000))[::-1]

    def all_cdrs(self) -> list[dict[str, Any]]:
        """Read all records from Postgres, oldest first."""
        return self._records(CdrFilter(limit=10_000))[::-1]

    def _records(self, wanted: CdrFilter) -> list[dict[str, Any]]:
        """Read records, as `callcontrol cdrs --json --operator` prints them."""
        return [shown(cdr, operator=True) for cdr in run(self.dsn, find_cdrs, wanted)]

    def recorded(self, number: str) -> int:
        """Count a number's records, once no earlier call of it waits for its own."""
        self.eventually(lambda: number not in self._not_recorded())
        return len(self.cdrs(number))

    def _not_recorded(self) -> set[str]:
        """Give the numbers whose calls have a journal entry and no record in Postgres yet."""
        if not self.journal.is_file():
            return set()
        with read_only(self.journal) as (_, open_calls, _aside):
            drafts = [str(call.merged["draft"]) for call in open_calls]
        waiting = [pending.body for pending in records_in(self.journal)]
        return {json.loads(body)["number"] for body in (*drafts, *waiting)}

    def wait_for_cdrs(self, number: str, count: int) -> None:
        """Wait until so many records of a number are in Postgres."""
        eventually(lambda: len(self.cdrs(number)) >= count, within_s=30, every_s=0.2)

    def newest_cdr(self, *, dialled: str) -> dict[str, Any]:
        """Wait for the newest record and give it, once it is of a call to what was dialled."""
        newest: list[dict[str, Any]] = []

        def is_there() -> bool:
            newest[:] = self._records(CdrFilter(limit=1))
            return bool(newest) and newest[0]["dialled"] == dialled

        eventually(is_there, within_s=15, every_s=0.1)
        return newest[0]

    def cdr_of_new_call(self, number: str, already: int) -> dict[str, Any]:
        """Wait for the record of the call just made and give it."""
        eventually(lambda: len(self.cdrs(number)) > already, within_s=15, every_s=0.1)
        rows = self.cdrs(number)
        assert len(rows) == already + 1
        return rows[-1]

    def eventually(self, look: Callable[[], T], *, within_s: float = 15) -> T:
        """Wait until a look gives something true, and give that."""
        seen: list[T] = []

        def holds() -> bool:
            seen[:] = [look()]
            return bool(seen[0])

        eventually(holds, within_s=within_s, every_s=0.1)
        return seen[0]

    @contextmanager
    def talking(self, dialled: str, *, talk_ms: int) -> Iterator[None]:
        """Have a call go on beside; it is over when this ends."""
        call = gevent.spawn(self.caller.call, dialled, talk_ms=talk_ms)
        try:
            yield
        finally:
            call.get(timeout=60)

    def stop(self) -> None:
        """End engine and switch."""
        self.watch.stop()
        if self._engine is not None and self._engine.poll() is None:
            self.stop_engine()
        self.switch.stop()

    @property
    def _health(self) -> str:
        return f"http://127.0.0.1:{self.metrics_port}"


async def _is_locked(connection: Connection, table: str) -> bool:
    found = await connection.fetchval(
        "SELECT count(*) FROM pg_locks WHERE relation = $1::text::regclass"
        " AND mode = 'AccessExclusiveLock' AND granted",
        table,
    )
    return bool(found)


async def _execute(connection: Connection, sql: str) -> None:
    await connection.execute(sql)


def _record(file: Path) -> None:
    """Record a second of silence."""
    with wave.open(str(file), "wb") as prompt:
        prompt.setnchannels(1)
        prompt.setsampwidth(2)
        prompt.setframerate(8000)
        prompt.writeframes(bytes(2 * 8000))


@pytest.fixture(scope="session")
def stack(folder, destinations) -> Iterator[Stack]:
    """Postgres, switch and engine, running."""
    with EmbeddedPostgres() as postgres:
        running = Stack(postgres, folder, destinations)
        try:
            running.load()
            running.watch.start()
            running.start_engine()
            yield running
        finally:
            running.stop()
