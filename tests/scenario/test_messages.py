"""Messages to callers who are not connected: heard before the release, and free."""

from __future__ import annotations

import pytest

from tests.scenario.records import us_of


def test_closed_message_is_heard_before_the_release(stack):
    """It is played in early media to its end; the call was never answered and costs nothing."""
    before = stack.recorded("+41900700001")

    called = stack.caller.call("0900700001", "caller-is-refused")

    cdr = stack.cdr_of_new_call("+41900700001", before)
    assert [code for code in called.answers if code != 100] == [183, 404]
    assert "NO_ROUTE_DESTINATION" in (called.reason() or "")
    assert (cdr["disposition"], cdr["answered_at"], cdr["charge"]) == ("closed", None, None)
    assert _heard(cdr) == {"closed": pytest.approx(1.0, abs=0.4)}


def test_message_when_no_target_has_answered(stack):
    """The release is that of the last outcome, as without a message."""
    before = stack.recorded("+41900700002")

    called = stack.caller.call("0900700002", "caller-is-refused")

    cdr = stack.cdr_of_new_call("+41900700002", before)
    assert [code for code in called.answers if code != 100] == [183, 486]
    assert (cdr["disposition"], cdr["sip_code"], cdr["charge"]) == ("busy", 486, None)
    assert _heard(cdr) == {"nobody-there": pytest.approx(1.0, abs=0.4)}


def test_caller_leaves_during_the_message(stack):
    """The record says that it was not heard to its end."""
    before = stack.recorded("+41900700001")

    called = stack.caller.call("0900700001", "caller-hears-and-cancels", talk_ms=300)

    cdr = stack.cdr_of_new_call("+41900700001", before)
    assert called.final == 487
    assert (cdr["disposition"], cdr["released_by"]) == ("closed", "caller")
    assert [(one["name"], one["ended_at"]) for one in cdr["announcements"]] == [
        ("closed", None)
    ]


def test_message_that_was_never_recorded(stack):
    """The caller is released at once, and the record is flagged."""
    before = stack.recorded("+41900700003")

    called = stack.caller.call("0900700003", "caller-is-refused")

    cdr = stack.cdr_of_new_call("+41900700003", before)
    assert called.final == 404
    assert (cdr["announcements"], cdr["flags"]) == ([], ["message_not_played"])


def _heard(cdr: dict) -> dict[str, float]:
    """Give the seconds that each message lasted."""
    return {
        one["name"]: (us_of(one["ended_at"]) - us_of(one["started_at"])) / 1_000_000
        for one in cdr["announcements"]
    }
