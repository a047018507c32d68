"""A real FreeSWITCH with what calls it, what answers, and the engine: started and measured.

Two switches with the configuration in freeswitch-conf: `ours` hands its calls to `callcontrol
serve`, `direct` bridges them by its dialplan and knows no engine. Both have the limit of new
legs a second out of the way. SIPp calls and answers.
"""

from __future__ import annotations

import csv
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from callcontrol.store import EmbeddedPostgres
from tests.processes import cpu_s, is_ready
from tests.scenario.parties import CALLER, SCENARIOS, SIPP, free_port
from tests.scenario.switches import CONFIGURATION, PASSWORD, RealSwitch
from tests.waiting import eventually

WAYS = ("direct", "ours")
_NUMBER = "0900123456"
_DESTINATION = "+41445550190"
_IDLE_S = 10.0

_DIRECT = f"""
    <extension name="direct">
      <condition>
        <action application="set" data="hangup_after_bridge=true"/>
        <action application="bridge" data="sofia/external/{_DESTINATION}@127.0.0.1:@PORT@"/>
      </condition>
    </extension>
"""

_REFERENCE = f"""
gateways: {{trunk: {{host: 127.0.0.1, port: @PORT@}}}}
customers: {{acme: {{}}}}
tariffs:
  hotline:
    - {{category: "0900", rounding: {{to: "0.10"}}, levels: {{1: {{per_minute: "1.50"}}}}}}
numbers:
  "+41{_NUMBER[1:]}":
    customer: acme
    tariff: hotline
    default_route: all
    routes:
      all: {{steps: [{{targets: [{{address: "{_DESTINATION}", gateways: [trunk]}}]}}]}}
    settlement:
      share: "0.7"
      transport_per_minute: {{voip: "0", fixed: "0.02", mobile: "0.1", international: "0.3"}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What one round of calls needed.

    Attributes:
        calls: that went as they should.
        failed: that did not.
        took_s: from the first to the end of the last.
        cpu_s: of each process, by its name.
        answers_ms: from the INVITE to its answer, of each call.
    """

    calls: int
    failed: int
    took_s: float
    cpu_s: Mapping[str, float]
    answers_ms: list[float]


class System:
    """One switch, what answers behind it, and the engine if there is one.

    Args:
        pids: of the processes whose CPU counts, by name.
        sip_port: where the switch takes calls.
        folder: for what SIPp writes.
    """

    def __init__(self, pids: Mapping[str, int], sip_port: int, folder: Path) -> None:
        self._pids = pids
        self._sip_port = sip_port
        self._folder = folder
        self._script = folder / "caller.xml"
        text = (SCENARIOS / "caller-hangs-up.xml").read_text(encoding="utf-8")
        for old, new in (
            ("@DIALLED@", _NUMBER),
            ("@FROM@", f"<sip:{CALLER}@127.0.0.1>"),
            ("@HEADERS@", "Subject: bench"),
            ('<send retrans="500">', '<send retrans="500" start_rtd="1">'),
            ('<recv response="200" rrs="true"/>', '<recv response="200" rrs="true" rtd="1"/>'),
        ):
            text = text.replace(old, new, 1 if old.startswith("<send") else -1)
        self._script.write_text(text, encoding="utf-8")

    def idle(self) -> dict[str, float]:
        """Give the CPU seconds a second that each process needs while nobody calls."""
        before = self._cpu_s()
        time.sleep(_IDLE_S)
        return {name: (used - before[name]) / _IDLE_S for name, used in self._cpu_s().items()}

    def play(
        self, calls: int, *, talk_s: float, per_second: float, at_once: int | None = None
    ) -> Round:
        """Place calls and wait for the end of the last.

        Args:
            calls: how many.
            talk_s: how long each lasts from its answer.
            per_second: how many are begun a second;
            at_once: as long as no more than this are in progress.
        """
        for old in self._folder.glob("caller_*"):
            old.unlink()
        before, started_s = self._cpu_s(), time.monotonic()
        subprocess.run(
            [
                SIPP or "sipp", "-sf", str(self._script), f"127.0.0.1:{self._sip_port}",
                "-i", "127.0.0.1", "-p", str(free_port()), "-mp", str(free_port()),
                "-m", str(calls), "-r", f"{per_second:g}", "-l", str(at_once or calls),
                "-d", f"{talk_s * 1000:.0f}", "-nostdin", "-trace_rtt", "-rtt_freq", "1",
                "-trace_stat", "-fd", "1", "-timeout", "300",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd=self._folder,
            check=False,
        )  # fmt: skip
        took_s = time.monotonic() - started_s
        used = {name: now - before[name] for name, now in self._cpu_s().items()}
        [statistic] = self._rows("caller_*_.csv")[-1:]
        answers = self._rows("caller_*_rtt.csv")
        return Round(
            calls=int(statistic["SuccessfulCall(C)"]),
            failed=int(statistic["FailedCall(C)"]),
            took_s=took_s,
            cpu_s=used,
            answers_ms=[float(row["response_time_ms"]) for row in answers],
        )

    def _rows(self, pattern: str) -> list[dict[str, str]]:
        [path] = self._folder.glob(pattern)
        with path.open(encoding="ascii", newline="") as file:
            return list(csv.DictReader(file, delimiter=";"))

    def _cpu_s(self) -> dict[str, float]:
        return {name: cpu_s(pid) for name, pid in self._pids.items()}


@contextmanager
def systems(program: str) -> Iterator[dict[str, System]]:
    """Start everything; gives the two systems by their names."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres = stack.enter_context(EmbeddedPostgres())
        destination_port, engine_port = free_port(), free_port(socket.SOCK_STREAM)
        stack.enter_context(_destination(destination_port, folder))
        made = {}
        for n, way in enumerate(WAYS):
            home = folder / way
            home.mkdir()
            switch = RealSwitch(
                program,
                f"127.0.0.1:{engine_port}",
                home,
                configuration=_configured(home, way, destination_port),
                first_rtp=20_000 + n * 6000,
            )
            stack.callback(switch.stop)
            pids = {"switch": switch.pid}
            if way == "ours":
                pids["engine"] = stack.enter_context(
                    _engine(switch, postgres.dsn, home, engine_port, destination_port)
                )
            made[way] = System(pids, switch.sip_port, home)
        yield made


def _configured(home: Path, way: str, destination_port: int) -> Path:
    """Copy the switch's configuration; its limits may not be what is measured."""
    configuration = home / "conf"
    shutil.copytree(CONFIGURATION, configuration)
    core = configuration / "autoload_configs" / "switch.conf.xml"
    text = core.read_text(encoding="utf-8")
    text = re.sub(r'("sessions-per-second" value=)"\d+"', r'\1"5000"', text)
    core.write_text(text, encoding="utf-8")
    if way == "direct":
        trunk = configuration / "dialplan" / "trunk.xml"
        text = trunk.read_text(encoding="utf-8")
        extension = _DIRECT.replace("@PORT@", str(destination_port))
        text = re.sub(r"<extension .*</extension>", extension, text, flags=re.DOTALL)
        trunk.write_text(text, encoding="utf-8")
    return configuration


@contextmanager
def _destination(port: int, folder: Path) -> Iterator[None]:
    """Have a party answer at once, any number of calls."""
    process = subprocess.Popen(
        [
            SIPP or "sipp", "-sf", str(SCENARIOS / "destination-answers.xml"),
            "-i", "127.0.0.1", "-p", str(port), "-mp", str(free_port()),
            "-d", "0", "-nostdin",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folder,
    )  # fmt: skip
    try:
        yield
    finally:
        process.kill()
        process.wait()


@contextmanager
def _engine(
    switch: RealSwitch, dsn: str, home: Path, port: int, destination_port: int
) -> Iterator[int]:
    """Run the engine; gives its process id."""
    reference = home / "reference.yaml"
    text = _REFERENCE.replace("@PORT@", str(destination_port))
    reference.write_text(text, encoding="utf-8")
    metrics = free_port(socket.SOCK_STREAM)
    environment = {
        **os.environ,
        "CALLCONTROL_DSN": dsn,
        "CALLCONTROL_JOURNAL": str(home / "journal.sqlite"),
        "CALLCONTROL_ENGINE": "bench",
        "CALLCONTROL_ANNOUNCE_PRICES": "elsewhere",
        "CALLCONTROL_LISTEN_PORT": str(port),
        "CALLCONTROL_METRICS_PORT": str(metrics),
        "CALLCONTROL_SWITCH_PORT": str(switch.event_socket_port),
        "CALLCONTROL_SWITCH_PASSWORD": PASSWORD,
        "CALLCONTROL_SWITCH_CDRS": str(home),
    }
    callcontrol = [sys.executable, "-m", "callcontrol"]
    for words in (["migrate"], ["load", str(reference)]):
        subprocess.run(
            [*callcontrol, *words], env=environment, check=True, stdout=subprocess.DEVNULL
        )
    with (home / "engine.log").open("wb") as log:
        engine = subprocess.Popen([*callcontrol, "serve"], env=environment, stderr=log)
    try:
        eventually(lambda: is_ready(metrics), within_s=30)
        yield engine.pid
    finally:
        engine.terminate()
        engine.wait(60)
