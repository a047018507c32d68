"""callcontrol.wiring: what is told of a call in progress, and what is looked at before."""

from __future__ import annotations

import gevent
import pytest

from callcontrol.calls.levels import ask_level
from callcontrol.calls.lifecycle import run_call
from callcontrol.wiring import in_progress, look_at
from tests.builders import ANSWERED_US, LEG, make_channel, make_engine, make_reference
from tests.fakes.switch import FakeSession, answers

FIXED = {"call_id", "leg_uuid", "received_us", "start_us", "dial", "leg_uuids"}
"""Of a call, its meter and its tries: what never changes."""


class Reads:
    """Passes everything on and notes by name what was read."""

    def __init__(self, of, names):
        self._of, self._names = of, names

    def __getattr__(self, name):
        """Read it."""
        self._names.add(name)
        value = getattr(self._of, name)
        if name == "meter" and value is not None:
            return Reads(value, self._names)
        return [Reads(one, self._names) for one in value] if name == "tries" else value


@pytest.fixture
def call():
    """A call in talk."""
    engine = make_engine(make_reference())
    engine.link.legs.add(LEG)
    session = FakeSession(make_channel(), answers(after_us=ANSWERED_US))
    life = gevent.spawn(run_call, session, engine)
    gevent.sleep(0)
    call = engine.live_calls.find(LEG)
    yield call, engine
    engine.link.end(LEG, at_us=ANSWERED_US + 60_000_000, answered_us=ANSWERED_US)
    life.get(timeout=5)


def test_whatever_is_told_and_may_change_is_looked_at(call):
    """Or the change would not be seen by whoever looks into Postgres."""
    told, looked_at = set(), set()

    in_progress(Reads(call[0], told))
    look_at(Reads(call[0], looked_at))

    assert told - looked_at <= FIXED
    assert {"draft", "meter", "changes", "free", "tries", "attempt"} <= looked_at


def test_a_change_is_seen_and_time_is_none(call):
    """A change of level makes another look; the clock alone does not."""
    call, engine = call
    before = look_at(call)
    engine.clock.advance(5)
    later = look_at(call)
    ask_level(call, 2, engine, by="anna", asked_us=ANSWERED_US + 10_000_000)
    gevent.joinall([call.changing])
    changed = look_at(call)

    assert later.traits == before.traits
    assert changed.traits != before.traits
    assert changed.tell() == in_progress(call)
