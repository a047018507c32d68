"""Tests of `callcontrol top`: what two readings say, what is drawn, what keys do."""

from __future__ import annotations

import io
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from callcontrol.cdr import CallId
from callcontrol.cli.calls import level_in_force, rated_now
from callcontrol.cli.top import after_key, keys_in
from callcontrol.cli.top_readings import Reading, figures
from callcontrol.cli.top_screen import Moment, Order, Running, View, arranged, screen
from callcontrol.reference import Reference
from callcontrol.store.calls_table import CallInProgress
from tariffs import Level
from tests.cdr_builders import make_refused_cdr
from tests.tariff_builders import make_tariff

GOLDEN = Path(__file__).parent / "golden"
NOW_US = 1_799_000_000_000_000
TARIFF = make_tariff(levels={1: Level(per_minute=Decimal("3.00")), 2: Level()})

BEFORE = """\
# TYPE callcontrol_calls_total counter
callcontrol_calls_total{category="0900",disposition="answered"} 100
callcontrol_calls_total{category="0900",disposition="blocked"} 10
# TYPE callcontrol_setup_seconds histogram
callcontrol_setup_seconds_bucket{le="+Inf"} 10
callcontrol_setup_seconds_count 10
callcontrol_setup_seconds_sum 20
# TYPE callcontrol_decision_seconds histogram
callcontrol_decision_seconds_bucket{le="+Inf"} 110
callcontrol_decision_seconds_count 110
callcontrol_decision_seconds_sum 1
# TYPE callcontrol_charge_chf_total counter
callcontrol_charge_chf_total{category="0900"} 250
# TYPE callcontrol_cpu_seconds_total counter
callcontrol_cpu_seconds_total{worker="1"} 50
callcontrol_cpu_seconds_total{worker="2"} 70
"""
NOW = """\
# TYPE callcontrol_build_info gauge
callcontrol_build_info{engine="engine-1",python="3.11",version="0.1.0"} 1
# TYPE callcontrol_calls_total counter
callcontrol_calls_total{category="0900",disposition="answered"} 106
callcontrol_calls_total{category="0900",disposition="blocked"} 12
callcontrol_calls_total{category="0800",disposition="answered"} 2
# TYPE callcontrol_calls_refused_total counter
callcontrol_calls_refused_total{reason="blacklist"} 2
# TYPE callcontrol_setup_seconds histogram
callcontrol_setup_seconds_bucket{le="+Inf"} 14
callcontrol_setup_seconds_count 14
callcontrol_setup_seconds_sum 30
# TYPE callcontrol_decision_seconds histogram
callcontrol_decision_seconds_bucket{le="+Inf"} 116
callcontrol_decision_seconds_count 116
callcontrol_decision_seconds_sum 1.012
# TYPE callcontrol_charge_chf_total counter
callcontrol_charge_chf_total{category="0900"} 260
# TYPE callcontrol_cpu_seconds_total counter
callcontrol_cpu_seconds_total{worker="1"} 51
callcontrol_cpu_seconds_total{worker="2"} 0.5
# TYPE callcontrol_ready gauge
callcontrol_ready{worker="1"} 1
callcontrol_ready{worker="2"} 0
# TYPE callcontrol_calls_in_progress gauge
callcontrol_calls_in_progress{worker="1"} 2
callcontrol_calls_in_progress{worker="2"} 1
# TYPE callcontrol_calls_limit gauge
callcontrol_calls_limit{worker="1"} 2000
callcontrol_calls_limit{worker="2"} 2000
# TYPE callcontrol_link_up gauge
callcontrol_link_up{worker="1"} 1
callcontrol_link_up{worker="2"} 0
# TYPE callcontrol_store_up gauge
callcontrol_store_up{worker="1"} 1
# TYPE callcontrol_journal_fault gauge
callcontrol_journal_fault{worker="1"} 0
# TYPE callcontrol_journal_backlog gauge
callcontrol_journal_backlog{worker="1"} 4
# TYPE callcontrol_journal_oldest_seconds gauge
callcontrol_journal_oldest_seconds{worker="1"} 3.4
# TYPE callcontrol_reference_in_step gauge
callcontrol_reference_in_step{worker="1"} 1
# TYPE callcontrol_reference_numbers gauge
callcontrol_reference_numbers{worker="1"} 1200
# TYPE callcontrol_reference_revision gauge
callcontrol_reference_revision{worker="1"} 42
# TYPE callcontrol_resident_bytes gauge
callcontrol_resident_bytes{worker="1"} 90000000
"""


@pytest.fixture
def shown():
    """What two readings two seconds apart say."""
    return figures(Reading.of([BEFORE], at_s=10), Reading.of([NOW], at_s=12))


def running(index, **changed):
    """Make a call in progress that is priced now."""
    call = CallInProgress(
        call_id=CallId(f"01a2c3d4-0000-7000-8000-00000000000{index}"),
        switch_uuid=f"leg-{index}",
        received_us=NOW_US - 100_000_000 * index,
        **{
            "state": "answered",
            "number": "+41900123456",
            "category": "0900",
            "customer": "acme",
            "caller": "+41795550001",
            "answered_us": NOW_US - 100_000_000 * index + 5_000_000,
            "meter_start_us": NOW_US - 100_000_000 * index + 5_000_000,
            "tariff": TARIFF.name,
            "tariff_version": TARIFF.version,
            "level": 1,
            "level_at_start": 1,
            "attempts": (
                {"target": "+41445550101", "gateway": "trunk-a", "outcome": "busy"},
                {"target": "+41445550102", "gateway": "trunk-b", "outcome": "answered"},
            ),
            **changed,
        },
    )
    rated = rated_now(call, Reference(tariffs={TARIFF.name: (TARIFF,)}), NOW_US)
    return Running(engine="engine-1", call=call, rated=rated, level=level_in_force(call, rated))


CALLS = (
    running(1),
    running(
        2,
        number="+41800000001",
        category="0800",
        caller=None,
        state="dialling",
        answered_us=None,
        meter_start_us=None,
        level=None,
        attempts=({"target": "+41445550101", "gateway": "trunk-a", "outcome": "rings"},),
    ),
    running(
        3, changes=({"level": 2, "in_force_us": NOW_US - 150_000_000, "by": "destination"},)
    ),
)
REFUSED = replace(
    make_refused_cdr(),
    received_us=NOW_US - 3_000_000,
    number="+41901123456",
    dialled="0901123456",
    caller="+41795556666",
    caller_withheld=False,
    rule="blacklist:[red]+4179*",
)


def drawn(moment, view):
    """Draw a screen as plain text."""
    paper = io.StringIO()
    Console(file=paper, width=110, color_system=None).print(screen(moment, view))
    return "\n".join(line.rstrip() for line in paper.getvalue().splitlines()) + "\n"


class TestFigures:
    def test_paces(self, shown):
        """Eight calls of two kinds and two refusals in two seconds."""
        assert shown.a_second == 5
        assert shown.arriving == 3
        assert shown.by_category == {"0800": 1, "0900": 4}
        assert shown.refused == {"blacklist": 1}
        assert shown.answered == 0.8
        assert shown.chf_an_hour == 18_000
        assert shown.to_answer_s == 2.5

    def test_a_counter_that_began_anew(self, shown):
        """An engine was started again: what it has counted since is what it grew by."""
        before = Reading.of([NOW], at_s=10)
        now = Reading.of([BEFORE], at_s=11)

        assert figures(before, now).a_second == 100 + 10

    def test_one_worker_that_began_anew(self, shown):
        """It has used half a second since, the other a whole one, in two seconds."""
        assert shown.cpu == 0.75

    def test_several_engines_add_up(self):
        """Each is compared with itself."""
        before = Reading.of([BEFORE, NOW], at_s=0)
        now = Reading.of([NOW, NOW], at_s=1)

        assert figures(before, now).a_second == 10
        assert figures(before, now).in_progress == 6

    def test_the_worst_worker_counts(self, shown):
        """One that is not ready, one without its link."""
        assert (shown.ready, shown.workers) == (1, 2)
        assert not shown.is_link_up
        assert shown.is_store_up
        assert shown.in_progress == 3
        assert shown.limit == 2000

    def test_the_first_reading(self):
        """Nothing has grown, so there is no pace and no mean."""
        now = Reading.of([NOW], at_s=5)
        first = figures(now, now)

        assert (first.a_second, first.answered, first.to_answer_s) == (0, None, None)


class TestScreen:
    @pytest.mark.parametrize(
        ("name", "view"),
        [
            ("overview", View(chosen=CALLS[1].call.call_id)),
            ("one-call", View(chosen=CALLS[2].call.call_id, is_open=True)),
        ],
    )
    def test_as_it_should_look(self, shown, name, view):
        """The whole screen, character by character."""
        moment = Moment(
            now_us=NOW_US,
            zone=ZoneInfo("Europe/Zurich"),
            figures=shown,
            calls=CALLS,
            refusals=[REFUSED],
        )

        assert drawn(moment, view) == (GOLDEN / f"top-{name}.txt").read_text(encoding="utf-8")

    def test_without_an_engine_and_without_postgres(self, shown):
        """Each says what is wrong, the rest is still shown."""
        no_engine = Moment(
            now_us=NOW_US, figures=None, figures_fault="127.0.0.1:9184 is silent"
        )
        no_store = Moment(
            now_us=NOW_US, figures=shown, store_fault="Postgres cannot be reached"
        )

        assert "127.0.0.1:9184 is silent" in drawn(no_engine, View())
        assert "Postgres cannot be reached" in drawn(no_store, View())

    def test_a_withheld_number_is_not_shown(self, shown):
        """Neither of a running call nor of a refused one."""
        refused = replace(REFUSED, caller_withheld=True)
        moment = Moment(
            now_us=NOW_US,
            zone=ZoneInfo("Europe/Zurich"),
            figures=shown,
            calls=CALLS[1:2],
            refusals=[refused],
        )

        text = drawn(moment, View())
        assert "+4179555" not in text.replace(refused.rule, "")
        assert "not shown" in text
        assert "withheld" in text

    def test_more_calls_than_room(self, shown):
        """The chosen one stays in sight, and the rest is counted."""
        calls = [running(index) for index in range(1, 10)]
        chosen = arranged(calls, Order.AGE)[-1].call.call_id
        moment = Moment(
            now_us=NOW_US, zone=ZoneInfo("Europe/Zurich"), figures=shown, calls=calls
        )

        text = drawn(moment, View(chosen=chosen, rows=3))
        assert "and 6 more" in text
        assert "1:35" in text


class TestKeys:
    def test_sort(self):
        """By age, charge, number, level, and from the beginning."""
        view, seen = View(), []
        for _ in range(4):
            view = after_key("s", view, CALLS)
            seen.append(view.order)

        assert seen == [Order.CHARGE, Order.NUMBER, Order.LEVEL, Order.AGE]

    def test_sorted_by_charge(self):
        """The dearest first, those that cost nothing last."""
        charges = [
            one.rated.charge if one.rated else None for one in arranged(CALLS, Order.CHARGE)
        ]

        assert charges[-1] is None
        assert charges[0] > charges[1]

    def test_choose_and_look_into(self):
        """Down to the second, Enter, Esc back to it, Esc away from it."""
        view = View()
        for key in ("down", "down", "open"):
            view = after_key(key, view, CALLS)
        assert view.is_open
        assert view.chosen == arranged(CALLS, Order.AGE)[1].call.call_id

        view = after_key("\x1b", view, CALLS)
        assert (view.is_open, view.chosen is None) == (False, False)
        assert after_key("\x1b", view, CALLS).chosen is None

    def test_quick_fingers(self):
        """Keys that come together are still one after the other."""
        assert keys_in("s\x1b[B\x1b[Bj\r") == ["s", "down", "down", "down", "open"]
        assert keys_in("\x1b") == ["\x1b"]

    @pytest.mark.parametrize("key", ["x", "open", "up", "down", "\x1b"])
    def test_without_calls(self, key):
        """No key does anything."""
        assert after_key(key, View(), ()) == View()
