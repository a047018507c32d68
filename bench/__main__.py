"""All figures of speed in one table, ours beside plain peers, in the same run.

    python -m bench [--quick] [--json]

Calls: a synthetic switch replays a recorded call. `the engine, all its work` is
`callcontrol serve` with journal and Postgres; `its sessions alone`, greenswitch and genesis are
each a minimal application that answers, bridges and waits for the end. Calls a second a core
follow from the CPU of a call. genesis is measured when GENESIS names the Python of an
environment that has it. Whatever else runs on the machine is in the latencies.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime

from bench import whole_engine
from bench.esl_codec import NAMES, SEGMENT_BYTES, STREAM, best_s, greenswitch, ours
from callcontrol.cdr.journal_file import PendingRecord
from callcontrol.reference_file import parse_reference
from callcontrol.store import Connection, EmbeddedPostgres, run
from callcontrol.store.cdr_table import insert_cdrs
from callcontrol.store.migrate import migrate
from dialplan import Caller, decide
from tariffs import Meter
from tests.cdr_builders import NOON_US, make_cdr

AT = datetime(2026, 9, 1, 10, tzinfo=UTC)
PER_SECOND = 50
BATCH = 500
SINGLY = 200

Row = tuple[str, str]


def calls(count: int) -> Iterator[Row]:
    """Set calls up at a steady rate, and one engine as fast as it can."""
    engine = whole_engine.measure(calls=count, per_second=PER_SECOND)
    cost = (engine.cpu_ms, engine.p50_ms, engine.p99_ms)
    yield "the engine, all its work", _cost(*cost)
    full = whole_engine.measure(calls=4 * count, per_second=0, saturate=64)
    yield (
        "the engine, 64 in set-up at once",
        f"{full.per_second:.0f} calls/s, {full.cpu_ms:.2f} ms CPU a call, connect to bridge"
        f" p50 {full.p50_ms:.1f} ms, p99 {full.p99_ms:.1f} ms",
    )
    yield (
        "memory of a call in progress",
        f"{whole_engine.kilobytes_a_call(5 * count):.0f} KB",
    )
    peers = [
        ("its sessions alone", "--hand-over"),
        ("plain greenswitch", "--engine=greenswitch"),
    ]
    if "GENESIS" in os.environ:
        peers.append(("genesis", "--engine=genesis"))
    for name, option in peers:
        words = ["-m", "bench.esl_calls", option, "--json", f"--calls={count}"]
        told = json.loads(_output(*words, f"--per-second={PER_SECOND}"))
        yield name, _cost(told["cpu_ms"], told["p50_ms"], told["p99_ms"])


def codec(_count: int) -> Iterator[Row]:
    """Decode a recorded call."""
    for name, decode in (
        ("codec, ten headers read", lambda: ours(NAMES, SEGMENT_BYTES)),
        ("codec of greenswitch", greenswitch),
    ):
        yield name, f"{len(STREAM) / best_s(decode, 20) / 1e6:.0f} MB/s"


def pure(count: int) -> Iterator[Row]:
    """Decide, and meter a call of two minutes to its record's charge."""
    reference = parse_reference(whole_engine.REFERENCE, name="bench", at=AT)[1]
    caller = Caller(raw="+41795550001", number=None)

    def decided() -> None:
        decide(reference.directory, called="0900123456", caller=caller, at=AT)

    table = reference.tariffs["hotline"][0]

    def metered() -> None:
        Meter(table, level=1, start_us=NOON_US).stop(NOON_US + 120_000_000)

    for name, act in (("decide()", decided), ("meter, start to charge", metered)):
        yield name, f"{_rate(act, 20 * count):,.0f}/s"


def records(count: int) -> Iterator[Row]:
    """Bring records into Postgres: as shipped, one by one, and by COPY of their bare text."""
    count *= 20
    made = [make_cdr(index) for index in range(count)]
    pending = [
        PendingRecord(call_id=one.call_id, recorded_us=0, body=one.to_json()) for one in made
    ]

    async def shipped(connection: Connection) -> None:
        for first in range(0, count, BATCH):
            await insert_cdrs(connection, pending[first : first + BATCH])

    async def singly(connection: Connection) -> None:
        for one in pending[:SINGLY]:
            await insert_cdrs(connection, [one])

    async def copied(connection: Connection) -> None:
        await connection.execute("CREATE TABLE raw (body jsonb)")
        rows = [(one.body,) for one in pending]
        await connection.copy_records_to_table("raw", records=rows)

    ways: list[tuple[str, int, Callable[[Connection], Awaitable[None]]]] = [
        ("records into Postgres, as shipped", count, shipped),
        ("the same, one by one", SINGLY, singly),
        ("the same, COPY as bare JSON", count, copied),
    ]
    for name, many, way in ways:
        with EmbeddedPostgres() as postgres:
            migrate(postgres.dsn)
            took_s = run(postgres.dsn, _timed, way)
        yield name, f"{many / took_s:,.0f}/s"


def levels(count: int) -> Iterator[Row]:
    """Change levels of running calls by rows."""
    words = ["-m", "bench.level_change", f"--changes={count}", "--calls=500"]
    yield "level change", _output(*words).strip()


async def _timed(connection: Connection, way: Callable[[Connection], Awaitable[None]]) -> float:
    started_s = time.perf_counter()
    await way(connection)
    return time.perf_counter() - started_s


def _rate(act: Callable[[], None], count: int) -> float:
    started_s = time.process_time()
    for _ in range(count):
        act()
    return count / (time.process_time() - started_s)


def _cost(cpu_ms: float, p50_ms: float, p99_ms: float) -> str:
    return (
        f"{cpu_ms:.2f} ms CPU a call, {1000 / cpu_ms:.0f} calls/s a core;"
        f" connect to bridge p50 {p50_ms:.1f} ms, p99 {p99_ms:.1f} ms at {PER_SECOND}/s"
    )


def _output(*words: str) -> str:
    done = subprocess.run(
        [sys.executable, *words], stdout=subprocess.PIPE, text=True, check=False
    )
    return done.stdout or "failed"


def main() -> None:
    """Measure everything and print the table as it comes."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the calls")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    wanted = parser.parse_args()
    count = 100 if wanted.quick else 1000
    load = os.getloadavg()[0]
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}, load {load:.1f}"
    figures = {"machine": machine}
    if not wanted.json:
        print(f"{'machine':36}{machine}", flush=True)
    for part in (pure, codec, records, calls, levels):
        for name, figure in part(count):
            figures[name] = figure
            if not wanted.json:
                print(f"{name:36}{figure}", flush=True)
    if wanted.json:
        print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
