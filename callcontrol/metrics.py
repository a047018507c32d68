"""Every Prometheus series of the engine in one table: name, unit, labels, meaning.

Labels are few and closed sets, listed in `LABELS`: never a number, a customer or a uuid.

Where several workers are one service, its counters and histograms are the sums over all workers
there ever were. A gauge is of one worker and says which; a lone engine is worker 1.

Each worker keeps its figures in files of its seat, mapped into memory, which outlive it. A seat
is taken by one process at a time; the next one goes on counting where the last one died. So
there are never more files than processes at once, and nothing that was counted is lost.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Metric,
    disable_created_metrics,
    values,
)
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

# When each series began: twice the series, and of several workers the library has none of them.
disable_created_metrics()  # type: ignore[no-untyped-call]

PREFIX = "callcontrol_"

REASONS = (
    "not in service",
    "suspended",
    "withheld refused",
    "blacklist",
    "limit",
    "closed",
    "no tariff in force",
    "overload",
    "no link to the switch",
    "journal failing",
    "price not announced",
    "no consent",
)
"""Why a call may not be put through; anything else is counted as `other`."""

LABELS = {
    "category": "kind of number: 0800, 0840, 0842, 0844, 0848, 0900, 0901, 0906; `none` where "
    "the number is none of ours",
    "disposition": "how the call ended, as its record says: answered, blocked, closed, busy, "
    "no_answer, abandoned, unreachable, rejected, failed, congestion",
    "cause": "hangup cause by FreeSWITCH's name, some eighty; `other` for one not known",
    "how": "how the record was closed: normal, recovered, reconciled",
    "reason": f"why a call was refused: {', '.join(REASONS)}, other; "
    "of a connection: flood, peer",
    "gateway": "name of a gateway in the reference; `direct` for a SIP URI reached without",
    "by": "who asked: destination (by its keys), plan (of the week), step (of the tariff), "
    "request (from Postgres)",
    "level": "number of a level, 1 to 90",
    "outcome": "of a level change: applied, refused; else how a try ended: answered, lost_race "
    "(another destination that rang beside it "
    "was faster), abandoned, busy, no_answer, unreachable, rejected, failed",
    "error": "class of the error, of those in the code",
    "worker": "number of the worker, from 1; a lone engine is 1",
    "version": "of the engine",
    "python": "version of Python",
    "engine": "name of the engine, as in its records",
}
"""Every label that may occur, and the closed set its values are from."""

_MS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
_DECIDING = (0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05)
_RINGING = (0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 60, 120)
_TALKING = (5, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200)


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """What a series is, for whoever reads it.

    Attributes:
        name: as Prometheus has it; of a histogram without `_bucket`, `_sum`, `_count`.
        kind: counter, gauge or histogram.
        unit: of its values.
        meaning: of it, in a few words.
    """

    name: str
    kind: str
    unit: str
    labels: tuple[str, ...]
    meaning: str


class _Family:
    """Series built into one registry and listed in `series`."""

    def __init__(self, registry: CollectorRegistry | None, worker: int) -> None:
        self.registry = registry or CollectorRegistry()
        self.series: list[Series] = []
        self._worker = str(worker)

    def _counter(self, name: str, unit: str, meaning: str, *labels: str) -> Counter:
        self._list(f"{name}_total", "counter", unit, meaning, labels)
        counter = Counter(PREFIX + name, meaning, labels, registry=self.registry)
        return counter.labels(self._worker) if labels == ("worker",) else counter

    def _gauge(
        self,
        name: str,
        unit: str,
        meaning: str,
        *,
        labels: tuple[str, ...] = ("worker",),
        is_own: bool = True,
    ) -> Gauge:
        """Build a gauge; of this worker, if it is its own."""
        self._list(name, "gauge", unit, meaning, labels)
        # Of each worker one process serves, so its own value is the greatest there is.
        gauge = Gauge(
            PREFIX + name,
            meaning,
            labels,
            multiprocess_mode="max" if is_own else "sum",
            registry=self.registry,
        )
        return gauge.labels(self._worker) if is_own else gauge

    def _histogram(
        self, name: str, buckets: tuple[float, ...], meaning: str, *labels: str
    ) -> Histogram:
        self._list(name, "histogram", "seconds", meaning, labels)
        built = Histogram(
            PREFIX + name, meaning, labels, buckets=buckets, registry=self.registry
        )
        return built.labels(self._worker) if labels == ("worker",) else built

    def _list(
        self, name: str, kind: str, unit: str, meaning: str, labels: tuple[str, ...]
    ) -> None:
        self.series.append(
            Series(name=PREFIX + name, kind=kind, unit=unit, labels=labels, meaning=meaning)
        )


class Metrics(_Family):
    """The series of one engine process, in a registry of its own.

    Args:
        registry: where to; None: one of its own.
        worker: the number of the worker that this process is.
    """

    def __init__(self, registry: CollectorRegistry | None = None, *, worker: int = 1) -> None:
        super().__init__(registry, worker)
        self._calls()
        self._money()
        self._destinations()
        self._records()
        self._reference()
        self._switch()
        self._process()

    def _calls(self) -> None:
        self.calls = self._counter(
            "calls", "calls", "calls recorded, refused ones included", "category", "disposition"
        )
        self.calls_in_progress = self._gauge(
            "calls_in_progress", "calls", "calls now on the engine's hands"
        )
        self.calls_limit = self._gauge(
            "calls_limit", "calls", "calls at once that all workers together admit"
        )
        self.calls_refused = self._counter(
            "calls_refused", "calls", "calls that were not put through, by the rule", "reason"
        )
        self.calls_unserved = self._counter(
            "calls_unserved",
            "calls",
            "calls that the switch refused because no engine took them; each engine that saw "
            "one counts it",
        )
        self.calls_ended = self._counter(
            "calls_ended", "calls", "calls recorded, by the caller's hangup cause", "cause"
        )
        self.call_errors = self._counter(
            "call_errors", "errors", "failures in the handling of a call", "error"
        )
        self.decision_seconds = self._histogram(
            "decision_seconds", _DECIDING, "time to decide a call"
        )
        self.first_command_seconds = self._histogram(
            "first_command_seconds",
            _MS,
            "from the switch's connect to our first command for the call",
        )
        self.setup_seconds = self._histogram(
            "setup_seconds", _RINGING, "from the call's arrival at the switch to its answer"
        )
        self.talk_seconds = self._histogram(
            "talk_seconds", _TALKING, "from the answer of a call to its end"
        )

    def _money(self) -> None:
        self.charge_chf = self._counter(
            "charge_chf", "CHF", "what callers owe, VAT included", "category"
        )
        self.share_chf = self._counter(
            "share_chf", "CHF", "of that, net, what is the customers'", "category"
        )
        self.transport_chf = self._counter(
            "transport_chf", "CHF", "what customers owe for carrying their calls", "category"
        )
        self.running_charge_chf = self._gauge(
            "running_charge_chf", "CHF", "what calls being metered have cost so far"
        )
        self.calls_by_level = self._gauge(
            "calls_by_level",
            "calls",
            "calls being metered, by the level in force; of all workers",
            labels=("level",),
            is_own=False,
        )
        self.level_changes = self._counter(
            "level_changes", "changes", "level changes asked of running calls", "by", "outcome"
        )
        self.metered_seconds = self._counter(
            "metered_seconds", "seconds", "time that meters ran", "category"
        )
        self.calls_capped = self._counter(
            "calls_capped", "calls", "calls whose charge reached the maximum", "category"
        )

    def _destinations(self) -> None:
        self.attempts = self._counter(
            "attempts",
            "attempts",
            "tries of a destination; answered ones by all is the answer-seizure ratio",
            "gateway",
            "outcome",
        )
        self.attempt_causes = self._counter(
            "attempt_causes",
            "attempts",
            "tries that were not answered, by the destination's hangup cause",
            "gateway",
            "cause",
        )
        self.post_dial_delay_seconds = self._histogram(
            "post_dial_delay_seconds",
            _RINGING,
            "from the first try of a call to the destination's first sign of ringing, or to "
            "its answer; tries of one destination alone",
            "gateway",
        )
        self.gateway_talk_seconds = self._counter(
            "gateway_talk_seconds",
            "seconds",
            "time answered calls lasted; by answered attempts it is the mean duration",
            "gateway",
        )

    def _records(self) -> None:
        self.calls_closed = self._counter(
            "calls_closed", "calls", "calls recorded, by how their end was known", "how"
        )
        for how in ("normal", "recovered", "reconciled"):
            self.calls_closed.labels(how)
        self.journal_seconds = self._histogram(
            "journal_seconds", _MS, "from a finished record to its being on the disk"
        )
        self.journal_fault = self._gauge(
            "journal_fault", "1 or 0", "1 while the journal cannot be written as it should"
        )
        self.journal_backlog = self._gauge(
            "journal_backlog", "records", "records that wait to be shipped"
        )
        self.journal_oldest_seconds = self._gauge(
            "journal_oldest_seconds", "seconds", "age of the oldest record that waits"
        )
        self.journal_set_aside = self._gauge(
            "journal_set_aside",
            "records",
            "records that Postgres refused and wait for somebody",
        )
        self.journal_held = self._gauge(
            "journal_held", "entries", "entries in memory for which the disk had no room"
        )
        self.journal_free_bytes = self._gauge(
            "journal_free_bytes", "bytes", "free space on the journal's disk"
        )
        self.records_shipped = self._counter(
            "records_shipped", "records", "records that reached Postgres"
        )
        self.records_set_aside = self._counter(
            "records_set_aside", "records", "records that Postgres refused"
        )
        self.ship_failures = self._counter(
            "ship_failures", "attempts", "attempts to ship that failed and are repeated"
        )
        self.store_up = self._gauge("store_up", "1 or 0", "1 while Postgres answers")

    def _reference(self) -> None:
        self.reference_in_step = self._gauge(
            "reference_in_step", "1 or 0", "1 while every change in Postgres arrives here"
        )
        self.reference_loaded = self._gauge(
            "reference_loaded_timestamp_seconds",
            "seconds since 1970",
            "when the reference in use was read",
        )
        self.reference_revision = self._gauge(
            "reference_revision",
            "revision",
            "of the reference in use: grows with each change, equal ones are equal contents",
        )
        self.reference_numbers = self._gauge(
            "reference_numbers", "numbers", "numbers in the reference in use"
        )
        self.reference_faults = self._gauge(
            "reference_faults", "rows", "rows refused in the last reading of the reference"
        )

    def _switch(self) -> None:
        self.link_up = self._gauge("link_up", "1 or 0", "1 while the link to the switch is up")
        self.link_connections = self._counter(
            "link_connections", "connections", "times the link came up", "worker"
        )
        self.link_events = self._counter(
            "link_events", "events", "events read from the link", "worker"
        )
        self.link_lag_seconds = self._histogram(
            "link_lag_seconds", _MS, "from the switch's stamp on an event to our reading it"
        )
        self.switch_restarts = self._counter(
            "switch_restarts", "restarts", "restarts of the switch seen", "worker"
        )
        self.ends_missed = self._counter(
            "ends_missed", "calls", "calls found ended of which no event had come"
        )
        self.calls_adopted = self._counter(
            "calls_adopted", "calls", "calls taken over from an earlier process"
        )
        self.connections_refused = self._counter(
            "connections_refused",
            "connections",
            "connections of the switch not taken: `flood` over the limit, `peer` from a "
            "network that is not allowed",
            "reason",
        )
        self.conversations = self._gauge(
            "conversations", "calls", "calls that are being set up, each with a socket"
        )

    def _process(self) -> None:
        self.hub_lag_seconds = self._histogram(
            "hub_lag_seconds",
            _MS,
            "how late a tenth of a second's sleep ends: what every call waits while something "
            "holds up the process",
            "worker",
        )
        self.cpu_seconds = self._counter(
            "cpu_seconds", "seconds", "CPU time used, all threads", "worker"
        )
        self.resident_bytes = self._gauge("resident_bytes", "bytes", "memory in use")
        self.open_files = self._gauge("open_files", "files", "open files, sockets included")
        self.open_files_limit = self._gauge(
            "open_files_limit", "files", "open files that the system allows"
        )


class ServiceMetrics(_Family):
    """The series of whoever answers for an engine: its one process, or its supervisor.

    Args:
        registry: where to, beside those of the process or the workers.
        engine: the engine's name.
    """

    def __init__(self, registry: CollectorRegistry, engine: str) -> None:
        super().__init__(registry, 1)
        self._ready = self._gauge(
            "ready", "1 or 0", "1 while the worker can take calls", is_own=False
        )
        self.deaths = self._counter(
            "worker_deaths", "workers", "workers that ended without being asked to"
        )
        build_info = self._gauge(
            "build_info",
            "1",
            "1; its labels say what runs",
            labels=("version", "python", "engine"),
            is_own=False,
        )
        build_info.labels(_version(), platform.python_version(), engine).set(1)

    def watch(self, worker: int, is_ready: Callable[[], bool]) -> None:
        """Show of a worker whether it can take calls, asked whenever somebody looks."""
        self._ready.labels(str(worker)).set_function(is_ready)


def _version() -> str:
    try:
        return version("callcontrol")
    except PackageNotFoundError:
        return "unknown"


def all_series() -> list[Series]:
    """List every series there is, in the order in which they are told of."""
    return Metrics().series + ServiceMetrics(CollectorRegistry(), "").series


def take_seat(folder: Path, seat: int) -> None:
    """Have this process's figures kept in the files of a seat; before `Metrics` is built."""
    for gauges in folder.glob(f"gauge_*_{seat}.db"):
        gauges.unlink()  # of the process before this one, which may have been another worker
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
