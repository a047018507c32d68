"""What a large reference costs: start, memory, a change until it is in force, a lookup.

    python -m bench.reference_scale [--numbers 100000] [--blacklist 1000000] [--changes 200]

Postgres is a throw-away one on the same machine, and its processor time is not in the CPU
seconds. What is measured runs in a process of its own, as an engine does: a feed in the store's
thread, and calls in the hub. `hub held` is by how much a greenlet that wants to run every
millisecond was late: what calls feel of it.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import gevent
import structlog
from rich.console import Console
from rich.table import Table

from bench.reference_rows import fill
from callcontrol.metrics import Metrics
from callcontrol.reference import Reference
from callcontrol.store import Connection, EmbeddedPostgres, Store, run
from callcontrol.store.migrate import migrate
from callcontrol.store.reference_rows import ReferenceFeed
from dialplan import E164, Caller
from tests.processes import resident_bytes

_LONG_S = 600.0


class Lateness:
    """By how much a greenlet that wants to run every millisecond is late, in ms."""

    def __init__(self) -> None:
        self.late_ms: list[float] = []
        self._greenlet = gevent.spawn(self._run)

    def _run(self) -> None:
        while True:
            due = time.perf_counter() + 0.001
            gevent.sleep(0.001)
            self.late_ms.append((time.perf_counter() - due) * 1e3)

    def taken(self) -> list[float]:
        """Give what was measured since the last time."""
        taken, self.late_ms = self.late_ms, []
        return taken


def percentile(values: list[float], percent: int) -> float:
    """Give a percentile of what was measured."""
    ordered = sorted(values)
    return ordered[min(len(ordered) * percent // 100, len(ordered) - 1)]


def spread(values: list[float], unit: str, digits: int = 1) -> str:
    """Write median, 99th percentile and maximum."""
    parts = (statistics.median(values), percentile(values, 99), max(values))
    return " / ".join(f"{part:.{digits}f}" for part in parts) + f" {unit}"


async def execute(connection: Connection, statement: str, *args: object) -> None:
    """Run one statement, as the portal would."""
    await connection.execute(statement, *args)


def measure(dsn: str, changes: int) -> None:
    """Be the engine; prints the table."""
    log = structlog.make_filtering_bound_logger("critical")(structlog.ReturnLogger(), [], {})
    empty_mb = resident_bytes(os.getpid()) / 1e6
    store = Store(dsn)
    store.open()
    feed = ReferenceFeed(store, metrics=Metrics(), log=log)
    hub = Lateness()
    began, began_cpu = time.perf_counter(), time.process_time()
    feed.start()
    took, cpu = time.perf_counter() - began, time.process_time() - began_cpu
    directory = feed.current().directory

    table = Table("what", "measured", title="A large reference")
    table.add_row("numbers", f"{len(directory.numbers):,}")
    table.add_row("blacklist", f"{len(directory.blacklist):,}")
    table.add_row("start", f"{took:.1f} s ({cpu:.1f} s CPU)")
    table.add_row("hub held while starting: median / p99 / max", spread(hub.taken(), "ms"))
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    table.add_row(
        "memory: before / now / at most",
        f"{empty_mb:.0f} / {resident_bytes(os.getpid()) / 1e6:.0f} / {peak_mb:.0f} MB",
    )

    numbers = random.Random(1).sample(sorted(directory.numbers), changes)
    levels = {n: directory.numbers[n].level.initial % 5 + 1 for n in numbers}
    start = random.SystemRandom().randrange(9_000_000)  # so that a database can be used again
    customer = directory.numbers[numbers[0]].customer_id
    tariff = directory.numbers[numbers[0]].tariff.initial
    for what, times, statement, args, holds in (
        (
            "a number's level",
            changes,
            "UPDATE number_levels SET level = $2 WHERE number = $1"
            " AND effective_at = '-infinity'",
            lambda i: (numbers[i], levels[numbers[i]]),
            lambda i, now: (
                now.directory.numbers[numbers[i]].level.initial == levels[numbers[i]]
            ),
        ),
        (
            "a number's target",
            changes,
            "UPDATE route_targets SET address = $2 WHERE number = $1 AND route = 'night'",
            lambda i: (numbers[i], f"+4122{start + i:07}"),
            lambda i, now: (
                now.directory.numbers[numbers[i]]
                .routes["night"]
                .initial.steps[0]
                .targets[0]
                .address
                == f"+4122{start + i:07}"
            ),
        ),
        (
            "a line of the blacklist",
            changes,
            "INSERT INTO blacklist (pattern) VALUES ($1)",
            lambda i: (f"+4178{start + i:07}",),
            lambda i, now: _refuses(now, f"+4178{start + i:07}"),
        ),
        (
            "a customer",
            changes // 10,
            "UPDATE customers SET max_calls = $2 WHERE id = $1",
            lambda i: (customer, start + i),
            lambda i, now: now.directory.customers[customer].max_calls == start + i,
        ),
        (
            "a price",
            changes // 10,
            "UPDATE tariff_tables SET free_s = $2"
            " WHERE tariff_id = (SELECT id FROM tariffs WHERE name = $1)",
            lambda i: (tariff, start % 3000 + i),
            lambda i, now: now.tariffs[tariff][0].free_s == start % 3000 + i,
        ),
    ):
        hub.taken()
        cpu = time.process_time()
        took_ms = [
            changed(store, feed, statement, args(i), partial(holds, i)) for i in range(times)
        ]
        cpu_ms = (time.process_time() - cpu) * 1e3 / times
        late_ms = hub.taken()
        table.add_row(f"{what}: commit to in force, median / p99 / max", spread(took_ms, "ms"))
        table.add_row("    hub held meanwhile", spread(late_ms, "ms"))
        table.add_row("    CPU for each", f"{cpu_ms:.0f} ms")

    looked = [lookup_us(feed.current(), i) for i in range(10_000)]
    table.add_row("blacklist lookup: median / p99 / max", spread(looked, "µs"))
    table.add_row("memory after all changes", f"{resident_bytes(os.getpid()) / 1e6:.0f} MB")
    Console().print(table)
    feed.stop()
    store.close()


def changed(
    store: Store,
    feed: ReferenceFeed,
    statement: str,
    args: tuple[object, ...],
    holds: Callable[[Reference], bool],
) -> float:
    """Make a change; give the milliseconds from its commit until it decides calls."""
    store.call(execute, statement, *args, deadline_s=_LONG_S)
    committed = time.perf_counter()
    with gevent.Timeout(60):
        while not holds(feed.current()):
            gevent.sleep(0.0005)
    return (time.perf_counter() - committed) * 1e3


def _caller(number: str) -> Caller:
    return Caller(raw=number, number=E164(number))


def _refuses(reference: Reference, number: str) -> bool:
    now = datetime.now(UTC)
    called = E164("+41900000001")
    entry = reference.directory.blacklist.match(
        _caller(number), number=called, customers=("c1",), at=now
    )
    return entry is not None


def lookup_us(reference: Reference, index: int) -> float:
    """Give how long the blacklist takes to judge a caller, half of them listed."""
    caller = _caller(f"+4179{index * 37 % 2_000_000:07}")
    now, called = datetime.now(UTC), E164("+41900000001")
    match = reference.directory.blacklist.match
    began = time.perf_counter()
    match(caller, number=called, customers=("c1",), at=now)
    return (time.perf_counter() - began) * 1e6


def main() -> None:
    """Fill a Postgres and measure in another process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--numbers", type=int, default=100_000)
    parser.add_argument("--blacklist", type=int, default=1_000_000)
    parser.add_argument("--changes", type=int, default=200)
    parser.add_argument("--dsn", help="measure this database, which is filled already")
    given = parser.parse_args()
    if given.dsn:
        measure(given.dsn, given.changes)
        return
    with EmbeddedPostgres() as server:
        migrate(server.dsn)
        run(server.dsn, fill, given.numbers, given.blacklist, deadline_s=_LONG_S)
        subprocess.run(
            [sys.executable, "-m", "bench.reference_scale", "--dsn", server.dsn,
             "--changes", str(given.changes)],
            check=True,
        )  # fmt: skip


if __name__ == "__main__":
    main()
