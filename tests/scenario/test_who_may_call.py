"""Callers who are refused, and when nobody is there."""

from __future__ import annotations

import pytest

NUISANCE = "<sip:+41795559001@127.0.0.1>"


def test_blocked_caller_hears_rejection_and_gets_a_cdr(stack):
    """The destination never rings; the record names the rule."""
    before = stack.recorded("+41900100001")

    called = stack.caller.call("0900100001", "caller-is-refused", sender=NUISANCE)

    cdr = stack.cdr_of_new_call("+41900100001", before)
    assert called.final == 603
    assert "CALL_REJECTED" in (called.reason() or "")
    assert (cdr["disposition"], cdr["rule"]) == ("blocked", "blacklist:+41795559*")
    assert (cdr["charge"], cdr["attempts"]) == (None, [])


@pytest.mark.parametrize(
    "headers",
    [
        ("Privacy: id",),
        ("Privacy: user",),
        ("Privacy: header;id",),
    ],
)
def test_withheld_caller_is_refused_where_the_number_says_so(stack, headers):
    """However the caller asks for privacy, it counts."""
    before = stack.recorded("+41900300001")

    called = stack.caller.call("0900300001", "caller-is-refused", headers=headers)

    cdr = stack.cdr_of_new_call("+41900300001", before)
    assert called.final == 603
    assert (cdr["disposition"], cdr["caller_withheld"]) == ("rejected", True)


def test_anonymous_caller_is_refused_where_the_number_says_so(stack):
    """An anonymous From is a way to withhold, too."""
    before = stack.recorded("+41900300001")

    called = stack.caller.call(
        "0900300001",
        "caller-is-refused",
        sender='"Anonymous" <sip:anonymous@anonymous.invalid>',
    )

    stack.cdr_of_new_call("+41900300001", before)
    assert called.final == 603


def test_caller_who_shows_a_number_is_let_through(stack):
    """The policy is about withheld callers only."""
    before = stack.recorded("+41900300001")

    called = stack.caller.call("0900300001")

    stack.cdr_of_new_call("+41900300001", before)
    assert called.final == 200


def test_unknown_number(stack):
    """A number that nobody rents does not exist; there is a record all the same."""
    called = stack.caller.call("0900999999", "caller-is-refused")

    cdr = stack.newest_cdr(dialled="0900999999")
    assert called.final == 404
    assert (cdr["number"], cdr["hangup_cause"]) == (None, "UNALLOCATED_NUMBER")


def test_closed_by_the_weekly_plan(stack):
    """The plan has no route for now: released at once, uncharged."""
    before = stack.recorded("+41900300002")

    called = stack.caller.call("0900300002", "caller-is-refused")

    cdr = stack.cdr_of_new_call("+41900300002", before)
    assert called.final == 404
    assert (cdr["disposition"], cdr["hangup_cause"]) == ("closed", "NO_ROUTE_DESTINATION")


def test_suspended_number(stack):
    """It rejects every call."""
    before = stack.recorded("+41900300003")

    called = stack.caller.call("0900300003", "caller-is-refused")

    cdr = stack.cdr_of_new_call("+41900300003", before)
    assert called.final == 603
    assert cdr["rule"] == "suspended"
