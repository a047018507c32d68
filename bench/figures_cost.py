"""What the figures cost: CPU a call for all that is counted, and for a reading of them.

python -m bench.figures_cost              # a lone engine
python -m bench.figures_cost --worker     # kept in files, as with several workers
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from prometheus_client import generate_latest

from callcontrol.calls.call import LegUuid, Try
from callcontrol.calls.figures import count_record, count_try
from callcontrol.metrics import Metrics, take_seat
from dialplan import Attempt, Branch, Dial, Presentation, Target
from tests.cdr_builders import make_cdr

_START_US = 1_800_000_000_000_000


def an_answered_try() -> Try:
    """Make a try of one destination that rang and answered."""
    target = Target(kind="pstn", address="+41445550190", gateways=("trunk",))
    dial = Dial(
        step=0,
        branches=(Branch(target=target, gateway="trunk"),),
        ring_s=25,
        presentation=Presentation.CALLER,
    )
    leg = LegUuid("leg")
    return Try(
        dial=dial,
        leg_uuids=(leg,),
        started_us=_START_US,
        answered_us=_START_US + 2_000_000,
        answered_leg=leg,
        attempt=Attempt(dial=dial, cause="SUCCESS", is_answered=True),
    )


def main() -> None:
    """Count many calls, and print what one cost."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--worker", action="store_true")
    parser.add_argument("--calls", type=int, default=20_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        if asked.worker:
            take_seat(Path(folder), 0)
        metrics, cdr, tried = Metrics(), make_cdr(), an_answered_try()
        began_s = time.process_time()
        for _ in range(asked.calls):
            metrics.calls_in_progress.set(7)
            metrics.decision_seconds.observe(0.0001)
            metrics.first_command_seconds.observe(0.002)
            metrics.setup_seconds.observe(2)
            metrics.link_lag_seconds.observe(0.001)
            metrics.journal_seconds.observe(0.001)
            count_try(tried, metrics)
            count_record(cdr, metrics)
            metrics.calls_in_progress.set(6)
        each_us = (time.process_time() - began_s) / asked.calls * 1e6
        began_s = time.process_time()
        text = generate_latest(metrics.registry)
        read_ms = (time.process_time() - began_s) * 1e3
    print(f"{each_us:.1f} µs a call; {read_ms:.1f} ms to read {len(text)} bytes")


if __name__ == "__main__":
    main()
