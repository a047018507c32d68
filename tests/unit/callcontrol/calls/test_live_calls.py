"""Tests of callcontrol.calls.live_calls."""

from __future__ import annotations

import gevent
import pytest

from callcontrol.calls.lifecycle import received
from callcontrol.calls.live_calls import LiveCalls
from dialplan import PLATFORM, Scope
from tests.builders import make_channel, make_engine, make_reference

NUMBER = Scope("number", "+41900123456")


@pytest.fixture
def call():
    return received(make_channel(), 0.0, make_engine(make_reference()))


def test_counts_what_is_in_progress_here_and_elsewhere(call):
    """A limit is one of the service, whichever of its processes has the calls."""
    calls = LiveCalls()
    calls.count_elsewhere(NUMBER, 3)
    calls.count_elsewhere(PLATFORM, 0)
    calls.add(call)
    calls.count_in(call, [NUMBER])

    assert (calls.in_progress(NUMBER), calls.in_progress(PLATFORM), len(calls)) == (4, 1, 1)


def test_tells_every_count_that_changes(call):
    """The other processes of the service are to know; a leg that comes twice is no change."""
    told = []
    calls = LiveCalls(lambda scope, count: told.append((scope, count)))
    calls.add(call)
    calls.add(call)
    calls.count_in(call, [NUMBER])
    calls.remove(call)
    calls.remove(call)

    assert told == [(PLATFORM, 1), (NUMBER, 1), (PLATFORM, 0), (NUMBER, 0)]


def test_others_get_their_turn_while_many_calls_are_looked_at():
    """Whoever looks at all of them holds up nobody; one that ends meanwhile is left out."""
    calls, engine = LiveCalls(), make_engine(make_reference())
    for n in range(250):
        calls.add(received(make_channel(uuid=f"leg-{n}"), 0.0, engine))
    last = list(calls)[-1]
    other = gevent.spawn(calls.remove, last)
    seen = [other.ready() for _ in calls.in_turns()]

    assert seen == [False] * 25 + [True] * 224
