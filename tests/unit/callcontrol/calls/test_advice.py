"""Tests of callcontrol.calls.advice: who is told what a call costs, and when."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace

import gevent
import pytest

from callcontrol.calls.aoc_xml import advice_from_xml
from callcontrol.calls.hangup import release
from callcontrol.calls.levels import ask_level
from callcontrol.calls.lifecycle import run_call
from callcontrol.calls.takeover import adopt
from dialplan import Operator, Operators
from tests.builders import (
    ANSWERED_US,
    LEG,
    make_channel,
    make_engine,
    make_event,
    make_reference,
)
from tests.fakes.switch import FakeSession, answers

TRUNK = frozenset({"127.0.0.0/8"})


def make_advised(**operator):
    """Make an engine whose callers' operator takes advice, unless told otherwise."""
    given = {"code": "lake", "networks": TRUNK, "advice_of_charge": True} | operator
    return make_engine(
        replace(make_reference(level_keys=True), operators=Operators((Operator(**given),)))
    )


@contextmanager
def talking(engine):
    """Have a call in talk for 10 s."""
    engine.link.legs.add(LEG)
    session = FakeSession(make_channel(), answers(after_us=ANSWERED_US))
    life = gevent.spawn(run_call, session, engine)
    gevent.sleep(0)
    engine.clock.advance(13)
    try:
        yield engine.live_calls.find(LEG)
    finally:
        life.kill()


def change_level(engine, call):
    """Have an operator change the level after ten seconds."""
    ask_level(call, 2, engine, by="anna", asked_us=ANSWERED_US + 10_000_000).get(timeout=5)


def advised(engine):
    """Give the advice that was sent, and the rest of what went to the switch about it."""
    sent = [words for words in engine.link.sent if words[0] == "uuid_send_info"]
    return [advice_from_xml(" ".join(words[4:])) for words in sent]


def test_a_change_is_told_with_the_charge_so_far():
    """Ten seconds at 3.00 a minute, one begun at 4.50, and 20.00 for the change."""
    engine = make_advised()

    with talking(engine) as call:
        change_level(engine, call)

    (told,) = advised(engine)
    assert (told.kind, told.information, told.currency) == ("aoc-d", "subtotal", "CHF")
    assert str(told.amount) == str(call.meter.rated(ANSWERED_US + 10_000_000).charge)
    assert ("uuid_setvar", LEG, "fs_send_unsupported_info", "true") in engine.link.sent


def test_the_end_is_told_before_it_is_made():
    """The dialogue must still be there."""
    engine = make_advised()

    with talking(engine) as call:
        engine.link.ends_at = {"at_us": ANSWERED_US + 10_000_000}
        release(call, "ALLOTTED_TIMEOUT", engine)

    names = [words[0] for words in engine.link.sent]
    assert [one.kind for one in advised(engine)] == ["aoc-e"]
    assert names.index("uuid_send_info") < names.index("uuid_kill")


@pytest.mark.parametrize(
    "operator",
    [
        {"advice_of_charge": False},
        {"networks": frozenset(), "prefixes": frozenset({"+41"})},
    ],
    ids=["off", "a network that is known by its caller's number only"],
)
def test_nothing_is_sent_to_who_does_not_take_it(operator):
    """It goes over the operator's own trunk, if it asks for it, and nowhere else."""
    engine = make_advised(**operator)

    with talking(engine) as call:
        change_level(engine, call)
        engine.link.ends_at = {"at_us": ANSWERED_US + 10_000_000}
        release(call, "ALLOTTED_TIMEOUT", engine)

    assert advised(engine) == []
    assert not any("fs_send_unsupported_info" in words for words in engine.link.sent)


def test_without_a_link_a_change_is_in_force_all_the_same():
    """An advice that cannot be sent is lost, and nothing else."""
    engine = make_advised()

    with talking(engine) as call:
        engine.link.is_up = False
        change_level(engine, call)
        assert call.level_now == 2


def test_a_call_taken_over_is_advised_as_before():
    """The switch knows the trunk it came from."""
    engine = make_advised()
    with talking(engine):
        left_open = engine.journal.open_calls()
    other = make_advised()
    other.link.legs.add(LEG)
    other.link.answered_us = ANSWERED_US
    other.link.told[LEG] = make_event("CHANNEL_DATA", variable_sip_network_ip="127.0.0.1")

    adopt(left_open, other)

    assert other.live_calls.find(LEG).takes_advice
