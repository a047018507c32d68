"""Tests of callcontrol.metrics and of the table that describes the series."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from callcontrol.cli.metrics import table
from callcontrol.metrics import LABELS, Metrics, ServiceMetrics, all_series

ROOT = Path(__file__).parents[3]
SERIES = {series.name: series for series in all_series()}
UNITS = {"_seconds": "seconds", "_bytes": "bytes", "_chf": "CHF"}


def exposed():
    """Give the names and types that /metrics shows."""
    metrics = Metrics()
    ServiceMetrics(metrics.registry, "engine-1")
    text = generate_latest(metrics.registry).decode()
    return dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))


def test_the_page_is_what_the_code_says():
    """`callcontrol metrics > docs/metrics.md` brings it up to date."""
    assert (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8") == table()


def test_every_series_shown_is_listed():
    """With the type that the list says; and no other is shown."""
    assert exposed() == {name: series.kind for name, series in SERIES.items()}


@pytest.mark.parametrize("name", SERIES)
def test_names_tell_the_unit(name):
    """Base units only, and a name that ends in one has it."""
    series = SERIES[name]
    bare = name.removesuffix("_total")

    assert name.startswith("callcontrol_")
    assert name.endswith("_total") == (series.kind == "counter")
    for ending, unit in UNITS.items():
        assert not bare.endswith(ending) or series.unit.startswith(unit)


def test_labels_are_closed_sets():
    """Each is described with its values, none is left over, none says who calls whom."""
    used = {label for series in SERIES.values() for label in series.labels}

    assert used == LABELS.keys()
    assert not used & {"number", "customer", "caller", "called", "uuid", "call_id", "leg"}


def test_a_gauge_says_whose_it_is():
    """The worker's number stands at each of its own values, a zero before anything was set."""
    metrics = Metrics(CollectorRegistry(), worker=3)
    metrics.calls_in_progress.set(7)

    assert (
        metrics.registry.get_sample_value("callcontrol_calls_in_progress", {"worker": "3"}) == 7
    )


def test_what_alarms_look_at_is_there_from_the_start():
    """A counter that first appears with a one has not grown, as Prometheus sees it."""
    value = Metrics().registry.get_sample_value

    assert value("callcontrol_calls_closed_total", {"how": "reconciled"}) == 0
    assert value("callcontrol_records_set_aside_total") == 0
