"""What holds for a customer holds for all accounts below; limits of calls at once."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.long  # they wait for instants, or for calls to end


@pytest.mark.parametrize(
    ("talks", "number"),
    [
        pytest.param("0900700021", "+41900700021", id="of a number"),
        pytest.param("0900700022", "+41900700023", id="of the account above"),
        pytest.param("0900700023", "+41900700022", id="of the account, used below"),
    ],
)
def test_a_limit_of_calls_at_once(stack, talks, number):
    """One more is busy, and as soon as there is room again it is not."""
    dialled = number.replace("+41", "0")
    before = stack.recorded(number) + (talks == dialled)

    with stack.talking(talks, talk_ms=3000):
        stack.eventually(lambda: stack.metric("callcontrol_calls_in_progress") >= 1)
        stack.eventually(lambda: stack.watch.legs() >= 2)
        called = stack.caller.call(dialled, "caller-is-refused")
    stack.wait_for_cdrs(number, before + 1)
    later = stack.caller.call(dialled)

    full = [cdr for cdr in stack.cdrs(number) if cdr["rule"] == "limit"]
    assert (called.final, later.final) == (486, 200)
    assert (full[-1]["disposition"], full[-1]["attempts"]) == ("busy", [])


def test_a_suspended_account_stops_those_below(stack):
    """A number of a sub-account rejects every call."""
    before = stack.recorded("+41900700024")

    called = stack.caller.call("0900700024", "caller-is-refused")

    cdr = stack.cdr_of_new_call("+41900700024", before)
    assert called.final == 603
    assert (cdr["rule"], cdr["customer"]) == ("suspended", "stopped-shop")


def test_an_exception_of_the_blacklist(stack):
    """One number of a blocked range may call one service number, and no other."""
    sender = "<sip:+41795559002@127.0.0.1>"
    before = stack.recorded("+41900700025")

    called = stack.caller.call("0900700025", sender=sender)
    elsewhere = stack.caller.call("0900100001", "caller-is-refused", sender=sender)

    stack.cdr_of_new_call("+41900700025", before)
    assert (called.final, elsewhere.final) == (200, 603)
