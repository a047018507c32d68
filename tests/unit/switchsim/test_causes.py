"""Hangup causes and SIP answers."""

import re
from pathlib import Path

import pytest

from switchsim.causes import (
    PHRASES,
    cause_named,
    cause_of_reason,
    cause_of_sip,
    dialstatus_of,
    q850_of,
    reason_of,
    sip_code_of,
)

_ANSWERS = {
    "NORMAL_TEMPORARY_FAILURE": (400, 481, 500, 503),
    "CALL_REJECTED": (401, 403, 407, 603),
    "UNALLOCATED_NUMBER": (404,),
    "SERVICE_UNAVAILABLE": (405,),
    "SERVICE_NOT_IMPLEMENTED": (406, 415, 501),
    "RECOVERY_ON_TIMER_EXPIRE": (408, 504),
    "NUMBER_CHANGED": (410,),
    "INTERWORKING": (413, 414, 416, 420, 423, 505, 513),
    "NORMAL_UNSPECIFIED": (433, 491, 580),
    "NO_USER_RESPONSE": (480,),
    "EXCHANGE_ROUTING_ERROR": (482, 483),
    "INVALID_NUMBER_FORMAT": (484,),
    "NO_ROUTE_DESTINATION": (485, 604),
    "USER_BUSY": (486, 600),
    "ORIGINATOR_CANCEL": (487,),
    "INCOMPATIBLE_DESTINATION": (488, 606),
    "NETWORK_OUT_OF_ORDER": (502,),
    "UNWANTED": (607,),
}
_REFUSALS = {
    404: ("UNALLOCATED_NUMBER", "NO_ROUTE_DESTINATION"),
    486: ("USER_BUSY",),
    408: ("NO_USER_RESPONSE",),
    603: ("CALL_REJECTED", "REJECT_ALL"),
    410: ("NUMBER_CHANGED",),
    483: ("EXCHANGE_ROUTING_ERROR",),
    502: ("DESTINATION_OUT_OF_ORDER",),
    484: ("INVALID_NUMBER_FORMAT", "INVALID_GATEWAY"),
    501: ("FACILITY_REJECTED", "SERVICE_NOT_IMPLEMENTED"),
    503: ("NORMAL_CIRCUIT_CONGESTION", "NETWORK_OUT_OF_ORDER", "NORMAL_TEMPORARY_FAILURE",
          "SWITCH_CONGESTION", "REQUESTED_CHAN_UNAVAIL", "BEARERCAPABILITY_NOTAVAIL",
          "GATEWAY_DOWN"),
    403: ("OUTGOING_CALL_BARRED", "INCOMING_CALL_BARRED", "BEARERCAPABILITY_NOTAUTH"),
    488: ("INCOMPATIBLE_DESTINATION",),
    504: ("RECOVERY_ON_TIMER_EXPIRE",),
    487: ("ORIGINATOR_CANCEL",),
    607: ("UNWANTED",),
    480: ("NORMAL_CLEARING", "NO_ANSWER", "SUBSCRIBER_ABSENT", "NORMAL_UNSPECIFIED",
          "SERVICE_UNAVAILABLE", "FACILITY_NOT_SUBSCRIBED", "INTERWORKING",
          "ALLOTTED_TIMEOUT", "PROGRESS_TIMEOUT", "MEDIA_TIMEOUT", "MANAGER_REQUEST",
          "LOSE_RACE"),
}  # fmt: skip


@pytest.mark.parametrize(
    ("code", "cause"), [(code, cause) for cause, codes in _ANSWERS.items() for code in codes]
)
def test_a_destinations_answer_becomes_a_cause(code, cause):
    """Every SIP answer recorded gives the cause recorded (fact 24)."""
    assert cause_of_sip(code) == cause


@pytest.mark.parametrize(
    ("cause", "code"), [(cause, code) for code, causes in _REFUSALS.items() for cause in causes]
)
def test_a_cause_becomes_the_callers_answer(cause, code):
    """Every cause recorded refuses a caller with the code recorded (fact 25)."""
    assert sip_code_of(cause) == code


def test_reason_headers_name_the_cause():
    """Causes below 128 travel as Q.850, the switch's own as SIP."""
    assert reason_of("CALL_REJECTED") == 'Q.850;cause=21;text="CALL_REJECTED"'
    assert reason_of("ALLOTTED_TIMEOUT") == 'SIP;cause=802;text="ALLOTTED_TIMEOUT"'


def test_a_reason_header_is_understood():
    """A Q.850 number gives its cause, anything else none."""
    assert cause_of_reason('Q.850;cause=34;text="x"') == "NORMAL_CIRCUIT_CONGESTION"
    assert cause_of_reason("SIP;cause=200") is None
    assert cause_of_reason("Q.850") is None


def test_words_and_numbers_name_causes():
    """Names in any case and numbers are known; a misspelt word is a normal clearing."""
    named = [cause_named(word) for word in ("allotted_timeout", "34", "alloted_timeout")]

    assert named == ["ALLOTTED_TIMEOUT", "NORMAL_CIRCUIT_CONGESTION", "NORMAL_CLEARING"]


def test_the_switchs_own_causes_count_as_normal_clearing():
    """Causes beyond Q.850 show 16 there."""
    assert [q850_of(cause) for cause in ("USER_BUSY", "ALLOTTED_TIMEOUT")] == [17, 16]


def test_dialstatus_abbreviates_some_dispositions():
    """DIALSTATUS has words of its own for a few causes."""
    shown = [dialstatus_of(word) for word in ("USER_BUSY", "NO_ANSWER", "SUCCESS")]

    assert shown == ["BUSY", "NOANSWER", "SUCCESS"]


def _recorded_refusals():
    recorded = Path(__file__).parents[3] / "fixtures/esl/29-cause-to-sip-code/all-causes.txt"
    lines = recorded.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize("line", _recorded_refusals())
def test_refuses_with_the_recorded_code_and_reason(line):
    """Every cause, given before the answer, has the recorded SIP code, phrase and Reason."""
    cause, code, phrase, reason = re.match(
        r"(\S+)\s+(\d+) (.*?)\s+(\S+;cause=.*)", line
    ).groups()

    assert sip_code_of(cause) == int(code)
    assert PHRASES[int(code)] == phrase
    assert reason_of(cause) == reason
