"""Every Prometheus series of the engine in one table: name, labels, buckets, meaning.

Labels are few and closed sets: never a number, a customer or a uuid.

Where several workers are one service, its counters and histograms are the sums over all workers
there ever were, and `multiprocess_mode` says what a gauge is over those that serve: the sum of
what each has for itself, else the value of the worst.

Each worker keeps its figures in files of its seat, mapped into memory, which outlive it. A seat
is taken by one process at a time; the next one goes on counting where the last one died. So
there are never more files than processes at once, and nothing that was counted is lost.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterable
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, values
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

_MS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
_DECIDING = (0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05)
_RINGING = (0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 60, 120)


class Metrics:
    """The series of one engine process, in a registry of its own."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        r = self.registry
        self.calls = Counter(
            "callcontrol_calls",
            "calls recorded, by category of the number and how they ended",
            ["category", "disposition"],
            registry=r,
        )
        self.calls_in_progress = Gauge(
            "callcontrol_calls_in_progress",
            "calls now on the engine's hands",
            multiprocess_mode="sum",
            registry=r,
        )
        self.calls_refused = Counter(
            "callcontrol_calls_refused",
            "calls refused before they were decided, by reason",
            ["reason"],
            registry=r,
        )
        self.attempts = Counter(
            "callcontrol_attempts",
            "tries of a destination, by gateway and outcome",
            ["gateway", "outcome"],
            registry=r,
        )
        self.decision_seconds = Histogram(
            "callcontrol_decision_seconds",
            "time to decide a call",
            buckets=_DECIDING,
            registry=r,
        )
        self.first_command_seconds = Histogram(
            "callcontrol_first_command_seconds",
            "from the switch's connect to our first command for the call",
            buckets=_MS,
            registry=r,
        )
        self.setup_seconds = Histogram(
            "callcontrol_setup_seconds",
            "from the call's arrival at the switch to its answer",
            buckets=_RINGING,
            registry=r,
        )
        self.charge_chf = Counter(
            "callcontrol_charge_chf",
            "charges recorded, in francs, by category of the number",
            ["category"],
            registry=r,
        )
        self.level_changes = Counter(
            "callcontrol_level_changes",
            "changes of level in running calls, by who asked and what came of it",
            ["by", "outcome"],
            registry=r,
        )
        self.calls_by_level = Gauge(
            "callcontrol_calls_by_level",
            "calls being metered, by the level in force",
            ["level"],
            multiprocess_mode="sum",
            registry=r,
        )
        self.running_charge_chf = Gauge(
            "callcontrol_running_charge_chf",
            "what the calls being metered have cost so far, in francs",
            multiprocess_mode="sum",
            registry=r,
        )
        self.metered_seconds = Counter(
            "callcontrol_metered_seconds",
            "seconds metered, by category of the number",
            ["category"],
            registry=r,
        )
        self.call_errors = Counter(
            "callcontrol_call_errors",
            "calls in which something failed, by the error's class",
            ["error"],
            registry=r,
        )
        self.journal_backlog = Gauge(
            "callcontrol_journal_backlog",
            "records that wait to be shipped",
            multiprocess_mode="sum",
            registry=r,
        )
        self.journal_oldest_seconds = Gauge(
            "callcontrol_journal_oldest_seconds",
            "age of the oldest record that waits to be shipped",
            multiprocess_mode="max",
            registry=r,
        )
        self.records_shipped = Counter(
            "callcontrol_records_shipped", "records that reached Postgres", registry=r
        )
        self.records_set_aside = Counter(
            "callcontrol_records_set_aside", "records that Postgres refused", registry=r
        )
        self.store_up = Gauge(
            "callcontrol_store_up",
            "1 while Postgres answers",
            multiprocess_mode="min",
            registry=r,
        )
        self.reference_numbers = Gauge(
            "callcontrol_reference_numbers",
            "numbers in the reference in use",
            multiprocess_mode="min",
            registry=r,
        )
        self.reference_loaded = Gauge(
            "callcontrol_reference_loaded_timestamp_seconds",
            "when the reference in use was read",
            multiprocess_mode="min",
            registry=r,
        )
        self.reference_faults = Gauge(
            "callcontrol_reference_faults",
            "rows refused in the last reading of the reference",
            multiprocess_mode="max",
            registry=r,
        )
        self.link_up = Gauge(
            "callcontrol_link_up",
            "1 while the link to the switch is up",
            multiprocess_mode="min",
            registry=r,
        )
        self.link_lag_seconds = Histogram(
            "callcontrol_link_lag_seconds",
            "from the switch's stamp on an event to our reading it",
            buckets=_MS,
            registry=r,
        )
        self.link_gaps = Counter(
            "callcontrol_link_gaps", "times events of the switch were missed", registry=r
        )


class WorkersMetrics:
    """The series of a supervisor, beside those of its workers."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.workers = Gauge(
            "callcontrol_workers", "workers that can take calls", registry=registry
        )
        self.deaths = Counter(
            "callcontrol_worker_deaths",
            "workers that ended without being asked to",
            registry=registry,
        )


def take_seat(folder: Path, seat: int) -> None:
    """Have this process's figures kept in the files of a seat; before `Metrics` is built."""
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)  # where the library looks for it
    values.ValueClass = values.MultiProcessValue(lambda: seat)  # type: ignore[no-untyped-call]


class WorkersFigures(Collector):
    """The figures of all workers as those of one service.

    Args:
        folder: where the workers keep them.
        serving: the seats of the workers that serve now: only their gauges mean anything.
    """

    def __init__(self, folder: Path, serving: Callable[[], Container[int]]) -> None:
        self._folder = folder
        self._serving = serving

    def collect(self) -> Iterable[Metric]:
        """Read the files and add them up."""
        serving = self._serving()
        files = [
            str(file)
            for file in self._folder.glob("*.db")
            if not file.name.startswith("gauge_") or int(file.stem.split("_")[-1]) in serving
        ]
        merged: Iterable[Metric] = MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]
        return merged
