"""Hangup causes: what they say of a target and how callers are released."""

from __future__ import annotations

import pytest

from dialplan import (
    CAUSES,
    Outcome,
    is_final,
    is_gateway_failure,
    is_known_cause,
    outcome_of,
    q850_of,
    release_cause,
    sip_code_of,
)

# SIP answer of a destination -> cause of the bridge, as a switch reported them.
_BY_SIP_ANSWER = {
    "404": ("UNALLOCATED_NUMBER", Outcome.FAILED, False),
    "408": ("RECOVERY_ON_TIMER_EXPIRE", Outcome.UNREACHABLE, True),
    "410": ("NUMBER_CHANGED", Outcome.FAILED, False),
    "480": ("NO_USER_RESPONSE", Outcome.UNREACHABLE, False),
    "482": ("EXCHANGE_ROUTING_ERROR", Outcome.FAILED, True),
    "486": ("USER_BUSY", Outcome.BUSY, False),
    "487": ("ORIGINATOR_CANCEL", Outcome.FAILED, False),
    "502": ("NETWORK_OUT_OF_ORDER", Outcome.UNREACHABLE, True),
    "503, 500, a closed port": ("NORMAL_TEMPORARY_FAILURE", Outcome.UNREACHABLE, True),
    "603": ("CALL_REJECTED", Outcome.REJECTED, False),
    "607": ("UNWANTED", Outcome.REJECTED, False),
    "ring time over": ("ALLOTTED_TIMEOUT", Outcome.NO_ANSWER, False),
    "no 180": ("PROGRESS_TIMEOUT", Outcome.UNREACHABLE, True),
    "302, forbidden": ("REQUESTED_CHAN_UNAVAIL", Outcome.UNREACHABLE, True),
}


@pytest.mark.parametrize("answer", _BY_SIP_ANSWER)
def test_what_a_destination_answers(answer: str) -> None:
    """Each answer of a destination is an outcome, and perhaps a gateway's failure."""
    name, outcome, fails_gateway = _BY_SIP_ANSWER[answer]

    assert (outcome, fails_gateway) == (outcome_of(name), is_gateway_failure(name))


@pytest.mark.parametrize(
    ("last", "released"),
    [
        ("USER_BUSY", "USER_BUSY"),
        ("BUSY_EVERYWHERE", "USER_BUSY"),
        ("ALLOTTED_TIMEOUT", "NO_ANSWER"),
        ("NO_ANSWER", "NO_ANSWER"),
        ("NORMAL_TEMPORARY_FAILURE", "NETWORK_OUT_OF_ORDER"),
        ("PROGRESS_TIMEOUT", "NETWORK_OUT_OF_ORDER"),
        ("GATEWAY_DOWN", "NETWORK_OUT_OF_ORDER"),
        ("INCOMING_CALL_BARRED", "CALL_REJECTED"),
        ("REJECT_ALL", "CALL_REJECTED"),
        ("UNALLOCATED_NUMBER", "UNALLOCATED_NUMBER"),
        ("NUMBER_CHANGED", "NUMBER_CHANGED"),
        ("NO_USER_RESPONSE", "NO_USER_RESPONSE"),
        ("SUBSCRIBER_ABSENT", "SUBSCRIBER_ABSENT"),
        ("NORMAL_CLEARING", "NORMAL_TEMPORARY_FAILURE"),
        ("ORIGINATOR_CANCEL", "NORMAL_TEMPORARY_FAILURE"),
        ("SRTP_READ_ERROR", "NORMAL_TEMPORARY_FAILURE"),
        ("a cause of next year", "NORMAL_TEMPORARY_FAILURE"),
    ],
)
def test_the_caller_is_released_with_what_a_carrier_expects(last: str, released: str) -> None:
    """The switch's own causes never reach the caller's network; its own words do."""
    assert release_cause(last) == released


@pytest.mark.parametrize("name", CAUSES)
def test_a_caller_is_never_released_with_a_private_cause(name: str) -> None:
    """Whatever ended the last attempt, the release has a Q.850 number."""
    assert q850_of(release_cause(name)) is not None


@pytest.mark.parametrize(
    ("name", "q850", "sip_code"),
    [
        ("UNALLOCATED_NUMBER", 1, 404),
        ("USER_BUSY", 17, 486),
        ("CALL_REJECTED", 21, 603),
        ("NO_ROUTE_DESTINATION", 3, 404),
        ("INTERWORKING", 127, 480),
        ("ALLOTTED_TIMEOUT", None, 480),
        ("ORIGINATOR_CANCEL", None, 487),
        ("NO SUCH CAUSE", None, 480),
    ],
)
def test_numbers_and_sip_answers(name: str, q850: int | None, sip_code: int) -> None:
    """Q.850 numbers end at 127; every cause has a SIP answer."""
    assert (q850, sip_code) == (q850_of(name), sip_code_of(name))


def test_q850_numbers_are_unique_and_in_range() -> None:
    """The table gives no number twice and none that Q.850 lacks."""
    numbers = [cause.q850 for cause in CAUSES.values() if cause.q850 is not None]

    assert len(numbers) == len(set(numbers))
    assert all(1 <= number <= 127 for number in numbers)


@pytest.mark.parametrize("name", ["SUCCESS", "LOSE_RACE", "PICKED_OFF", "MANAGER_REQUEST"])
def test_some_causes_forbid_to_go_on(name: str) -> None:
    """After an answer elsewhere, or an end on purpose, nothing more is dialled."""
    assert is_final(name)
    assert not is_gateway_failure(name)


def test_unknown_causes_are_failures() -> None:
    """A name that no table has is a plain failure and does not stop the route."""
    assert not is_known_cause("")
    assert outcome_of("") is Outcome.FAILED
    assert not is_final("")
    assert not is_gateway_failure("")
