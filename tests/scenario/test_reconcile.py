"""The switch's own records are compared with ours: what differs is told, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from callcontrol.cdr.journal_file import read_only
from tests.scenario.raw_sip import RawCaller

NUMBER = "0900100002"


@pytest.fixture
def since(stack):
    """The instant the scenario begins at."""
    return datetime.now(UTC)


@pytest.fixture
def call(stack, since):
    """A call that is over, and its record."""
    before = stack.recorded(f"+41{NUMBER[1:]}")
    stack.caller.call(NUMBER, talk_ms=300)
    return stack.cdr_of_new_call(f"+41{NUMBER[1:]}", before)


def is_in_journal(stack):
    """Say whether a call that is not over has reached the disk."""
    with read_only(stack.journal) as (_, open_calls, _aside):
        return bool(open_calls)


def kinds(stack, since):
    """Give the kinds of the differences, sorted."""
    return sorted(one["kind"] for one in stack.differences(since))


def test_calls_that_were_refused_answered_and_abandoned_are_all_the_same_on_both_sides(
    stack, since
):
    """To the microsecond and to the centime."""
    known = len(stack.all_cdrs())
    stack.caller.call(NUMBER, talk_ms=300)
    stack.caller.call("0900999999", "caller-is-refused")
    stack.caller.call("0800100001", talk_ms=100)
    stack.eventually(lambda: len(stack.all_cdrs()) == known + 3)

    assert stack.eventually(lambda: stack.differences(since) == [])


def test_record_that_is_gone_is_missed(stack, since, call):
    """Somebody has deleted it."""
    stack.query(f"DELETE FROM cdrs WHERE call_id = '{call['call_id']}'")

    # A busy disk lets go of what was shipped a little later.
    (found,) = stack.eventually(lambda: stack.differences(since))

    assert (found["kind"], found["call_id"]) == ("missing", call["call_id"])
    assert found["leg_uuid"] == call["switch_uuid"]


def test_time_and_charge_that_were_changed_are_told(stack, since, call):
    """By a microsecond, and by a centime."""
    stack.query(
        "UPDATE cdrs SET released_at = released_at - interval '1 microsecond',"
        f" gross = gross + 0.01, net = net + 0.01 WHERE call_id = '{call['call_id']}'"
    )
    try:
        assert kinds(stack, since) == ["charge", "times"]
    finally:
        stack.query(f"DELETE FROM cdrs WHERE call_id = '{call['call_id']}'")


def test_call_that_is_up_while_no_engine_runs_is_told(stack, since):
    """It is open in the journal, so it will be metered; with the journal lost nobody has it."""
    answered = stack.calls_answered()
    with RawCaller(stack.switch.sip_port) as caller:
        caller.send(caller.invite(NUMBER.encode()))
        assert caller.wait_for_final(10) == 200
        stack.eventually(lambda: stack.calls_answered() > answered and is_in_journal(stack))
        stack.kill_engine()

        open_in_journal = kinds(stack, since)
        stack.lose_journal()
        stack.query("DELETE FROM calls_in_progress")
        lost = kinds(stack, since)
        stack.start_engine()
        assert caller.hang_up() == 200

    assert (open_in_journal, lost) == ([], ["unmetered"])
    assert stack.eventually(lambda: stack.differences(since) == [])
