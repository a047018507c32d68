"""What two readings of /metrics, a moment apart, say of a service: pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

from prometheus_client.parser import text_string_to_metric_families

_P = "callcontrol_"
_ENGINE = "instance"  # which engine a sample is of, as Prometheus calls it


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """All samples of one or more engines at one moment.

    Attributes:
        at_s: when, on a monotonic clock.
        samples: by series, (labels, value) each.
    """

    at_s: float
    samples: Mapping[str, tuple[tuple[Mapping[str, str], float], ...]]

    @classmethod
    def of(cls, texts: Iterable[str], *, at_s: float) -> Self:
        """Read what engines show.

        Raises:
            ValueError: a text that is not what Prometheus reads.
        """
        samples: dict[str, list[tuple[Mapping[str, str], float]]] = {}
        for engine, text in enumerate(texts):
            for family in text_string_to_metric_families(text):
                for sample in family.samples:
                    labels = {**sample.labels, _ENGINE: str(engine)}
                    samples.setdefault(sample.name, []).append((labels, sample.value))
        return cls(at_s=at_s, samples={name: tuple(rows) for name, rows in samples.items()})

    def samples_of(self, name: str, **labels: str) -> list[tuple[Mapping[str, str], float]]:
        """Give a series' samples that have these labels."""
        return [
            (sample, value)
            for sample, value in self.samples.get(_P + name, ())
            if all(sample.get(label) == wanted for label, wanted in labels.items())
        ]

    def values(self, name: str, **labels: str) -> list[float]:
        """Give their values."""
        return [value for _, value in self.samples_of(name, **labels)]

    def sum(self, name: str, **labels: str) -> float:
        """Add them up."""
        return sum(self.values(name, **labels))


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What an operator looks at.

    Attributes:
        arriving: calls decided a second.
        a_second: calls recorded a second; by_category the same by kind of number.
        answered: their share that was answered; None when there were no calls.
        chf_an_hour: charges recorded, at this pace.
        to_answer_s: mean time to the answer; None when none was answered.
        decide_s: mean time to decide; None when none was.
        lag_s: how old events of the switch were on the mean; None when none came.
        hub_lag_s: how late a turn came on the mean.
        cpu: cores in use.
    """

    ready: int
    workers: int
    in_progress: int
    limit: int
    arriving: float
    a_second: float
    by_category: Mapping[str, float]
    refused: Mapping[str, float]
    answered: float | None
    chf_an_hour: float
    running_chf: float
    to_answer_s: float | None
    decide_s: float | None
    is_link_up: bool
    lag_s: float | None
    is_store_up: bool
    is_journal_well: bool
    waiting: int
    oldest_s: float
    set_aside: int
    is_in_step: bool
    numbers: int
    revision: int
    faults: int
    hub_lag_s: float | None
    cpu: float
    resident_bytes: float
    engines: tuple[str, ...] = field(default=())


def figures(before: Reading, now: Reading) -> Figures:
    """Compare two readings; of gauges the newer counts, and the worst worker's."""
    return Figures(
        ready=round(now.sum("ready")),
        workers=len(now.values("ready")),
        in_progress=round(now.sum("calls_in_progress")),
        limit=round(max(now.values("calls_limit"), default=0)),
        arriving=_pace(before, now, "decision_seconds_count"),
        a_second=_pace(before, now, "calls_total"),
        by_category=_by(before, now, "calls_total", "category"),
        refused=_by(before, now, "calls_refused_total", "reason"),
        answered=_share(
            _grown(before, now, "calls_total", disposition="answered"),
            _grown(before, now, "calls_total"),
        ),
        chf_an_hour=3600 * _pace(before, now, "charge_chf_total"),
        running_chf=now.sum("running_charge_chf"),
        to_answer_s=_mean(before, now, "setup_seconds"),
        decide_s=_mean(before, now, "decision_seconds"),
        is_link_up=_all(now, "link_up"),
        lag_s=_mean(before, now, "link_lag_seconds"),
        is_store_up=_all(now, "store_up"),
        is_journal_well=not any(now.values("journal_fault")),
        waiting=round(now.sum("journal_backlog")),
        oldest_s=max(now.values("journal_oldest_seconds"), default=0),
        set_aside=round(now.sum("journal_set_aside")),
        is_in_step=_all(now, "reference_in_step"),
        numbers=round(min(now.values("reference_numbers"), default=0)),
        revision=round(min(now.values("reference_revision"), default=0)),
        faults=round(max(now.values("reference_faults"), default=0)),
        hub_lag_s=_mean(before, now, "hub_lag_seconds"),
        cpu=_pace(before, now, "cpu_seconds_total"),
        resident_bytes=now.sum("resident_bytes"),
        engines=tuple(
            sorted(labels.get("engine", "") for labels, _ in now.samples_of("build_info"))
        ),
    )


def _grown(before: Reading, now: Reading, name: str, **labels: str) -> float:
    """Say by how much counters grew; one that began anew grew from nothing."""
    known = {frozenset(sample.items()): value for sample, value in before.samples_of(name)}
    total = 0.0
    for sample, value in now.samples_of(name, **labels):
        grown = value - known.get(frozenset(sample.items()), 0.0)
        total += grown if grown >= 0 else value
    return total


def _pace(before: Reading, now: Reading, name: str, **labels: str) -> float:
    passed_s = now.at_s - before.at_s
    return _grown(before, now, name, **labels) / passed_s if passed_s > 0 else 0.0


def _by(before: Reading, now: Reading, name: str, label: str) -> dict[str, float]:
    """Give the paces by a label's values, those that are not zero."""
    known = sorted({labels[label] for labels, _ in now.samples_of(name)})
    paces = {value: _pace(before, now, name, **{label: value}) for value in known}
    return {value: pace for value, pace in paces.items() if pace}


def _mean(before: Reading, now: Reading, name: str) -> float | None:
    return _share(_grown(before, now, f"{name}_sum"), _grown(before, now, f"{name}_count"))


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _all(now: Reading, name: str) -> bool:
    values = now.values(name)
    return bool(values) and all(values)
