"""What the destination's phone receives, read off the wire."""

from __future__ import annotations

import pytest

CALLER = "+41795550001"


def invite_of_new_call(stack, dialled, user, *, gateway="answers", **call):
    """Place a call and give the INVITE that the destination got for it."""
    party = stack.destinations[gateway]
    before = len(party.invites(user))
    called = stack.caller.call(dialled, talk_ms=200, **call)
    assert called.went_as_expected
    invites = party.invites(user)
    assert len(invites) > before
    return invites[-1]


def test_caller_s_own_number_is_shown(stack):
    """The usual case: From is the caller, and nothing is asserted to a trunk not trusted."""
    invite = invite_of_new_call(stack, "0900100002", "+41445550101")

    assert f"<sip:{CALLER}@" in invite.header("From")
    assert invite.header("Privacy") in (None, "none")


def test_the_service_number_is_shown(stack):
    """Presentation `number`: the destination sees which of its numbers was called."""
    invite = invite_of_new_call(stack, "0900400001", "+41445550101")

    assert "900400001" in invite.header("From")
    assert CALLER[-8:] not in invite.text


def test_a_fixed_number_is_shown(stack):
    """Presentation `fixed`: a number that the customer has proved to own."""
    invite = invite_of_new_call(stack, "0900400002", "+41445550101")

    assert "445550100" in invite.header("From")
    assert CALLER[-8:] not in invite.text


@pytest.mark.parametrize(
    ("dialled", "headers"),
    [("0900400003", ()), ("0900100002", ("Privacy: id",)), ("0900100002", ("Privacy: user",))],
)
def test_a_withheld_number_appears_nowhere(stack, dialled, headers):
    """To a trunk that is not trusted not one header has it: RFC 3323, OST art. 84."""
    invite = invite_of_new_call(stack, dialled, "+41445550101", headers=headers)

    assert "anonymous@anonymous.invalid" in invite.header("From")
    assert CALLER[-8:] not in invite.text


def test_a_withheld_number_is_asserted_to_a_trusted_trunk_only(stack):
    """It stands in P-Asserted-Identity beside Privacy: id, and nowhere else: RFC 3325."""
    invite = invite_of_new_call(stack, "0900400004", "+41445550401", headers=("Privacy: id",))

    assert "anonymous@anonymous.invalid" in invite.header("From")
    assert CALLER in invite.header("P-Asserted-Identity")
    assert invite.header("Privacy") == "id"
    elsewhere = invite.text.replace(
        f"P-Asserted-Identity: {invite.header('P-Asserted-Identity')}", ""
    )
    assert CALLER[-8:] not in elsewhere
