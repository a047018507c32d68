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
figures = metrics.Metrics(worker=int(sys.argv[4]))
figures.calls.labels("0900", "answered").inc(3)
figures.setup_seconds.observe(0.3)
figures.calls_in_progress.set(int(sys.argv[3]))
figures.link_up.set(int(sys.argv[3]) > 0)
figures.journal_oldest_seconds.set(int(sys.argv[3]))
"""


def count(folder, seat, *, calls_in_progress, worker=1):
    """Run a worker that counts three calls more, and dies."""
    words = [str(folder), str(seat), str(calls_in_progress), str(worker)]
    subprocess.run(
        [sys.executable, "-c", WORKER, *words],
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
    """Each tells whose it is; who stands by is not asked."""
    count(tmp_path, 0, calls_in_progress=4, worker=1)
    count(tmp_path, 1, calls_in_progress=0, worker=2)
    count(tmp_path, 2, calls_in_progress=7, worker=1)
    names = [
        f"callcontrol_{n}" for n in ("calls_in_progress", "link_up", "journal_oldest_seconds")
    ]

    def values(worker, *serving):
        value = figures_of(tmp_path, *serving)
        return [value(name, {"worker": worker}) for name in names]

    assert values("1", 0, 1) == [4, 1, 4]
    assert values("2", 0, 1) == [0, 0, 0]
    assert values("1", 2) == [7, 1, 7]
    assert values("2", 2) == [None, None, None]


def test_a_gauge_ends_with_its_process(tmp_path):
    """Who takes the seat of a dead worker may be another one, and tells nothing of that one."""
    count(tmp_path, 0, calls_in_progress=4, worker=1)
    count(tmp_path, 0, calls_in_progress=5, worker=2)
    value = figures_of(tmp_path, 0)

    assert value("callcontrol_calls_in_progress", {"worker": "1"}) is None
    assert value("callcontrol_calls_in_progress", {"worker": "2"}) == 5
