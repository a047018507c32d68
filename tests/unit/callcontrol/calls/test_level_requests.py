"""Tests of callcontrol.calls.level_requests: rows that ask, from memory to the calls."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import gevent
import pytest
from gevent.event import Event as Signal

from callcontrol.calls.level_requests import LevelRequests
from callcontrol.calls.lifecycle import run_call
from callcontrol.calls.takeover import adopt
from callcontrol.level_request import LevelRequest
from tests.builders import (
    ANSWERED_US,
    CREATED_US,
    LEG,
    make_channel,
    make_engine,
    make_reference,
)
from tests.fakes.switch import FakeSession, answers, fails

SECOND_US = 1_000_000


@dataclass
class Stage:
    """An engine with its requests, at the instant of the answer of its one call."""

    engine: Any
    call: Any
    requests: Any
    outcomes: list[Any] = field(default_factory=list)

    def pass_time(self, seconds):
        """Let time pass, and what is due happen."""
        self.engine.clock.advance(seconds)
        self.engine.ticker.tick()
        gevent.sleep(0)
        gevent.sleep(0)

    def take(self, **fields):
        """Take a request, made now."""
        made = {"id": 1, "level": 2, "by": "anna", "asked_us": self.engine.clock.now_us()}
        self.requests.take([LevelRequest(**made | fields)])
        gevent.sleep(0)
        gevent.sleep(0)


def staged(engine):
    """Put the requests on an engine with one call."""
    outcomes = []
    return Stage(
        engine=engine,
        call=engine.live_calls.find(LEG),
        requests=LevelRequests(engine, outcomes.append),
        outcomes=outcomes,
    )


@pytest.fixture
def stage():
    """Give an engine with one call in talk."""
    engine = make_engine(make_reference())
    engine.link.legs.add(LEG)
    life = gevent.spawn(
        run_call, FakeSession(make_channel(), answers(after_us=ANSWERED_US)), engine
    )
    gevent.sleep(0)
    engine.clock.advance(3)
    yield staged(engine)
    life.kill()


class TestOneCall:
    def test_changes_at_once_and_says_since_when(self, stage):
        """From the moment at which the engine took the row."""
        stage.pass_time(10)
        stage.take(call_id=stage.call.call_id)

        (outcome,) = stage.outcomes
        assert stage.call.level_now == 2
        assert (outcome.request, outcome.call_id) == (1, stage.call.call_id)
        assert (outcome.in_force_us, outcome.refused) == (ANSWERED_US + 10 * SECOND_US, None)
        assert (stage.call.changes[0].by, stage.call.changes[0].request) == ("anna", 1)

    def test_another_call_s_row_is_nobody_s(self, stage):
        """Each engine deals with its own calls."""
        stage.take(call_id="0198f0de-0000-7000-8000-000000000000")

        assert (stage.outcomes, stage.call.level_now) == ([], 1)

    def test_refused_says_why(self, stage):
        """The table has no level 7."""
        stage.take(call_id=stage.call.call_id, level=7)

        assert "level 7" in stage.outcomes[0].refused

    def test_told_twice_is_dealt_with_once(self, stage):
        """Whenever the connection is lost, all rows are told again."""
        stage.take(call_id=stage.call.call_id)
        stage.take(call_id=stage.call.call_id)

        assert len(stage.call.changes) == len(stage.outcomes) == 1

    def test_an_hour_old_row_is_not_dealt_with(self, stage):
        """Nobody waits for it any more."""
        stage.pass_time(3700)
        stage.take(call_id=stage.call.call_id, asked_us=ANSWERED_US)

        assert stage.call.changes == []


class TestSchedule:
    def test_waits_for_its_instant_and_holds_from_it(self, stage):
        """To the microsecond, however late the engine comes to it."""
        effective_us = ANSWERED_US + 60 * SECOND_US + 123_456
        stage.take(call_id=stage.call.call_id, effective_us=effective_us)
        stage.pass_time(60)
        before = stage.call.level_now
        stage.pass_time(0.5)

        assert (before, stage.call.level_now) == (1, 2)
        assert stage.outcomes[0].in_force_us == effective_us

    def test_found_late_it_holds_from_then(self, stage):
        """No engine ran at its instant: what was not known is not charged for."""
        stage.pass_time(60)
        stage.take(call_id=stage.call.call_id, effective_us=ANSWERED_US + 30 * SECOND_US)

        assert stage.outcomes[0].in_force_us == ANSWERED_US + 60 * SECOND_US

    def test_can_be_withdrawn(self, stage):
        """Until its instant."""
        stage.take(call_id=stage.call.call_id, effective_us=ANSWERED_US + 60 * SECOND_US)
        stage.requests.withdraw(1)
        stage.pass_time(61)

        assert (stage.call.changes, stage.outcomes) == ([], [])


class TestAllCallsOfANumber:
    def test_all_that_arrived_before_change(self, stage):
        """A row for the number is one for each of its calls."""
        stage.take(number="+41900123456")

        assert stage.call.level_now == 2
        assert stage.outcomes[0].call_id == stage.call.call_id

    def test_later_ones_and_other_numbers_do_not(self, stage):
        """They were decided by the number as it is by then."""
        stage.take(number="+41900123456", asked_us=CREATED_US - 1)
        stage.take(number="+41900123457", id=2)

        assert stage.call.changes == []

    def test_one_that_still_rings_changes_at_its_answer(self):
        """It was decided before, so the number's new level is not yet its own."""
        engine = make_engine(make_reference())
        engine.link.legs.add(LEG)
        picked_up = Signal()
        session = FakeSession(make_channel(), lambda *_: [])
        told = answers(after_us=ANSWERED_US)

        def next_event(_deadline_s):
            picked_up.wait()
            if not session._events:
                (_, argument), execution = session.sent[-1], f"execution-{len(session.sent)}"
                session._events.extend(told(execution, argument))
            return session._events.popleft()

        session.next_event = next_event
        life = gevent.spawn(run_call, session, engine)
        gevent.sleep(0)
        stage = staged(engine)
        stage.take(number="+41900123456")
        before = list(stage.outcomes)
        picked_up.set()
        for _ in range(5):
            gevent.sleep(0)
        life.kill()

        assert before == []
        assert stage.outcomes[0].in_force_us == ANSWERED_US
        assert (stage.call.level, stage.call.level_now) == (1, 2)

    def test_one_that_nobody_answers_has_nothing_to_change(self):
        """What waited for the answer is refused when there is none."""
        engine = make_engine(make_reference())
        engine.link.legs.add(LEG)
        session = FakeSession(make_channel(), *[fails("USER_BUSY")] * 2)
        requests = LevelRequests(engine, (outcomes := []).append)
        request = LevelRequest(
            id=1, level=2, by="anna", asked_us=CREATED_US, number="+41900123456"
        )
        session.on_hangup = lambda cause: (
            requests.take([request]),
            engine.link.end(LEG, cause=cause, at_us=CREATED_US + SECOND_US),
        )

        run_call(session, engine)
        gevent.sleep(0)

        assert [one.refused for one in outcomes] == ["the call had ended"]


class TestTakeover:
    def test_what_an_engine_before_dealt_with_is_told_and_not_done_again(self, stage):
        """The change in the journal names its row."""
        stage.pass_time(10)
        stage.take(call_id=stage.call.call_id)
        second = make_engine(make_reference())
        second.clock.advance(20)
        second.link.legs.add(LEG)
        second.link.answered_us = ANSWERED_US
        adopt(stage.engine.journal.open_calls(), second)
        after = staged(second)

        after.take(call_id=stage.call.call_id, asked_us=ANSWERED_US)

        assert after.outcomes == stage.outcomes
        assert len(after.call.changes) == 1

    def test_an_engine_beside_it_deals_with_what_was_due_in_the_calls_it_takes_over(
        self, stage
    ):
        """It knew the row, and had no such call when it came."""
        second = make_engine(make_reference())
        second.clock.advance(20)
        second.link.legs.add(LEG)
        second.link.answered_us = ANSWERED_US
        after = staged(second)
        after.take(call_id=stage.call.call_id)
        before = list(after.outcomes)
        adopt(stage.engine.journal.open_calls(), second)

        after.requests.look_again()
        after.requests.look_again()
        gevent.sleep(0)
        gevent.sleep(0)

        assert before == []
        assert second.live_calls.find(LEG).level_now == 2
        assert len(second.live_calls.find(LEG).changes) == 1
