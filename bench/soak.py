"""Hours of calls: does an engine's memory, or anything else it holds, grow?

    python -m bench.soak [--minutes 60] [--rate 20] [--every 10] [--talk 3]

A stand-in switch, Postgres, parties and one engine; every so many seconds the engine's memory,
open files, threads and journal are read. The first fifth warms up and is left out. Prints the
slopes, and exits 1 when one is beyond its noise: more than 1 MB or one file an hour's worth
beyond three standard errors.
"""

from __future__ import annotations

import argparse
import math
import os
import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import gevent
import structlog

from tests.chaos.reference import PLAIN
from tests.chaos.stage import Stage
from tests.processes import resident_bytes
from tests.scenario.parties import free_port

_WARM_UP = 5
# What a slope may be in an hour, beyond its noise.
_MAY_GROW = {"memory_kb": 1024.0, "files": 1.0, "threads": 1.0, "journal_kb": 1024.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One look at an engine."""

    at_s: float
    memory_kb: float
    files: float
    threads: float
    journal_kb: float


def look(pid: int, journal: Path, began_s: float) -> Sample:
    """Read what a process holds."""
    parts = journal.parent.glob(f"{journal.name}*")
    return Sample(
        at_s=time.monotonic() - began_s,
        memory_kb=resident_bytes(pid) / 1024,
        files=len(os.listdir(f"/proc/{pid}/fd")),
        threads=len(os.listdir(f"/proc/{pid}/task")),
        journal_kb=sum(part.stat().st_size for part in parts) / 1024,
    )


def slope(xs: Sequence[float], ys: Sequence[float]) -> tuple[float, float]:
    """Fit a line; gives its slope and the slope's standard error."""
    count, mid_x, mid_y = len(xs), sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - mid_x) ** 2 for x in xs)
    found = sum((x - mid_x) * (y - mid_y) for x, y in zip(xs, ys, strict=True)) / spread
    left = sum((y - mid_y - found * (x - mid_x)) ** 2 for x, y in zip(xs, ys, strict=True))
    return found, math.sqrt(left / max(count - 2, 1) / spread)


def verdict(samples: Sequence[Sample]) -> bool:
    """Print what grew, an hour, and say whether nothing did."""
    kept = samples[len(samples) // _WARM_UP :]
    xs = [one.at_s / 3600 for one in kept]
    is_flat = True
    for name, may_grow in _MAY_GROW.items():
        ys = [getattr(one, name) for one in kept]
        each_hour, error = slope(xs, ys)
        grows = each_hour > may_grow + 3 * error
        is_flat &= not grows
        print(
            f"{name:11} {ys[0]:10.0f} to {ys[-1]:10.0f}, {each_hour:+10.1f} an hour,"
            f" standard error {error:.1f}: {'GROWS' if grows else 'flat'}"
        )
    return is_flat


def main() -> int:
    """Run."""
    parser = argparse.ArgumentParser(prog="bench.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=float, default=20)
    parser.add_argument("--every", type=float, default=10, help="seconds between looks")
    parser.add_argument("--talk", type=float, default=3, help="seconds a call lasts")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    port = free_port(socket.SOCK_STREAM)
    folder = Path(tempfile.mkdtemp(prefix="callcontrol-soak-"))
    with Stage(folder, f"127.0.0.1:{port}") as stage:
        engine = stage.engine("engine", port)
        engine.start()
        count = round(options.minutes * 60 * options.rate)
        callers = stage.caller(
            *(
                {"number": PLAIN, "after_s": index / options.rate, "talk_s": options.talk}
                for index in range(count)
            )
        )
        began_s = time.monotonic()
        samples: list[Sample] = []
        print(*(field.name for field in fields(Sample)), sep="\t")
        while time.monotonic() - began_s < options.minutes * 60:
            gevent.sleep(options.every)
            samples.append(look(engine.pid, engine.journal, began_s))
            print(*(f"{value:.0f}" for value in astuple(samples[-1])), sep="\t", flush=True)
        ended = callers.all(within_s=60)
        answered = sum(one["final"] == 200 for one in ended)
        print(f"{count} calls placed, {answered} answered")
    return 0 if verdict(samples) else 1


if __name__ == "__main__":
    sys.exit(main())
