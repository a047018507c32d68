"""Tests of callcontrol.calls.resync."""

from __future__ import annotations

import gevent
import pytest

from callcontrol.calls.lifecycle import run_call
from callcontrol.calls.resync import keep_in_step, resync
from callcontrol.errors import WireError
from tests.builders import (
    ANSWERED_US,
    LEG,
    make_channel,
    make_engine,
    make_reference,
)
from tests.fakes.switch import FakeSession, answers


@pytest.fixture
def engine():
    return make_engine(make_reference())


@pytest.fixture
def talking(engine):
    """A call that is up."""
    session = FakeSession(make_channel(), answers(after_us=ANSWERED_US))
    engine.link.legs.add(LEG)
    call = gevent.spawn(run_call, session, engine)
    gevent.sleep(0)
    yield call
    call.kill()


class TestResync:
    def test_a_call_the_switch_has_goes_on(self, engine, talking):
        """Nothing happens to it but that it is proved to be up."""
        engine.clock.advance(60)

        closed = resync(engine)

        assert closed == 0
        assert engine.live_calls.find(LEG).seen_us == engine.clock.now_us()
        (noted,) = engine.journal.open_calls()
        assert noted.merged["seen_us"] == engine.clock.now_us()

    def test_many_calls_are_noted_some_at_a_time(self, engine, monkeypatch):
        """A call that arrives meanwhile need not wait for all of them."""
        monkeypatch.setattr("callcontrol.calls.resync._AT_A_TIME", 2)
        legs = [f"{LEG[:-1]}{n}" for n in range(5)]
        engine.link.legs.update(legs)
        noted = []
        monkeypatch.setattr(engine.journal, "seen", lambda ids, at_us: noted.append(list(ids)))
        lives = [
            gevent.spawn(
                run_call,
                FakeSession(make_channel(uuid=leg), answers(after_us=ANSWERED_US)),
                engine,
            )
            for leg in legs
        ]
        gevent.sleep(0)

        resync(engine)

        assert [len(ids) for ids in noted] == [2, 2, 1]
        assert {one for ids in noted for one in ids} == {c.call_id for c in engine.live_calls}
        gevent.killall(lives)

    def test_a_call_the_switch_has_no_longer_is_closed_where_it_was_last_seen(
        self, engine, talking
    ):
        """It is charged to the last instant at which it is proved to have been up."""
        engine.clock.advance(63)
        resync(engine)
        engine.link.legs.clear()
        engine.clock.advance(60)

        closed = resync(engine, grace_s=0.01)
        talking.get(timeout=10)

        (cdr,) = engine.journal.records.values()
        assert closed == 1
        assert (cdr.closed_how, cdr.metered_us) == ("reconciled", 60_000_000)

    def test_an_end_that_was_on_its_way_is_taken(self, engine, talking):
        """The switch's own word is better than a guess, when it comes."""
        engine.link.legs.clear()
        gevent.spawn(
            engine.link.end, LEG, at_us=ANSWERED_US + 5_000_000, answered_us=ANSWERED_US
        )

        closed = resync(engine)
        talking.get(timeout=10)

        (cdr,) = engine.journal.records.values()
        assert closed == 0
        assert (cdr.closed_how, cdr.metered_us) == ("normal", 5_000_000)

    @pytest.mark.parametrize("answer", ["", "[]", "-ERR", '{"rows": [{}]}', '{"rows": 7}'])
    def test_an_answer_that_is_no_list_closes_nothing(self, engine, talking, answer):
        """Garbage proves nothing about any call."""
        engine.link.api = lambda *_, **__: answer

        with pytest.raises(WireError):
            resync(engine)

        assert len(engine.live_calls) == 1


class TestKeepInStep:
    def test_what_failed_is_done_again_soon(self, engine, talking):
        """Not only when the next comparison is due."""
        answers = iter(["-ERR"])
        ask, asked = engine.link.api, []

        def api(command, *arguments, deadline_s):
            if command == "show":
                asked.append(command)
                if answer := next(answers, None):
                    return answer
            return ask(command, *arguments, deadline_s=deadline_s)

        engine.link.api = api
        keeping = gevent.spawn(keep_in_step, engine, 1.0, again_s=0.0)
        with gevent.Timeout(1.9):  # before the second that is due
            while len(asked) < 2:
                gevent.sleep(0.01)
        keeping.kill()
