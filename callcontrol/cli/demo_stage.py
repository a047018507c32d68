"""The stage of the demo: Postgres, switch, destinations and engine, each its own process."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.request
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from rich.console import Console
from rich.table import Table

from callcontrol.clock import SystemClock, at_of, us_of
from callcontrol.errors import ConfigError
from callcontrol.reference import Reference
from callcontrol.reference_file import read_reference_file
from callcontrol.store.embedded import EmbeddedPostgres
from dialplan import parse_number, printed
from tariffs import Meter

_PASSWORD = "demo"  # of a switch on the loopback that lives for a minute
_START_S = 30.0

# The ports that the reference file gives its trunks; free ones take their place. Nobody listens
# at the last.
_TRUNK_PORTS = ("5090", "5091", "5092", "5099")
_RULES = (r"\+41445550102=busy", r".*=answer:300")


@dataclass(frozen=True, slots=True)
class Announced:
    """One call and what is announced of it.

    Attributes:
        says: what the call shows.
        number: the number dialled.
        sender: the caller's number.
        final: the SIP answer that the caller is to get.
        disposition: what its record is to say.
        talk_s: how long the caller talks, in seconds.
        privacy: the Privacy header; None: nothing is withheld.
    """

    says: str
    number: str
    sender: str
    final: int
    disposition: str
    talk_s: float = 2.0
    privacy: str | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """A call that is over, as its caller saw it."""

    announced: Announced
    final: int


class Stage:
    """Starts everything, places calls, reads what became of them; a context manager.

    Args:
        console: where it tells.
        reference_file: the reference to load, with the trunks' ports replaced.

    Raises:
        ConfigError: something does not start; the sentence says what.
    """

    def __init__(self, console: Console, reference_file: Path) -> None:
        self._console = console
        self._reference_file = reference_file
        self._running = ExitStack()
        self._environment = {**os.environ, "CALLCONTROL_LOG_LEVEL": "info"}

    def __enter__(self) -> Self:
        """Start everything, what is needed first first."""
        try:
            self._start()
        except BaseException:
            self._running.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop everything, the other way round."""
        self._running.close()

    def place(
        self, calls: Iterable[Announced], *, a_second: int = 2, is_told: bool = True
    ) -> list[Ended]:
        """Place calls and wait until the last is over.

        Args:
            calls: in this order.
            a_second: how many are begun a second.
            is_told: whether each is told when it is over.
        """
        announced = list(calls)
        lines = "".join(
            json.dumps(
                {
                    "label": str(index),
                    "number": call.number,
                    "sender": call.sender,
                    "identity": f"<sip:{call.sender}@127.0.0.1>",
                    "talk_s": call.talk_s,
                    "after_s": index / a_second,
                    **({"privacy": call.privacy} if call.privacy else {}),
                }
            )
            + "\n"
            for index, call in enumerate(announced)
        )
        with tempfile.TemporaryFile() as file:
            file.write(lines.encode())
            file.seek(0)
            words = ("-m", "switchsim.phones", "call", "--to", self._sip, "--file", "-")
            caller = self._python(*words, stdin=file, stdout=subprocess.PIPE)
        ended = []
        for line in _lines(caller):
            told = json.loads(line)
            call = announced[int(told["label"])]
            ended.append(Ended(call, told["final"]))
            if is_told:
                self._tell(call, told)
        caller.wait()
        return ended

    def records(self, count: int) -> list[dict[str, Any]]:
        """Wait until so many records are in Postgres and give them, oldest first."""
        found: list[dict[str, Any]] = []

        def are_there() -> bool:
            found[:] = json.loads(
                self._callcontrol("cdrs", "--json", "--operator", "--limit", "1000")
            )
            return len(found) >= count

        _wait_for(are_there, f"{count} records in Postgres")
        return found[::-1]

    def print_records(self, records: Sequence[dict[str, Any]]) -> None:
        """Show records as a table."""
        table = Table(
            "number", "caller", "ended", "by", "SIP", "attempts", "metered", "charge", "rule"
        )
        for record in records:
            charge = record["charge"]
            table.add_row(
                printed(parse_number(record["number"] or record["dialled"])),
                "withheld" if record["caller_withheld"] else record["caller"],
                record["disposition"],
                record["released_by"],
                str(record["sip_code"]),
                "\n".join(
                    f"{one['gateway'] or one['target']} "
                    f"{'answered' if one['is_answered'] else one['cause']}"
                    for one in record["attempts"]
                ),
                f"{record['metered_us'] / 1_000_000:.2f} s",
                f"{charge['currency']} {charge['gross']}" if charge else "",
                record["rule"],
            )
        self._console.print(table)

    def print_figures(self) -> None:
        """Show what the engine's own metrics say of its speed."""
        text = self._get("/metrics")
        for name, says in (
            (
                "callcontrol_first_command_seconds",
                "from the switch's connect to our first command",
            ),
            ("callcontrol_decision_seconds", "to decide a call"),
        ):
            median = _quantile(text, name, 0.5)
            most = _quantile(text, name, 0.95)
            self._console.print(
                f"{says}: median {median * 1000:.2f} ms, 95 % within {most * 1000:.2f} ms"
            )

    def faults(self, ended: Sequence[Ended], records: Sequence[dict[str, Any]]) -> list[str]:
        """Compare what was announced with what callers saw and what the records say."""
        faults = [
            f"{one.announced.says}: the caller got {one.final}, not {one.announced.final}"
            for one in ended
            if one.final != one.announced.final
        ]
        expected = sorted(
            (one.announced.number, one.announced.sender, one.announced.disposition)
            for one in ended
        )
        recorded = sorted(
            (record["dialled"], record["caller_raw"], record["disposition"])
            for record in records
        )
        if recorded != expected:
            faults.append(f"the records say {recorded}, announced was {expected}")
        faults += filter(None, map(self._charge_fault, records))
        return faults

    def wait_for_interrupt(self) -> None:
        """Tell how to reach what is running and leave it so until Ctrl-C."""
        for name in ("CALLCONTROL_DSN", "CALLCONTROL_SWITCH_PORT", "CALLCONTROL_METRICS_PORT"):
            self._console.print(f"export {name}='{self._environment[name]}'")
        self._console.print(
            f"SIP arrives at {self._sip}; twenty calls a minute to it:\n"
            f"  {sys.executable} -m switchsim.phones call --to {self._sip} --number 0901123456 "
            "--from +41795550004 --count 200 --rate 0.33 --talk 30\n"
            "With the three lines above, `callcontrol top` shows them in another terminal. "
            "Ctrl-C ends it all.",
            soft_wrap=True,
        )
        try:
            signal.pause()
        except KeyboardInterrupt:
            self._console.print("stopping")

    def _start(self) -> None:
        folder = Path(
            self._running.enter_context(tempfile.TemporaryDirectory(prefix="callcontrol-demo-"))
        )
        self._console.print("Postgres …")
        postgres = self._running.enter_context(EmbeddedPostgres())
        self._environment |= {
            "CALLCONTROL_DSN": postgres.dsn,
            "CALLCONTROL_JOURNAL": str(folder / "journal.sqlite"),
            "CALLCONTROL_ENGINE": "demo",
            "CALLCONTROL_ANNOUNCE_PRICES": "elsewhere",
            "CALLCONTROL_LISTEN_PORT": str(_free_port()),
            "CALLCONTROL_METRICS_PORT": str(_free_port()),
            "CALLCONTROL_SWITCH_PASSWORD": _PASSWORD,
        }
        self._callcontrol("migrate")
        self._console.print("destinations …")
        reference = self._with_ports(folder, self._start_destinations())
        self._reference = _read(reference)
        self._callcontrol("load", str(reference))
        self._console.print("the stand-in switch …")
        self._start_switch()
        self._console.print("the engine …")
        self._start_engine(folder)

    def _start_destinations(self) -> list[str]:
        """Start the parties behind the trunks and give their ports, the dead one last."""
        trunks = _TRUNK_PORTS[:-1]
        phones = self._python(
            "-m", "switchsim.phones", "answer",
            *(word for _ in trunks for word in ("--bind", "127.0.0.1:0")),
            *(word for rule in _RULES for word in ("--rule", rule)),
            stdout=subprocess.PIPE,
        )  # fmt: skip
        ready = _first_line(phones, "the destinations")
        _drain(phones)
        return [address.rpartition(":")[2] for address in ready["sip"]] + [str(_free_port())]

    def _with_ports(self, folder: Path, ports: Sequence[str]) -> Path:
        text = self._reference_file.read_text(encoding="utf-8")
        for written, port in zip(_TRUNK_PORTS, ports, strict=True):
            text = re.sub(rf"\b{written}\b", port, text)
        file = folder / self._reference_file.name
        file.write_text(text, encoding="utf-8")
        return file

    def _start_switch(self) -> None:
        engine = f"127.0.0.1:{self._environment['CALLCONTROL_LISTEN_PORT']}"
        switch = self._python(
            "-m", "switchsim", "--sip", "127.0.0.1:0", "--event-socket", "127.0.0.1:0",
            "--password-env", "CALLCONTROL_SWITCH_PASSWORD", "--socket", engine,
            stdout=subprocess.PIPE,
        )  # fmt: skip
        ready = _first_line(switch, "the stand-in switch")
        self._sip: str = ready["sip"]
        self._environment["CALLCONTROL_SWITCH_PORT"] = ready["event_socket"].rpartition(":")[2]

    def _start_engine(self, folder: Path) -> None:
        log = folder / "engine.log"
        with log.open("wb") as lines:
            engine = self._python("-m", "callcontrol", "serve", stderr=lines)

        def is_ready() -> bool:
            if engine.poll() is not None:
                raise ConfigError(f"the engine did not start: {log.read_text().strip()}")
            try:
                self._get("/readyz")
            except OSError:
                return False
            return True

        _wait_for(is_ready, "the engine")

    def _python(
        self,
        *words: str,
        stdin: IO[bytes] | None = None,
        stdout: int | None = None,
        stderr: IO[bytes] | None = None,
    ) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, *words],
            env=self._environment,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
        )
        self._running.callback(_end, process)
        return process

    def _callcontrol(self, *words: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "callcontrol", *words],
            capture_output=True,
            text=True,
            env=self._environment,
            check=False,
        )
        if done.returncode:
            raise ConfigError(done.stderr.strip())
        return done.stdout

    def _get(self, path: str) -> str:
        port = self._environment["CALLCONTROL_METRICS_PORT"]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            text: str = answer.read().decode()
        return text

    def _tell(self, call: Announced, told: dict[str, Any]) -> None:
        caller = "withheld" if call.privacy else call.sender
        talked = f", talked {told['talk_ms'] / 1000:.1f} s" if told["answered"] else ""
        self._console.print(
            f"  {printed(parse_number(call.number))}  from {caller:<13} {told['final']}{talked}"
            f"  [dim]{call.says}[/dim]"
        )

    def _charge_fault(self, record: dict[str, Any]) -> str | None:
        """Price a record again, from the file's prices and the record's times."""
        if record["charge"] is None:
            return None
        start, end = (
            datetime.fromisoformat(record[name]) for name in ("answered_at", "released_at")
        )
        tariff = self._reference.tariff_at(record["tariff"], start)
        if tariff is None:
            return f"{record['call_id']}: no tariff {record['tariff']}"
        meter = Meter(tariff, level=record["level_at_start"], start_us=us_of(start))
        charge = meter.stop(us_of(end)).charge
        if charge == Decimal(record["charge"]["gross"]):
            return None
        return f"{record['call_id']}: charged {record['charge']['gross']}, not {charge}"


def _read(file: Path) -> Reference:
    _, reference = read_reference_file(file, at=at_of(SystemClock().now_us()))
    return reference


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _first_line(process: subprocess.Popen[bytes], what: str) -> dict[str, Any]:
    line = _lines(process).readline()
    if not line:
        raise ConfigError(f"{what} did not start")
    ready: dict[str, Any] = json.loads(line)
    return ready


def _drain(process: subprocess.Popen[bytes]) -> None:
    """Read what a process goes on to say, so that it never waits for us."""
    threading.Thread(target=lambda: deque(_lines(process), maxlen=0), daemon=True).start()


def _lines(process: subprocess.Popen[bytes]) -> IO[bytes]:
    if process.stdout is None:
        raise ValueError("the process was started without a pipe to read from")
    return process.stdout


def _wait_for(holds: Callable[[], bool], what: str) -> None:
    clock = SystemClock()
    until_s = clock.monotonic_s() + _START_S
    pause = threading.Event()
    while not holds():
        if clock.monotonic_s() > until_s:
            raise ConfigError(f"{what}: not there within {_START_S:g} s")
        pause.wait(0.1)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _quantile(text: str, name: str, share: float) -> float:
    """Estimate a quantile from a histogram's buckets, in the histogram's unit."""
    buckets = [
        (float(bound), float(count))
        for bound, count in re.findall(rf'^{name}_bucket{{le="([^"]+)"}} (\S+)$', text, re.M)
    ]
    wanted = buckets[-1][1] * share
    below, reached = 0.0, 0.0
    for bound, count in buckets:
        if count >= wanted:
            return below + (bound - below) * (wanted - reached) / max(1.0, count - reached)
        below, reached = bound, count
    return below
