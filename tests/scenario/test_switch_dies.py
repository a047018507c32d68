"""The switch is killed, stopped or restarted: its calls end, and their records are right."""

from __future__ import annotations

import time
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal

import gevent
import pytest

from callcontrol.cdr import Cdr
from callcontrol.cdr.journal_file import read_only
from tariffs import Meter
from tests.scenario.records import us_of
from tests.scenario.test_prices import TABLES, expected_charge

DIALLED = "0900100002"
NUMBER = "+41900100002"
RINGS = "0900200004"


@pytest.fixture(autouse=True)
def serves_afterwards(stack):
    """Whatever happened to the switch: the next call is connected, metered and the same."""
    yield
    since = datetime.now(UTC)
    before = stack.recorded(NUMBER)
    called = stack.caller.call(DIALLED, talk_ms=300)
    cdr = stack.cdr_of_new_call(NUMBER, before)
    assert called.final == 200
    assert cdr["closed_how"] == "normal"
    assert Decimal(cdr["charge"]["gross"]) == expected_charge(stack, cdr).charge
    assert stack.eventually(lambda: stack.differences(since) == [])


@contextmanager
def talking(stack, dialled=DIALLED, *, is_answered=True):
    """Have a call that the switch will not end well; it is on the engine's disk by then."""
    calling = gevent.spawn(stack.caller.call, dialled, talk_ms=60_000, deadline_s=60)
    stack.eventually(lambda: [bool(one.answered_us) for one in drafts(stack)] == [is_answered])
    yield
    calling.kill()


def drafts(stack):
    """Give what the journal has on its disk of the calls that are not over."""
    with read_only(stack.journal) as (_, found, _aside):
        return [Cdr.from_json(one.merged["draft"]) for one in found]


def charge_of(cdr):
    """Price a call with the pure meter by its own two instants."""
    meter = Meter(TABLES[cdr["number"]], level=1, start_us=us_of(cdr["answered_at"]))
    return meter.stop(us_of(cdr["released_at"])).charge


def closed_where_last_seen(stack, since, before, killed_us):
    """Check the record of a call whose end nobody has told, and what `reconcile` says of it."""
    cdr = stack.cdr_of_new_call(NUMBER, before)
    assert cdr["closed_how"] == "reconciled"
    assert cdr["disposition"] == "answered"
    assert us_of(cdr["answered_at"]) <= us_of(cdr["released_at"]) <= killed_us
    assert Decimal(cdr["charge"]["gross"]) == charge_of(cdr)
    (found,) = stack.eventually(lambda: stack.differences(since))
    assert (found["kind"], found["leg_uuid"]) == ("extra", cdr["switch_uuid"])
    assert found["says"] == "reconciled"
    return cdr


def test_killed_switch_takes_its_calls_along(stack):
    """They are closed where they were last seen; the link comes back by itself."""
    before = stack.recorded(NUMBER) + 1
    stack.caller.call(DIALLED, talk_ms=100)
    stack.cdr_of_new_call(NUMBER, before - 1)
    since = datetime.now(UTC)
    restarts = stack.metric("callcontrol_switch_restarts_total")
    with talking(stack):
        stack.kill_switch()
        killed_us = time.time_ns() // 1000
        stack.eventually(lambda: not stack.is_ready())
        stack.eventually(lambda: stack.metric("callcontrol_link_up") == 0)
        stack.start_switch()

        closed_where_last_seen(stack, since, before, killed_us)
    assert drafts(stack) == []
    assert stack.metric("callcontrol_calls_in_progress") == 0
    stack.eventually(lambda: stack.metric("callcontrol_link_up") == 1)
    stack.caller.call("0800100001", talk_ms=100)
    stack.eventually(lambda: stack.metric("callcontrol_switch_restarts_total") == restarts + 1)


@pytest.mark.long
def test_switch_and_engine_die_together(stack):
    """A power cut: what is on the engine's disk is enough to close each call once."""
    since = datetime.now(UTC)
    before = stack.recorded(NUMBER)
    with talking(stack):
        stack.kill_engine()
        stack.kill_switch()
        killed_us = time.time_ns() // 1000
        stack.start_switch(is_engine_up=False)
        stack.start_engine()

        closed_where_last_seen(stack, since, before, killed_us)


@pytest.mark.long
def test_killed_while_a_destination_rings(stack):
    """Nobody was connected and nothing is owed; the one record says so."""
    since = datetime.now(UTC)
    before = stack.recorded("+41900200004")
    with talking(stack, RINGS, is_answered=False):
        stack.kill_switch()
        stack.start_switch()

        cdr = stack.cdr_of_new_call("+41900200004", before)
    assert (cdr["disposition"], cdr["charge"]) == ("failed", None)
    assert cdr["closed_how"] == "reconciled"
    assert [one["kind"] for one in stack.differences(since)] == ["extra"]


@pytest.mark.long
def test_stopped_politely_it_tells_when_its_calls_ended(stack):
    """The callers hear a BYE, and each record has the switch's own instants."""
    since = datetime.now(UTC)
    before = stack.recorded(NUMBER)
    with talking(stack):
        stack.stop_switch()
        stack.start_switch()
        cdr = stack.cdr_of_new_call(NUMBER, before)

    assert (cdr["closed_how"], cdr["released_by"]) == ("normal", "switch")
    assert cdr["hangup_cause"] == "SYSTEM_SHUTDOWN"
    assert Decimal(cdr["charge"]["gross"]) == expected_charge(stack, cdr).charge
    assert stack.eventually(lambda: stack.differences(since) == [])


@pytest.mark.long
def test_switch_that_hangs_for_a_while_loses_no_call(stack):
    """It answers nobody, then goes on as if nothing had been: so do its calls."""
    since = datetime.now(UTC)
    before = stack.recorded(NUMBER)
    answered = stack.calls_answered()
    calling = gevent.spawn(stack.caller.call, DIALLED, talk_ms=12_000)
    stack.eventually(lambda: stack.calls_answered() > answered)

    stack.switch.stall()
    try:
        stack.eventually(lambda: not stack.is_ready())
    finally:
        stack.switch.go_on()
    stack.eventually(stack.is_ready)
    called = calling.get(timeout=40)

    cdr = stack.cdr_of_new_call(NUMBER, before)
    assert called.went_as_expected
    assert (cdr["closed_how"], cdr["released_by"]) == ("normal", "caller")
    assert Decimal(cdr["charge"]["gross"]) == expected_charge(stack, cdr).charge
    assert stack.eventually(lambda: stack.differences(since) == [])
