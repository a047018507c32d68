"""What a call costs the whole engine: `callcontrol serve` as it is, on a recorded call.

    python -m bench.whole_engine [--calls 2000] [--per-second 50] [--saturate 64]
        [--workers 2] [--numbers 100000] [--lines 1000000] [--up 10000]

The process started plays the switch, Postgres is a throw-away one; the engine decides, meters,
journals to the disk, and ships to Postgres. Only its CPU is counted, all threads of it. Each
call answers `connect`, awaits the bridge, gets the recorded events up to the bridge and, half a
second later, its end over the engine's link. `--saturate N` keeps N calls in set-up at once, as
fast as the engine takes them, instead of a rate.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import gevent
from gevent import get_hub, socket
from gevent.lock import RLock
from gevent.pool import Pool
from gevent.server import StreamServer

from bench.played_call import OK, PlayedCall, commands_in
from bench.reference_rows import fill
from callcontrol.store import Connection, EmbeddedPostgres, run
from tests.processes import cpu_s, is_ready, resident_bytes
from tests.scenario.parties import free_port
from tests.waiting import eventually

TALK_S = 0.5

REFERENCE = """
gateways: {trunk: {host: 127.0.0.1, port: 5090}}
customers: {acme: {}}
tariffs:
  hotline: [{category: "0900", rounding: {to: "0.10"}, levels: {1: {per_minute: "1.50"}}}]
numbers:
  "+41900123456":
    customer: acme
    tariff: hotline
    default_route: all
    routes: {all: {steps: [{targets: [{address: "+41445550190", gateways: [trunk]}]}]}}
    settlement:
      share: "0.7"
      transport_per_minute: {voip: "0", fixed: "0.02", mobile: "0.1", international: "0.3"}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What was measured.

    Attributes:
        calls: how many were played.
        cpu_ms: of the engine, a call.
        p50_ms, p99_ms: from the connection to the engine's bridge command.
        per_second: calls set up a second, by the clock.
        records: in Postgres afterwards.
    """

    calls: int
    cpu_ms: float
    p50_ms: float
    p99_ms: float
    per_second: float
    records: int

    @property
    def per_core(self) -> float:
        """Give the calls a second that one core can take."""
        return 1000 / self.cpu_ms if self.cpu_ms else 0.0


def bridges(commands: bytes) -> bool:
    """Say whether a bridge has been asked for, to the last byte of its argument."""
    *_, bridge = commands.partition(b"execute-app-name: bridge\n")
    length = re.search(rb"content-length: (\d+)\n\n", bridge)
    return length is not None and len(bridge) - length.end() >= int(length[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Of an engine, and of what it has to deal with.

    Attributes:
        workers: its processes.
        numbers, lines: more numbers in its reference, and lines in its blacklist.
        up: calls in progress all the while.
    """

    workers: int = 1
    numbers: int = 0
    lines: int = 0
    up: int = 0


class Switch:
    """Plays calls, and answers the engine's link.

    Args:
        talk_s: how long calls last.
    """

    def __init__(self, talk_s: float = TALK_S) -> None:
        self.talk_s = talk_s
        self.legs: set[str] = set()
        self._links: set[socket.socket] = set()
        self.to_bridge_s: list[float] = []
        self._writing = RLock()
        self.server = StreamServer(("127.0.0.1", 0), self._on_link)
        self.server.start()

    def call(self, port: int) -> None:
        """Play one call to its bridge; its end comes later, over the link."""
        call = PlayedCall()
        self.legs.add(call.leg)
        sock = socket.create_connection(("127.0.0.1", port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        started_s = time.monotonic()
        said, pending = b"", b""
        while b"execute-app-name: bridge" not in said:
            data = sock.recv(65536)
            if not data:
                raise ConnectionError(f"the engine left: {said[-300:]!r}")
            commands, pending = commands_in(pending + data)
            for one in commands:
                sock.sendall(OK if said else call.channel())
                said += one
        self.to_bridge_s.append(time.monotonic() - started_s)
        sock.sendall(call.up_to_bridge(said))
        gevent.spawn_later(self.talk_s, self._end, call)
        while sock.recv(65536):
            pass  # the engine lets go once both legs are bridged
        sock.close()

    def _end(self, call: PlayedCall) -> None:
        self.legs.discard(call.leg)
        end = call.end()
        with self._writing:
            for link in self._links:
                with suppress(OSError):
                    link.sendall(end)

    def _on_link(self, sock: socket.socket, _: object) -> None:
        """Take the engine's link and answer whatever it asks."""
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(b"Content-Type: auth/request\n\n")
        pending = b""
        with suppress(OSError):  # the engine may be gone
            while data := sock.recv(65536):
                *commands, pending = (pending + data).split(b"\n\n")
                with self._writing:
                    sock.sendall(b"".join(self._answer(one.strip()) for one in commands))
                self._links.add(sock)
        self._links.discard(sock)

    def _answer(self, command: bytes) -> bytes:
        if not command.startswith(b"api "):
            return OK
        rows = [{"uuid": leg, "direction": "inbound"} for leg in self.legs]
        body = (
            json.dumps({"row_count": len(rows), "rows": rows}).encode()
            if command.startswith(b"api show channels")
            else b"+OK\n"
        )
        head = f"Content-Type: api/response\nContent-Length: {len(body)}\n\n"
        return head.encode() + body


@contextmanager
def served(
    switch: Switch, dsn: str, folder: Path, size: Size | None = None
) -> Iterator[tuple[int, int]]:
    """Run the engine; gives its process id and the port that takes calls."""
    size = size or Size()
    reference = folder / "reference.yaml"
    reference.write_text(REFERENCE, encoding="utf-8")
    port, metrics = free_port(socket.SOCK_STREAM), free_port(socket.SOCK_STREAM)
    environment = {
        **os.environ,
        "CALLCONTROL_DSN": dsn,
        "CALLCONTROL_JOURNAL": str(folder / "journal.sqlite"),
        "CALLCONTROL_ENGINE": "bench",
        "CALLCONTROL_LISTEN_PORT": str(port),
        "CALLCONTROL_METRICS_PORT": str(metrics),
        "CALLCONTROL_SWITCH_PORT": str(switch.server.server_port),
        "CALLCONTROL_SWITCH_PASSWORD": "x",
        "CALLCONTROL_MAX_CALLS": "20000",
        "CALLCONTROL_ANNOUNCE_PRICES": "elsewhere",
        "CALLCONTROL_KEEP_REFERENCE": "false",  # a child's work once a change, not a call's
    }
    program = [sys.executable, "-m", "callcontrol"]
    for words in (["migrate"], ["load", str(reference)]):
        subprocess.run([*program, *words], env=environment, check=True, stdout=subprocess.PIPE)
    if size.numbers or size.lines:
        run(dsn, fill, size.numbers, size.lines)
    with (folder / "engine.log").open("wb") as log:
        words = ["serve", "--workers", str(size.workers)]
        engine = subprocess.Popen([*program, *words], env=environment, stderr=log)
    try:
        eventually(lambda: is_ready(metrics), within_s=120)
        gc.disable()  # or the played switch would pause, and it would look like the engine
        yield engine.pid, port
    finally:
        gc.enable()
        engine.terminate()
        engine.wait(60)


def measure(
    *, calls: int, per_second: float = 0, saturate: int = 0, size: Size | None = None
) -> Figures:
    """Play calls and give what they cost.

    Args:
        calls: how many.
        per_second: at this rate;
        saturate: or so many in set-up at once, when above 0.
        size: of the engine and of what it has to deal with.
    """
    size = size or Size()
    switch = Switch()
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedPostgres() as postgres,
        served(switch, postgres.dsn, Path(folder), size) as (pid, port),
    ):
        _play(switch, port, calls=50, per_second=50, saturate=0)  # warm
        switch.talk_s = 3600
        _play(switch, port, calls=size.up, per_second=0, saturate=16)
        switch.talk_s = TALK_S
        switch.to_bridge_s.clear()
        before_s, started_s = cpu_s(pid), time.monotonic()
        _play(switch, port, calls=calls, per_second=per_second, saturate=saturate)
        took_s = time.monotonic() - started_s
        gevent.sleep(TALK_S)
        pool = get_hub().threadpool  # or the switch would not answer meanwhile
        while pool.apply(run, (postgres.dsn, _count)) < calls + 50:
            gevent.sleep(0.2)
        used_s = cpu_s(pid) - before_s
        records = run(postgres.dsn, _count) - 50
    waits_ms = sorted(one * 1000 for one in switch.to_bridge_s)
    return Figures(
        calls=calls,
        cpu_ms=used_s * 1000 / calls,
        p50_ms=statistics.median(waits_ms),
        p99_ms=waits_ms[len(waits_ms) * 99 // 100],
        per_second=calls / took_s,
        records=records,
    )


def in_progress(calls: int, *, look_s: float) -> tuple[float, float]:
    """Let calls be up and nothing else happen.

    Args:
        calls: how many.
        look_s: how long; every 30 s the engine compares them with the switch's own list.

    Returns:
        By how many kB the engine grew with each, and the share of a core it takes for all.
    """
    switch = Switch(talk_s=3600)
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedPostgres() as postgres,
        served(switch, postgres.dsn, Path(folder)) as (pid, port),
    ):
        _play(switch, port, calls=100, per_second=50, saturate=0)  # warm
        before = resident_bytes(pid)
        _play(switch, port, calls=calls, per_second=0, saturate=16)
        gevent.sleep(2)
        grown = (resident_bytes(pid) - before) / 1024 / calls
        before_s = cpu_s(pid)
        gevent.sleep(look_s)
        return grown, (cpu_s(pid) - before_s) / look_s


def _play(switch: Switch, port: int, *, calls: int, per_second: float, saturate: int) -> None:
    pool = Pool(saturate or None)
    started_s = time.monotonic()
    playing = []
    for n in range(calls):
        if not saturate:
            gevent.sleep(max(0.0, started_s + n / per_second - time.monotonic()))
        playing.append(pool.spawn(switch.call, port))
    gevent.joinall(playing, raise_error=True)


async def _count(connection: Connection) -> int:
    count: int = await connection.fetchval(
        "SELECT count(*) FROM cdrs WHERE disposition = 'answered' AND gross IS NOT NULL"
    )
    return count


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--per-second", type=float, default=50)
    parser.add_argument("--saturate", type=int, default=0)
    for name, one in (("workers", 1), ("numbers", 0), ("lines", 0), ("up", 0)):
        parser.add_argument(f"--{name}", type=int, default=one)
    wanted = parser.parse_args()
    found = measure(
        calls=wanted.calls,
        per_second=wanted.per_second,
        saturate=wanted.saturate,
        size=Size(
            workers=wanted.workers, numbers=wanted.numbers, lines=wanted.lines, up=wanted.up
        ),
    )
    print(
        f"the whole engine: {found.cpu_ms:.2f} ms CPU a call ({found.per_core:.0f} calls/s a"
        f" core), connect to bridge p50 {found.p50_ms:.1f} ms, p99 {found.p99_ms:.1f} ms;"
        f" {found.calls} calls at {found.per_second:.0f}/s, {found.records} records"
    )


if __name__ == "__main__":
    main()
