"""The engine is killed, stopped, or not there: callers notice nothing that they need not."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import gevent
import pytest

from tests.scenario.test_prices import expected_charge


@pytest.fixture(autouse=True)
def nothing_lost(stack, request):
    """Afterwards, what the switch wrote down itself and what we recorded are the same."""
    since = datetime.now(UTC)
    yield
    untaken = "without_an_engine" in request.node.name
    expected = ["no_engine"] if untaken else []
    assert stack.eventually(
        lambda: [one["kind"] for one in stack.differences(since)] == expected
    )


def test_killed_engine_drops_no_call_and_loses_no_record(stack):
    """The call goes on; the next engine process meters it to its end, to the centime."""
    before = stack.recorded("+41900100002")
    answered = stack.calls_answered()
    call = gevent.spawn(stack.caller.call, "0900100002", talk_ms=7000)
    stack.eventually(lambda: stack.calls_answered() > answered)

    stack.kill_engine()
    stack.start_engine()
    called = call.get(timeout=30)

    cdr = stack.cdr_of_new_call("+41900100002", before)
    assert called.went_as_expected
    assert (cdr["closed_how"], cdr["released_by"]) == ("recovered", "caller")
    assert Decimal(cdr["charge"]["gross"]) == expected_charge(stack, cdr).charge
    assert cdr["metered_us"] > 6_500_000


def test_maximum_charge_holds_without_any_engine(stack):
    """The switch itself releases the call; the record is made by whoever comes next."""
    before = stack.recorded("+41901100001")
    answered = stack.calls_answered()
    call = gevent.spawn(stack.caller.call, "0901100001", "caller-stays")
    stack.eventually(lambda: stack.calls_answered() > answered)

    stack.kill_engine()
    called = call.get(timeout=30)
    stack.start_engine()

    cdr = stack.cdr_of_new_call("+41901100001", before)
    assert called.went_as_expected
    assert "ALLOTTED_TIMEOUT" in (called.reason() or "")
    assert (cdr["closed_how"], cdr["released_by"]) == ("recovered", "engine")
    assert cdr["charge"]["gross"] == "0.40"


def test_call_that_ends_while_no_engine_runs_is_charged_to_the_centime(stack):
    """The switch has written down when it ended; the next engine process reads it there."""
    before = stack.recorded("+41900100002")
    answered = stack.calls_answered()
    call = gevent.spawn(stack.caller.call, "0900100002", talk_ms=2500)
    stack.eventually(lambda: stack.calls_answered() > answered)

    stack.kill_engine()
    called = call.get(timeout=30)
    stack.start_engine()

    cdr = stack.cdr_of_new_call("+41900100002", before)
    end = stack.watch.end_of(cdr["switch_uuid"])
    assert called.went_as_expected
    assert (cdr["closed_how"], cdr["released_by"]) == ("recovered", "caller")
    assert cdr["metered_us"] == end.hangup_us - end.answered_us
    assert Decimal(cdr["charge"]["gross"]) == expected_charge(stack, cdr).charge


def test_killed_engine_that_lost_its_journal_still_loses_no_call(stack):
    """The switch keeps what the engine knew of the call, while it is up."""
    before = stack.recorded("+41900100002")
    answered = stack.calls_answered()
    call = gevent.spawn(stack.caller.call, "0900100002", talk_ms=7000)
    stack.eventually(lambda: stack.calls_answered() > answered)

    stack.kill_engine()
    stack.lose_journal()
    stack.start_engine()
    called = call.get(timeout=30)

    cdr = stack.cdr_of_new_call("+41900100002", before)
    end = stack.watch.end_of(cdr["switch_uuid"])
    assert called.went_as_expected
    assert (cdr["closed_how"], cdr["flags"]) == ("recovered", ["journal_lost"])
    assert cdr["caller"] == "+41795550001"
    assert cdr["metered_us"] == end.hangup_us - end.answered_us
    assert Decimal(cdr["charge"]["gross"]) == expected_charge(stack, cdr).charge
    assert cdr["attempts"][0]["is_answered"]


def test_call_that_ended_meanwhile_survives_the_loss_of_the_journal(stack):
    """The switch has written down what the engine knew of it; who called it keeps to itself."""
    before = stack.recorded("+41900100002")
    answered = stack.calls_answered()
    call = gevent.spawn(stack.caller.call, "0900100002", talk_ms=2500)
    stack.eventually(lambda: stack.calls_answered() > answered)

    stack.kill_engine()
    called = call.get(timeout=30)
    stack.lose_journal()
    stack.start_engine()

    cdr = stack.cdr_of_new_call("+41900100002", before)
    assert called.went_as_expected
    assert (cdr["closed_how"], cdr["flags"]) == (
        "recovered",
        ["journal_lost", "caller_unknown"],
    )
    assert Decimal(cdr["charge"]["gross"]) == expected_charge(stack, cdr).charge


def test_politely_stopped_engine_hands_its_calls_over(stack):
    """A call that is up when the engine is stopped is adopted by the one that follows."""
    before = stack.recorded("+41900100002")
    answered = stack.calls_answered()
    call = gevent.spawn(stack.caller.call, "0900100002", talk_ms=7000)
    stack.eventually(lambda: stack.calls_answered() > answered)

    stack.stop_engine()
    stack.start_engine()
    called = call.get(timeout=30)

    cdr = stack.cdr_of_new_call("+41900100002", before)
    assert called.went_as_expected
    assert cdr["closed_how"] == "recovered"


def test_without_an_engine_a_call_is_refused_never_connected(stack):
    """503 from the switch, at once."""
    stack.stop_engine()
    try:
        called = stack.caller.call("0900100002", "caller-is-refused")
    finally:
        stack.start_engine()

    assert called.final == 503


def test_a_change_of_the_reference_decides_the_next_call(stack):
    """Loaded while the engine runs: no restart, and in force on the next call."""
    refused = stack.load_changed("refuses_withheld: true", "refuses_withheld: false")
    try:
        called = stack.eventually(
            lambda: _if_answered(
                stack.caller.call("0900300001", talk_ms=100, headers=("Privacy: id",))
            )
        )
    finally:
        refused()

    assert called.final == 200


def _if_answered(called):
    return called if called.went_as_expected else None
