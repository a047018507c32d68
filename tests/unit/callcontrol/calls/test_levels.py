"""Tests of callcontrol.calls.levels: the level of a running call, asked for and in force."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import gevent
import pytest
from gevent.event import Event as Signal

from callcontrol.calls.kept_facts import kept
from callcontrol.calls.levels import ask_level, heard
from callcontrol.calls.lifecycle import run_call
from callcontrol.calls.resync import resync
from callcontrol.calls.takeover import adopt
from callcontrol.clock import at_of, us_of
from callcontrol.described_record import described_record
from callcontrol.errors import JournalFull
from callcontrol.rating import rate_text
from dialplan import LevelSlot, WeekPlan
from tariffs import Level, Meter, Then
from tests.builders import (
    ANSWERED_US,
    LEG,
    at,
    make_channel,
    make_engine,
    make_event,
    make_reference,
    make_tariff,
)
from tests.fakes.journal import MemoryJournal
from tests.fakes.switch import FakeSession, answers

OTHER_LEG = "0d1b0a8e-0c3f-4e38-a6b5-8a4f8f6f6b0e"

CHEAP = make_tariff()
"""Level 1 is 3.00 a minute, level 2 is 20.00 and 4.50 a minute, at most 400.00."""


@contextmanager
def talking(*, tariff=CHEAP, level_keys=True, journal=None, **number):
    """Have a call in talk; gives the engine and the call, and ends what is left of it."""
    reference = make_reference(tariff=tariff, level_keys=level_keys, **number)
    engine = make_engine(reference)
    engine.journal = journal or engine.journal
    engine.link.legs.add(LEG)
    life = gevent.spawn(
        run_call, FakeSession(make_channel(), answers(after_us=ANSWERED_US)), engine
    )
    gevent.sleep(0)
    engine.clock.advance(3)
    try:
        yield engine, engine.live_calls.find(LEG)
    finally:
        life.kill()


def press(engine, keys, *, after_s, leg=OTHER_LEG, other=LEG, source="ENDPOINT"):
    """Press keys on a phone, the last of them at an instant of the call."""
    for number, key in enumerate(keys):
        heard(
            make_event(
                "DTMF",
                Unique_ID=leg,
                Other_Leg_Unique_ID=other,
                Event_Date_Timestamp=at(after_s) - (len(keys) - 1 - number) * 150_000,
                DTMF_Digit=key,
                DTMF_Source=source,
            ),
            engine,
        )
    settle(engine)


def settle(engine):
    """Let what was asked be dealt with."""
    gevent.joinall([one.changing for one in engine.live_calls if one.changing], timeout=5)


def ended(engine, *, after_s):
    """End the call; gives its record."""
    engine.link.end(LEG, at_us=at(after_s), answered_us=ANSWERED_US)
    gevent.sleep(0)
    gevent.sleep(0)
    (cdr,) = engine.journal.records.values()
    return cdr


def priced(*changes, until_s, tariff=CHEAP):
    """Price a call by the meter alone; changes are (seconds, level)."""
    meter = Meter(tariff, level=1, start_us=ANSWERED_US)
    for seconds, level in changes:
        assert meter.change_level(level, at(seconds)) is None
    return meter.stop(at(until_s))


class TestKeys:
    def test_the_destination_changes_the_level_there_and_back(self):
        """Each holds from the very instant of its hash, by the switch's clock."""
        with talking() as (engine, call):
            press(engine, "*02#", after_s=90.4)
            level_between = call.level_now
            press(engine, "*01#", after_s=120.2)
            cdr = ended(engine, after_s=130)

        rated = priced((90.4, 2), (120.2, 1), until_s=130)
        assert (level_between, call.level_now) == (2, 1)
        assert cdr.charge.gross == rated.charge == Decimal("27.30")
        assert cdr.charge.exact == rated.exact
        assert [(one.level, one.in_force_us, one.by) for one in cdr.changes] == [
            (2, at(90.4), "destination"),
            (1, at(120.2), "destination"),
        ]
        assert cdr.level_at_start == 1
        assert [one.level for one in cdr.segments] == [1, 2, 1]

    def test_the_caller_s_keys_change_nothing(self):
        """They go to whoever waits for them, such as for consent, or to nobody."""
        with talking() as (engine, call):
            press(engine, "*02#", after_s=5, leg=LEG, other=OTHER_LEG)
            taken = []
            call.on_key = taken.append
            press(engine, "1", after_s=6, leg=LEG, other=OTHER_LEG)
            cdr = ended(engine, after_s=10)

        assert cdr.changes == ()
        assert [event.header("DTMF-Digit") for event in taken] == ["1"]

    def test_a_number_that_does_not_allow_it_refuses(self):
        """The record says so, and the call goes on at its price."""
        with talking(level_keys=False) as (engine, call):
            press(engine, "*02#", after_s=5)
            cdr = ended(engine, after_s=10)

        (change,) = cdr.changes
        assert call.level_now == 1
        assert (change.refused, change.in_force_us) == ("the number does not allow it", None)
        assert cdr.charge.gross == priced(until_s=10).charge

    def test_keys_of_somebody_else_s_call_are_nobody_s(self):
        """The switch tells of every key pressed on it."""
        with talking() as (engine, _):
            press(engine, "*02#", after_s=5, other="another leg")

            assert ended(engine, after_s=10).changes == ()

    def test_an_event_without_a_sound_instant_is_passed_over(self):
        """A price never changes at an instant that was guessed."""
        with talking() as (engine, call):
            for key in "*02#":
                heard(
                    make_event(
                        "DTMF",
                        Unique_ID=OTHER_LEG,
                        Other_Leg_Unique_ID=LEG,
                        DTMF_Digit=key,
                        Event_Date_Timestamp="soon",
                    ),
                    engine,
                )
            settle(engine)

            assert call.level_now == 1

    def test_a_flood_is_bounded(self):
        """A destination that plays with the keys neither fills the journal nor the record."""
        with talking() as (engine, call):
            for number in range(3_000):
                press(engine, f"*0{number % 2 + 1}#", after_s=5 + number / 1000)
            cdr = ended(engine, after_s=60)

        assert len(call.changes) == 1000
        assert "level_changes_dropped" in cdr.flags


class TestRefused:
    @pytest.mark.parametrize(
        ("level", "reason"),
        [
            (3, "level 3"),
            (0, "level 0"),
            (99, "level 99"),
            (2, "would pass the maximum of CHF 10.00"),
        ],
    )
    def test_goes_on_unchanged_and_says_why(self, level, reason):
        """A level the table lacks, or whose charges at once would pass the maximum."""
        tariff = make_tariff(max_charge=Decimal("10.00"))
        with talking(tariff=tariff) as (engine, call):
            outcome = ask_level(call, level, engine, by="anna", asked_us=at(5))
            settle(engine)
            cdr = ended(engine, after_s=10)

        (change,) = cdr.changes
        assert reason in change.refused
        assert change == outcome.get_nowait()
        assert (change.by, change.asked_us, change.in_force_us) == ("anna", at(5), None)
        assert cdr.charge.gross == priced(until_s=10, tariff=tariff).charge

    def test_what_the_law_forbids(self):
        """A level dearer than the law is refused in force, whoever let it into the table."""
        dear = make_tariff(
            levels={1: Level(per_minute=Decimal("3.00")), 2: Level(per_minute=Decimal("10.01"))}
        )
        with talking(tariff=dear) as (engine, call):
            outcome = ask_level(call, 2, engine, by="anna", asked_us=at(5))
            settle(engine)

        assert "art. 39" in outcome.get_nowait().refused
        assert call.level_now == 1

    def test_before_the_answer_and_without_a_tariff_there_is_nothing_to_change(self):
        """A call that is not metered has no level."""
        with talking() as (engine, call):
            call.meter = None
            outcome = ask_level(call, 2, engine, by="anna", asked_us=at(5))
            settle(engine)

        assert outcome.get_nowait().refused == "the call is not metered"

    def test_after_the_end(self):
        """The call is over before its end was told to us: nothing is charged after it."""
        with talking() as (engine, call):
            ask_level(call, 2, engine, by="anna", asked_us=at(10.001))
            settle(engine)
            cdr = ended(engine, after_s=10)

        (change,) = cdr.changes
        assert change.refused == "the call had ended"
        assert cdr.charge.gross == priced(until_s=10).charge

    def test_a_disk_that_is_full(self):
        """What cannot be kept does not count, also for an engine that would come after."""
        with talking() as (engine, call):
            engine.journal.fault = JournalFull("no room")
            outcome = ask_level(call, 2, engine, by="anna", asked_us=at(5))
            settle(engine)
            engine.journal.fault = None
            noted = engine.journal.open_calls()[0].merged["change.0"]

        assert outcome.get_nowait().refused == "it could not be kept in the journal"
        assert noted["in_force_us"] is None
        assert call.level_now == 1


class SlowJournal(MemoryJournal):
    """A journal whose disk takes until it is let go."""

    def __init__(self):
        super().__init__()
        self.on_disk = Signal()

    def keep(self, call_id, facts):
        """Keep something, after a while."""
        super().keep(call_id, facts)
        self.on_disk.wait()


class BrokenJournal(MemoryJournal):
    """A journal that fails once, in a way nobody thought of."""

    has_failed = False

    def keep(self, call_id, facts):
        """Keep something, the second time."""
        if not self.has_failed:
            self.has_failed = True
            raise KeyError("a mistake")
        super().keep(call_id, facts)


class TestOrder:
    def test_the_journal_comes_first(self):
        """A level is not in force before it is on the disk."""
        journal = SlowJournal()
        with talking(journal=journal) as (engine, call):
            ask_level(call, 2, engine, by="anna", asked_us=at(5))
            gevent.sleep(0)
            before = call.level_now, journal.open_calls()[0].merged["change.0"]["level"]
            journal.on_disk.set()
            settle(engine)

            assert before == (1, 2)
            assert call.level_now == 2

    def test_one_after_the_other_in_the_order_asked(self):
        """While one is dealt with the next waits, and never holds from before it."""
        journal = SlowJournal()
        with talking(journal=journal) as (engine, call):
            first = ask_level(call, 2, engine, by="anna", asked_us=at(5))
            second = ask_level(call, 1, engine, by="bert", asked_us=at(4))
            journal.on_disk.set()
            settle(engine)

        assert first.get_nowait().in_force_us == at(5)
        assert second.get_nowait().in_force_us == at(5)
        assert call.level_now == 1

    @pytest.mark.parametrize("late_s", [13, 12])
    def test_one_that_is_found_late_stands_in_the_record_where_it_held(self, late_s):
        """Behind the one that was asked for after it: so the record can be priced again."""
        with talking() as (engine, call):
            engine.clock.advance(15)
            ask_level(call, 2, engine, by="anna", asked_us=at(11), at_us=at(12))
            ask_level(call, 1, engine, by="anna", asked_us=at(10), at_us=at(late_s))
            settle(engine)
            cdr = ended(engine, after_s=200)

        again = rate_text(json.dumps(described_record(cdr, CHEAP)))
        assert [(one.level, one.in_force_us) for one in cdr.changes] == [
            (2, at(12)),
            (1, at(late_s)),
        ]
        assert (
            again.charge == cdr.charge.gross == priced((12, 2), (late_s, 1), until_s=200).charge
        )

    def test_one_asked_before_the_end_is_in_the_record(self):
        """The end is told while the disk is still at it: the record waits for the change."""
        journal = SlowJournal()
        with talking(journal=journal) as (engine, call):
            ask_level(call, 2, engine, by="anna", asked_us=at(5))
            gevent.sleep(0)
            engine.link.end(LEG, at_us=at(10), answered_us=ANSWERED_US)
            gevent.sleep(0)
            is_recorded_before = bool(journal.records)
            journal.on_disk.set()
            gevent.wait([call.changing], timeout=5)
            gevent.sleep(0.001)
            (cdr,) = journal.records.values()

        assert not is_recorded_before
        assert cdr.charge.gross == priced((5, 2), until_s=10).charge

    def test_a_mistake_of_our_own_stops_no_other_change(self):
        """The next one asked is dealt with, and the call goes on."""
        with talking(journal=BrokenJournal()) as (engine, call):
            first = ask_level(call, 2, engine, by="anna", asked_us=at(5))
            second = ask_level(call, 2, engine, by="anna", asked_us=at(6))
            settle(engine)

        assert first.get_nowait().refused == "it went wrong"
        assert second.get_nowait().in_force_us == at(6)


class TestMaximum:
    def test_moves_with_the_level_here_and_at_the_switch(self):
        """Level 2 charges 20.00 at once, so of 25.00 little is left."""
        with talking(tariff=make_tariff(max_charge=Decimal("25.00"))) as (engine, call):
            engine.clock.advance(10)
            press(engine, "*02#", after_s=10)
            sent = [one for one in engine.link.sent if one[0].startswith("sched_")]
            engine.link.ends_at = {"at_us": at(69.8), "answered_us": ANSWERED_US}
            exhausted_us = call.meter.exhausted_at_us()
            engine.clock.advance(59.7)
            engine.ticker.tick()
            gevent.sleep(0)
            released_before = call.released
            engine.clock.advance(0.1)
            engine.ticker.tick()
            gevent.sleep(0)

        assert exhausted_us == at(70)
        assert (released_before, call.released) == (None, "ALLOTTED_TIMEOUT")
        assert sent == [
            ("sched_del", LEG),
            ("sched_hangup", "+61", LEG, "allotted_timeout"),
        ]

    def test_the_switch_is_told_when_the_link_is_back(self):
        """While it is away our own watch goes on alone."""
        with talking(tariff=make_tariff(max_charge=Decimal("25.00"))) as (engine, call):
            engine.clock.advance(10)
            engine.link.is_up = False
            press(engine, "*02#", after_s=10)
            is_stale = call.is_hold_stale
            engine.link.is_up = True
            engine.link.sent.clear()
            resync(engine)

            assert is_stale
            assert ("sched_hangup", "+61", LEG, "allotted_timeout") in engine.link.sent
            assert not call.is_hold_stale

    def test_a_level_that_costs_nothing_takes_it_away(self):
        """Nothing will ever pass the maximum: the switch shall not end the call either."""
        free = make_tariff(levels={1: Level(per_minute=Decimal("3.00")), 2: Level()})
        with talking(tariff=free) as (engine, call):
            press(engine, "*02#", after_s=10)

            sent = [one for one in engine.link.sent if one[0].startswith("sched_")]
            assert sent == [("sched_del", LEG)]
            assert len(engine.ticker) == 0
            assert call.held_us is None


class TestStep:
    def test_is_shown_when_it_comes(self):
        """Level 1 leads to level 2 after a minute, and nobody asked."""
        stepped = make_tariff(
            levels={
                1: Level(per_minute=Decimal("3.00"), then=Then(after_s=60, level=2)),
                2: Level(per_minute=Decimal("4.50"), then=Then(after_s=60, level=1)),
            }
        )
        with talking(tariff=stepped) as (engine, call):
            seen = [call.level_now]
            for _ in range(3):
                engine.clock.advance(60)
                engine.ticker.tick()
                seen.append(call.level_now)
            cdr = ended(engine, after_s=185)

        counted = engine.metrics.registry.get_sample_value(
            "callcontrol_level_changes_total", {"by": "step", "outcome": "applied"}
        )
        assert seen == [1, 2, 1, 2]
        assert [(one.level, one.in_force_us) for one in cdr.changes] == [
            (2, at(60)),
            (1, at(120)),
            (2, at(180)),
        ]
        assert counted == 3
        assert cdr.charge.gross == priced(until_s=185, tariff=stepped).charge

    def test_asked_for_before_it_takes_its_place(self):
        """A change to another level starts that level's own steps."""
        stepped = make_tariff(
            levels={
                1: Level(per_minute=Decimal("3.00"), then=Then(after_s=60, level=3)),
                2: Level(per_minute=Decimal("4.50"), then=Then(after_s=30, level=1)),
                3: Level(per_minute=Decimal("9.00")),
            }
        )
        with talking(tariff=stepped) as (engine, call):
            press(engine, "*02#", after_s=50)
            engine.clock.advance(75)
            engine.ticker.tick()
            before = call.level_now
            engine.clock.advance(5)
            engine.ticker.tick()

            assert (before, call.level_now) == (2, 1)


class TestPlan:
    """Level 2 from a quarter to twelve until noon, in Zurich."""

    QUARTER = WeekPlan(
        slots=(
            LevelSlot(weekdays=frozenset(range(7)), start=time(11, 45), end=time(12), level=2),
        )
    )

    def test_running_calls_change_with_it_where_the_number_says_so(self):
        """At the very instant of the plan, and back again at its end."""
        with talking(level_week=self.QUARTER, level_week_live=True) as (engine, call):
            begins_us = next_quarter_to_twelve_us(ANSWERED_US)
            seen = []
            for until_us in (begins_us - 1_000_000, begins_us, begins_us + 900_000_000):
                pass_until(engine, until_us)
                seen.append(call.level_now)
            cdr = ended(engine, after_s=(begins_us - ANSWERED_US) / 1_000_000 + 901)

        assert seen == [1, 2, 1]
        assert [(one.level, one.in_force_us, one.by) for one in cdr.changes] == [
            (2, begins_us, "plan"),
            (1, begins_us + 900_000_000, "plan"),
        ]

    def test_elsewhere_they_do_not(self):
        """It is the level at which calls start, and no more."""
        with talking(level_week=self.QUARTER) as (engine, call):
            pass_until(engine, next_quarter_to_twelve_us(ANSWERED_US))

            assert call.level_now == 1
            assert call.changes == []

    def test_a_call_starts_at_the_level_of_its_slot(self):
        """It goes before the number's level."""
        always = WeekPlan(
            slots=(LevelSlot(weekdays=frozenset(range(7)), start=time(), end=time(), level=2),)
        )
        with talking(level_week=always) as (_, call):
            assert (call.level, call.level_now) == (2, 2)


def next_quarter_to_twelve_us(since_us):
    """Give the instant at which a clock in Zurich next shows 11:45."""
    since = at_of(since_us).astimezone(ZoneInfo("Europe/Zurich"))
    same_day = since.replace(hour=11, minute=45, second=0, microsecond=0)
    return us_of(same_day if same_day > since else same_day + timedelta(days=1))


def pass_until(engine, until_us):
    """Let time pass up to an instant, as the ticker would, and what is due happen."""
    while (left_us := until_us - engine.clock.now_us()) > 0:
        engine.clock.advance(min(left_us, 1_800_000_000) / 1_000_000)
        engine.ticker.tick()
        settle(engine)


class TestTakeover:
    def test_an_engine_killed_at_once_has_lost_no_change(self):
        """What was on the disk counts, for the price as for the maximum."""
        tariff = make_tariff(max_charge=Decimal("25.00"))
        with talking(tariff=tariff) as (engine, _):
            press(engine, "*02#", after_s=10)
            left = engine.journal.open_calls()
        second = make_engine(make_reference(tariff=tariff, level_keys=True))
        second.clock.advance(20)
        second.link.legs.add(LEG)
        second.link.answered_us = ANSWERED_US

        adopt(left, second)
        call = second.live_calls.find(LEG)
        level_after = call.level_now
        press(second, "*01#", after_s=20)
        cdr = ended(second, after_s=30)

        rated = priced((10, 2), (20, 1), until_s=30, tariff=tariff)
        assert level_after == 2
        assert ("sched_hangup", "+54", LEG, "allotted_timeout") in second.link.sent
        assert (cdr.charge.gross, cdr.charge.exact) == (rated.charge, rated.exact)
        assert [one.level for one in cdr.changes] == [2, 1]
        assert cdr.closed_how == "recovered"

    def test_the_switch_keeps_the_changes_too(self):
        """Should the journal be lost with its disk: those in force, as they would be noted."""
        with talking() as (engine, call):
            press(engine, "*77#", after_s=4)
            press(engine, "*02#", after_s=5)
            told = [one[3] for one in engine.link.sent if one[2:3] == ("cc_changes",)]

        assert [kept(one) for one in told] == [[call.changes[1].to_fact()]]

    def test_so_many_that_they_would_burden_the_switch_are_in_the_journal_alone(self):
        """Every event of the leg carries its variables."""
        with talking() as (engine, _):
            for number in range(52):
                press(engine, f"*0{number % 2 + 1}#", after_s=5 + number)
            told = [one for one in engine.link.sent if one[2:3] == ("cc_changes",)]

        assert len(told) == 50

    def test_a_note_that_cannot_be_read_is_flagged(self):
        """The rest of the call is priced, and somebody should know."""
        with talking() as (engine, call):
            engine.journal.noted(call.call_id, {"change.0": {"level": "two"}})
            left = engine.journal.open_calls()
        second = make_engine(make_reference())
        second.link.legs.add(LEG)
        second.link.answered_us = ANSWERED_US

        adopt(left, second)

        assert ended(second, after_s=10).flags == ("change_unreadable",)
