"""The figures of several processes as those of one service."""

from __future__ import annotations

import subprocess
import sys

from prometheus_client import CollectorRegistry

from callcontrol.metrics import WorkersFigures
from tests.integration.workers.service import ROOT

WORKER = """
import sys
from pathlib import Path
from callcontrol import metrics
metrics.take_seat(Path(sys.argv[1]), int(sys.argv[2]))
figures = metrics.Metrics()
figures.calls.labels("0900", "answered").inc(3)
figures.setup_seconds.observe(0.3)
figures.calls_in_progress.set(int(sys.argv[3]))
figures.link_up.set(int(sys.argv[3]) > 0)
figures.journal_oldest_seconds.set(int(sys.argv[3]))
"""


def count(folder, seat, *, calls_in_progress):
    """Run a worker that counts three calls more, and dies."""
    subprocess.run(
        [sys.executable, "-c", WORKER, str(folder), str(seat), str(calls_in_progress)],
        check=True,
        cwd=ROOT,
    )


def figures_of(folder, *serving):
    """Give what can be asked for one figure of the service."""
    registry = CollectorRegistry()
    registry.register(WorkersFigures(folder, lambda: serving))
    return registry.get_sample_value


def test_counters_go_on_where_a_dead_worker_stopped(tmp_path):
    """The next process in its seat adds to what is there; no file is added."""
    count(tmp_path, 0, calls_in_progress=1)
    files = sorted(tmp_path.iterdir())
    count(tmp_path, 0, calls_in_progress=1)
    count(tmp_path, 1, calls_in_progress=1)
    labels = {"category": "0900", "disposition": "answered"}
    value = figures_of(tmp_path, 1)

    assert value("callcontrol_calls_total", labels) == 9
    assert value("callcontrol_setup_seconds_count") == 3
    assert value("callcontrol_setup_seconds_bucket", {"le": "0.5"}) == 3
    assert len(list(tmp_path.iterdir())) == 2 * len(files)


def test_gauges_are_of_those_that_serve(tmp_path):
    """The sum of what each has for itself, else the worst; who stands by is not asked."""
    count(tmp_path, 0, calls_in_progress=4)
    count(tmp_path, 1, calls_in_progress=3)
    count(tmp_path, 2, calls_in_progress=0)

    names = [
        f"callcontrol_{n}" for n in ("calls_in_progress", "link_up", "journal_oldest_seconds")
    ]
    assert [figures_of(tmp_path, 0, 1)(name) for name in names] == [7, 1, 4]
    assert [figures_of(tmp_path, 0, 2)(name) for name in names] == [4, 0, 4]
    assert [figures_of(tmp_path)(name) for name in names] == [None, None, None]
