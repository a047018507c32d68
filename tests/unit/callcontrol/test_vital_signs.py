"""Tests of callcontrol.vital_signs."""

from __future__ import annotations

import time
from types import SimpleNamespace

import gevent
import pytest

from callcontrol.calls.live_calls import LiveCalls
from callcontrol.cdr.journal import Backlog
from callcontrol.clock import SystemClock
from callcontrol.metrics import Metrics
from callcontrol.vital_signs import VitalSigns
from tests.fakes.clock import FakeClock
from tests.waiting import eventually


@pytest.fixture
def parts(tmp_path):
    """What a process is made of, as far as it is looked at."""
    return {
        "clock": SystemClock(),
        "journal": SimpleNamespace(
            fault=None, backlog=lambda: Backlog(records=3, oldest_s=7.5, set_aside=1, held=0)
        ),
        "journal_path": tmp_path / "journal.sqlite",
        "store": SimpleNamespace(is_up=True),
        "link": SimpleNamespace(is_up=False, connections=1, events=10, restarts=0),
        "listener": SimpleNamespace(refused=0, turned_away=2, dropped=0, conversations=4),
        "live_calls": LiveCalls(),
    }


@pytest.fixture
def metrics():
    return Metrics()


def value(metrics, name, **labels):
    """Give a series' value."""
    return metrics.registry.get_sample_value(f"callcontrol_{name}", labels or {"worker": "1"})


def test_what_is_seen(metrics, parts):
    """Journal, Postgres, link, sockets, memory."""
    VitalSigns(metrics, **parts).show()

    assert value(metrics, "journal_backlog") == 3
    assert value(metrics, "journal_oldest_seconds") == 7.5
    assert value(metrics, "journal_set_aside") == 1
    assert value(metrics, "journal_fault") == 0
    assert value(metrics, "journal_free_bytes") > 0
    assert (value(metrics, "store_up"), value(metrics, "link_up")) == (1, 0)
    assert value(metrics, "conversations") == 4
    assert value(metrics, "resident_bytes") > 1_000_000
    assert value(metrics, "open_files") > 2


def test_counters_take_what_has_been_added(metrics, parts):
    """Not the whole each time; and they go on from where another process stopped."""
    metrics.link_events.inc(100)
    signs = VitalSigns(metrics, **parts)
    signs.show()
    signs.show()
    parts["link"].events = 15
    signs.show()

    assert value(metrics, "link_events_total") == 115
    assert value(metrics, "link_connections_total") == 1
    assert value(metrics, "connections_refused_total", reason="peer") == 2


def test_a_failing_journal(metrics, parts):
    """Shown at the next look."""
    parts["journal"].fault = OSError("no space")
    VitalSigns(metrics, **parts).show()

    assert value(metrics, "journal_fault") == 1


def test_what_holds_up_the_process_is_seen(metrics, parts):
    """A third of a second in which no greenlet had its turn."""
    signs = VitalSigns(metrics, **parts)
    signs.start()
    gevent.sleep(0)
    time.sleep(0.35)

    eventually(lambda: value(metrics, "hub_lag_seconds_sum") > 0.2, within_s=5)
    signs.stop()
    assert value(metrics, "open_files_limit") > 0


def test_pricing_takes_a_twentieth_of_the_time_at_most(metrics, parts, monkeypatch):
    """Many calls are priced more seldom, a few once a second."""
    clock, slept = FakeClock(), []

    def sleep(seconds):
        slept.append(seconds)
        if len(slept) == 2:
            raise gevent.GreenletExit

    signs = VitalSigns(metrics, **{**parts, "clock": clock})
    takes_s = iter((0.01, 0.25))
    monkeypatch.setattr(signs, "show_levels", lambda: clock.advance(next(takes_s)))
    monkeypatch.setattr(gevent, "sleep", sleep)

    with pytest.raises(gevent.GreenletExit):
        signs._price()

    assert slept == [1.0, pytest.approx(5.0)]
