"""How long from the commit of a row until its level is in force in a running call.

One process as in service: Postgres, its notification, the store's thread, the hub, the journal
on the disk (each change is there before it counts), the meter, and the outcome written back.
The switch is left out: the calls are up, and its answers to commands are not waited for.

    python -m bench.level_change --calls 500 --changes 1000
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import gevent

from callcontrol.calls.engine import Engine
from callcontrol.calls.level_requests import LevelRequests
from callcontrol.calls.lifecycle import run_call
from callcontrol.cdr import Journal
from callcontrol.clock import SystemClock
from callcontrol.level_request import LevelOutcome
from callcontrol.metering.ticker import Ticker
from callcontrol.store import Connection, EmbeddedPostgres, Store, run
from callcontrol.store.level_follow import LevelFeed
from callcontrol.store.migrate import migrate
from tests.builders import make_channel, make_engine, make_reference, make_tariff
from tests.fakes.switch import FakeSession, answers
from tests.waiting import eventually

_ASK = "INSERT INTO level_requests (call_id, level) VALUES ($1::uuid, $2) RETURNING id"


@contextmanager
def engine_with_calls(folder: Path, calls: int) -> Iterator[tuple[Engine, list[str]]]:
    """Have an engine with so many calls up; gives it and the calls' ids."""
    engine = make_engine(make_reference(tariff=make_tariff()), max_calls=10 * calls)
    engine.clock = SystemClock()
    engine.ticker = Ticker(engine.clock, engine.log)
    engine.ticker.start()
    with closing(Journal(folder / "journal.sqlite")) as journal:
        engine.journal = journal
        now_us = engine.clock.now_us()
        for number in range(calls):
            channel = make_channel(
                uuid=f"00000000-0000-4000-8000-{number:012}", created_us=now_us + number
            )
            session = FakeSession(channel, answers(after_us=now_us))
            gevent.spawn(run_call, session, engine)
        eventually(
            lambda: sum(call.meter is not None for call in engine.live_calls) == calls,
            within_s=60,
        )
        yield engine, [call.call_id for call in engine.live_calls]
        engine.ticker.stop()


def ask_all(
    dsn: str,
    ids: list[str],
    changes: int,
    every_s: float,
    asked: dict[int, tuple[float, float]],
) -> None:
    """Ask for one change after the other, each committed alone; in a thread of its own."""

    async def asking(connection: Connection) -> None:
        for number in range(changes):
            began_s = time.perf_counter()
            level = 2 - number // len(ids) % 2
            request = await connection.fetchval(_ASK, ids[number % len(ids)], level)
            committed_s = time.perf_counter()
            asked[request] = (began_s, committed_s)
            pause_s = every_s - (time.perf_counter() - began_s)
            if pause_s > 0:
                await asyncio.sleep(pause_s)

    run(dsn, asking, deadline_s=3600)


def measure(dsn: str, calls: int, changes: int, every_s: float) -> tuple[list[float], int]:
    """Give the times from commit to in force in seconds, and how many were not in force."""
    asked: dict[int, tuple[float, float]] = {}
    in_force: dict[int, float] = {}
    refused: list[LevelOutcome] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        engine_with_calls(Path(folder), calls) as (engine, ids),
        closing(Store(dsn)) as store,
    ):
        store.open()
        feed: LevelFeed

        def told(outcome: LevelOutcome) -> None:
            in_force[outcome.request] = time.perf_counter()
            if outcome.refused is not None:
                refused.append(outcome)
            feed.tell(outcome)

        requests = LevelRequests(engine, told)
        feed = LevelFeed(
            store,
            "bench",
            take=requests.take,
            withdraw=requests.withdraw,
            check_s=300,
            log=engine.log,
        )
        feed.start()
        gevent.sleep(0.5)
        thread = threading.Thread(target=ask_all, args=(dsn, ids, changes, every_s, asked))
        thread.start()
        eventually(lambda: len(in_force) >= changes, within_s=60 + 2 * changes * every_s)
        thread.join()
        feed.stop()
    return [in_force[request] - asked[request][1] for request in asked], len(refused)


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--calls", type=int, default=500)
    options.add_argument("--changes", type=int, default=1000)
    options.add_argument("--rate", type=float, default=50.0, help="changes a second")
    chosen = options.parse_args()
    with EmbeddedPostgres() as postgres:
        migrate(postgres.dsn)
        waits, refused = measure(postgres.dsn, chosen.calls, chosen.changes, 1 / chosen.rate)
    ms = sorted(1000 * wait for wait in waits)
    cuts = statistics.quantiles(ms, n=100)
    print(
        f"{len(ms)} changes, {chosen.rate:g} a second, {chosen.calls} calls up,"
        f" {refused} refused: commit to in force"
        f" p50 {cuts[49]:.1f} ms, p95 {cuts[94]:.1f} ms, p99 {cuts[98]:.1f} ms,"
        f" longest {ms[-1]:.1f} ms"
    )
    sys.exit(0 if cuts[98] < 100 and not refused else 1)


if __name__ == "__main__":
    main()
