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
import io
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
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
SATURATE = 64
FULL = 1000
BATCH = 500
SINGLY = 200
WARM = 100

Row = tuple[str, str]


def calls(count: int) -> Iterator[Row]:
    """Set calls up at a steady rate, and as fast as they are taken."""
    engine = whole_engine.measure(calls=count, per_second=PER_SECOND)
    yield "the engine, all its work", _cost(engine.cpu_ms, engine.p50_ms, engine.p99_ms)
    full = whole_engine.measure(calls=4 * count, saturate=SATURATE)
    yield "the same, saturated", _full(full.cpu_ms, full.per_second, full.p50_ms, full.p99_ms)
    two = whole_engine.measure(
        calls=4 * count, saturate=2 * SATURATE, size=whole_engine.Size(workers=2)
    )
    yield (
        "two workers, saturated",
        _full(two.cpu_ms, two.per_second, two.p50_ms, two.p99_ms)
        + f"; {two.per_second / full.per_second:.2f} times one worker's calls/s,"
        f" {full.cpu_ms / two.cpu_ms:.2f} times its calls/s a core",
    )
    up, look_s = (10 * count, 40.0) if count >= FULL else (10 * count, 10.0)
    kilobytes, share = whole_engine.in_progress(up, look_s=look_s)
    yield (
        f"{up:,} calls in progress",
        f"{kilobytes:.0f} KB each, {share:.1%} of a core for all",
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
        told = json.loads(_output(*words, f"--saturate={SATURATE}"))
        ratio = told["cpu_ms"] / full.cpu_ms
        yield (
            f"{name}, saturated",
            _full(told["cpu_ms"], told["per_second"], told["p50_ms"], told["p99_ms"])
            + f"; the engine takes {ratio:.2f} times its calls/s a core",
        )


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

    async def shipped(connection: Connection) -> float:
        started_s = time.perf_counter()
        for first in range(WARM, count, BATCH):
            await insert_cdrs(connection, pending[first : first + BATCH])
        return (count - WARM) / (time.perf_counter() - started_s)

    async def singly(connection: Connection) -> float:
        started_s = time.perf_counter()
        for one in pending[WARM : WARM + SINGLY]:
            await insert_cdrs(connection, [one])
        return SINGLY / (time.perf_counter() - started_s)

    async def copied(connection: Connection) -> float:
        await connection.execute("CREATE TABLE raw (body jsonb)")
        rows = [(one.body,) for one in pending]
        started_s = time.perf_counter()
        await connection.copy_records_to_table("raw", records=rows)
        return count / (time.perf_counter() - started_s)

    async def copied_alike(connection: Connection) -> float:
        await insert_cdrs(connection, pending)
        rows = io.BytesIO()
        await connection.copy_from_query("TABLE cdrs", output=rows, format="binary")
        await connection.execute(
            "CREATE TABLE alike (LIKE cdrs INCLUDING ALL EXCLUDING GENERATED)"
        )
        rows.seek(0)
        started_s = time.perf_counter()
        await connection.copy_to_table("alike", source=rows, format="binary")
        return count / (time.perf_counter() - started_s)

    ways: list[tuple[str, Callable[[Connection], Awaitable[float]]]] = [
        ("records into Postgres, as shipped", shipped),
        ("the same, one by one", singly),
        ("COPY, same columns, checks, indexes", copied_alike),
        ("COPY of bare JSON, none of them", copied),
    ]
    for name, way in ways:
        with EmbeddedPostgres() as postgres:
            migrate(postgres.dsn)
            yield name, f"{run(postgres.dsn, _warmed, pending[:WARM], way):,.0f}/s"


def levels(count: int) -> Iterator[Row]:
    """Change levels of running calls by rows."""
    words = ["-m", "bench.level_change", f"--changes={count}", "--calls=500"]
    yield "level change", _output(*words).strip()


async def _warmed(
    connection: Connection,
    first: Sequence[PendingRecord],
    way: Callable[[Connection], Awaitable[float]],
) -> float:
    """Make the months' partitions, which an engine makes once, before anything is measured."""
    await insert_cdrs(connection, first)
    return await way(connection)


def _full(cpu_ms: float, per_second: float, p50_ms: float, p99_ms: float) -> str:
    return (
        f"{1000 / cpu_ms:.0f} calls/s a core, {cpu_ms:.2f} ms CPU a call;"
        f" {per_second:.0f} calls/s, connect to bridge p50 {p50_ms:.1f} ms, p99 {p99_ms:.1f} ms"
    )


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
    count = 100 if wanted.quick else FULL
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
