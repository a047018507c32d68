"""Hangup causes by name: what each says of a target, and how the caller is released.

The switch renumbered its private causes between releases, so a cause is its *name*; the number
is kept only where ITU-T Q.850 has one (1-127). The SIP answers are those a switch gave to an
unanswered caller, cause by cause.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Outcome(StrEnum):
    """How an attempt that was not answered ended; what `next_on` of a step speaks of."""

    BUSY = "busy"
    NO_ANSWER = "no_answer"
    UNREACHABLE = "unreachable"
    REJECTED = "rejected"
    FAILED = "failed"


class Disposition(StrEnum):
    """How a whole call ended, as its record says."""

    ANSWERED = "answered"
    BLOCKED = "blocked"
    CLOSED = "closed"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    ABANDONED = "abandoned"
    UNREACHABLE = "unreachable"
    REJECTED = "rejected"
    FAILED = "failed"
    CONGESTION = "congestion"


class Cause(NamedTuple):
    """What is known of one hangup cause.

    Attributes:
        q850: its number in ITU-T Q.850; None for the switch's own causes.
        sip_code: the answer an unanswered caller gets.
        outcome: what it says of an attempt that ended with it.
        is_gateway_failure: it speaks of the way, not of the destination: another gateway may
            well reach the same target.
        is_final: nothing may be tried after it: the call was answered elsewhere, transferred,
            or ended on purpose.
    """

    q850: int | None
    sip_code: int
    outcome: Outcome
    is_gateway_failure: bool = False
    is_final: bool = False


_BUSY, _SILENT, _AWAY, _NO, _FAILED = Outcome
_UNKNOWN = Cause(None, 480, Outcome.FAILED)

CAUSES: dict[str, Cause] = {
    "UNALLOCATED_NUMBER": Cause(1, 404, _FAILED),
    "NO_ROUTE_TRANSIT_NET": Cause(2, 404, _AWAY, is_gateway_failure=True),
    # A carrier that has no route; another one may have it.
    "NO_ROUTE_DESTINATION": Cause(3, 404, _FAILED, is_gateway_failure=True),
    "CHANNEL_UNACCEPTABLE": Cause(6, 480, _AWAY, is_gateway_failure=True),
    "CALL_AWARDED_DELIVERED": Cause(7, 480, _FAILED),
    "NORMAL_CLEARING": Cause(16, 480, _FAILED),
    "USER_BUSY": Cause(17, 486, _BUSY),
    # 480 of a destination: a telephone that is switched off or not registered.
    "NO_USER_RESPONSE": Cause(18, 408, _AWAY),
    "NO_ANSWER": Cause(19, 480, _SILENT),
    "SUBSCRIBER_ABSENT": Cause(20, 480, _AWAY),
    "CALL_REJECTED": Cause(21, 603, _NO),
    "NUMBER_CHANGED": Cause(22, 410, _FAILED),
    "REDIRECTION_TO_NEW_DESTINATION": Cause(23, 410, _FAILED),
    "EXCHANGE_ROUTING_ERROR": Cause(25, 483, _FAILED, is_gateway_failure=True),
    "DESTINATION_OUT_OF_ORDER": Cause(27, 502, _AWAY, is_gateway_failure=True),
    "INVALID_NUMBER_FORMAT": Cause(28, 484, _FAILED),
    "FACILITY_REJECTED": Cause(29, 501, _NO),
    "RESPONSE_TO_STATUS_ENQUIRY": Cause(30, 480, _FAILED),
    "NORMAL_UNSPECIFIED": Cause(31, 480, _FAILED),
    "NORMAL_CIRCUIT_CONGESTION": Cause(34, 503, _AWAY, is_gateway_failure=True),
    "NETWORK_OUT_OF_ORDER": Cause(38, 503, _AWAY, is_gateway_failure=True),
    # 503, 500, and a closed port.
    "NORMAL_TEMPORARY_FAILURE": Cause(41, 503, _AWAY, is_gateway_failure=True),
    "SWITCH_CONGESTION": Cause(42, 503, _AWAY, is_gateway_failure=True),
    "ACCESS_INFO_DISCARDED": Cause(43, 480, _FAILED),
    # Also what a 302 becomes when redirection is forbidden.
    "REQUESTED_CHAN_UNAVAIL": Cause(44, 503, _AWAY, is_gateway_failure=True),
    "PRE_EMPTED": Cause(45, 480, _FAILED),
    "FACILITY_NOT_SUBSCRIBED": Cause(50, 480, _FAILED),
    # The carrier does not let us call there.
    "OUTGOING_CALL_BARRED": Cause(52, 403, _NO, is_gateway_failure=True),
    "INCOMING_CALL_BARRED": Cause(54, 403, _NO),
    "BEARERCAPABILITY_NOTAUTH": Cause(57, 403, _NO),
    "BEARERCAPABILITY_NOTAVAIL": Cause(58, 503, _AWAY, is_gateway_failure=True),
    "SERVICE_UNAVAILABLE": Cause(63, 480, _AWAY, is_gateway_failure=True),
    "BEARERCAPABILITY_NOTIMPL": Cause(65, 488, _FAILED),
    "CHAN_NOT_IMPLEMENTED": Cause(66, 480, _FAILED),
    "FACILITY_NOT_IMPLEMENTED": Cause(69, 501, _FAILED),
    "SERVICE_NOT_IMPLEMENTED": Cause(79, 501, _FAILED),
    "INVALID_CALL_REFERENCE": Cause(81, 480, _FAILED),
    "INCOMPATIBLE_DESTINATION": Cause(88, 488, _FAILED),
    "INVALID_MSG_UNSPECIFIED": Cause(95, 480, _FAILED),
    "MANDATORY_IE_MISSING": Cause(96, 480, _FAILED),
    "MESSAGE_TYPE_NONEXIST": Cause(97, 480, _FAILED),
    "WRONG_MESSAGE": Cause(98, 480, _FAILED),
    "IE_NONEXIST": Cause(99, 480, _FAILED),
    "INVALID_IE_CONTENTS": Cause(100, 480, _FAILED),
    "WRONG_CALL_STATE": Cause(101, 480, _FAILED),
    # Nothing came back: 408, 504, or silence for 32 s.
    "RECOVERY_ON_TIMER_EXPIRE": Cause(102, 504, _AWAY, is_gateway_failure=True),
    "MANDATORY_IE_LENGTH_ERROR": Cause(103, 480, _FAILED),
    "PROTOCOL_ERROR": Cause(111, 480, _FAILED),
    "INTERWORKING": Cause(127, 480, _FAILED),
    # From here on the switch's own.
    "SUCCESS": Cause(None, 480, _FAILED, is_final=True),
    # 487 of a destination while the caller is still there.
    "ORIGINATOR_CANCEL": Cause(None, 487, _FAILED),
    "CRASH": Cause(None, 480, _FAILED, is_final=True),
    "SYSTEM_SHUTDOWN": Cause(None, 480, _FAILED, is_final=True),
    "LOSE_RACE": Cause(None, 480, _FAILED, is_final=True),
    "MANAGER_REQUEST": Cause(None, 480, _FAILED, is_final=True),
    "BLIND_TRANSFER": Cause(None, 480, _FAILED, is_final=True),
    "ATTENDED_TRANSFER": Cause(None, 480, _FAILED, is_final=True),
    # The ring time of a leg was over.
    "ALLOTTED_TIMEOUT": Cause(None, 480, _SILENT),
    "USER_CHALLENGE": Cause(None, 480, _FAILED),
    "MEDIA_TIMEOUT": Cause(None, 480, _AWAY),
    "PICKED_OFF": Cause(None, 480, _FAILED, is_final=True),
    "USER_NOT_REGISTERED": Cause(None, 480, _AWAY),
    # Not even a 180: the gateway is silent.
    "PROGRESS_TIMEOUT": Cause(None, 480, _AWAY, is_gateway_failure=True),
    "INVALID_GATEWAY": Cause(None, 484, _AWAY, is_gateway_failure=True),
    "GATEWAY_DOWN": Cause(None, 503, _AWAY, is_gateway_failure=True),
    "INVALID_URL": Cause(None, 484, _AWAY, is_gateway_failure=True),
    "INVALID_PROFILE": Cause(None, 502, _AWAY, is_gateway_failure=True),
    "NO_PICKUP": Cause(None, 480, _SILENT),
    "SRTP_READ_ERROR": Cause(None, 480, _FAILED),
    "BOWOUT": Cause(None, 480, _FAILED),
    "BUSY_EVERYWHERE": Cause(None, 480, _BUSY),
    "DECLINE": Cause(None, 480, _NO),
    "DOES_NOT_EXIST_ANYWHERE": Cause(None, 480, _FAILED),
    "NOT_ACCEPTABLE": Cause(None, 480, _FAILED),
    "UNWANTED": Cause(None, 607, _NO),
    "NO_IDENTITY": Cause(None, 428, _NO),
    "BAD_IDENTITY_INFO": Cause(None, 429, _NO),
    "UNSUPPORTED_CERTIFICATE": Cause(None, 437, _NO),
    "INVALID_IDENTITY": Cause(None, 438, _NO),
    "STALE_DATE": Cause(None, 403, _NO),
    "REJECT_ALL": Cause(None, 603, _NO),
}
"""Every cause by its name."""

_RELEASED_WITH = {
    Outcome.BUSY: "USER_BUSY",
    Outcome.NO_ANSWER: "NO_ANSWER",
    Outcome.UNREACHABLE: "NETWORK_OUT_OF_ORDER",
    Outcome.REJECTED: "CALL_REJECTED",
}
# States of the subscriber, not of the network: told as they are, because a carrier answers
# NETWORK_OUT_OF_ORDER (503) by taking the trunk out of use or trying the call elsewhere.
_TOLD_AS_IT_IS = frozenset({"NO_USER_RESPONSE", "SUBSCRIBER_ABSENT"})
_CLEARED = 16  # Q.850 normal clearing: tells a caller who heard nothing nothing


def is_known_cause(name: str) -> bool:
    """Say whether a name is one of the switch's hangup causes."""
    return name in CAUSES


def q850_of(name: str) -> int | None:
    """Give the Q.850 number of a cause, 1-127; None when it has none or is unknown."""
    return CAUSES.get(name, _UNKNOWN).q850


def sip_code_of(name: str) -> int:
    """Give the SIP answer an unanswered caller gets for a cause; 480 for an unknown one."""
    return CAUSES.get(name, _UNKNOWN).sip_code


def outcome_of(name: str) -> Outcome:
    """Say what a cause tells of an attempt that was not answered; `failed` when unknown."""
    return CAUSES.get(name, _UNKNOWN).outcome


def is_gateway_failure(name: str) -> bool:
    """Say whether the next gateway of the same target is worth a try after a cause."""
    return CAUSES.get(name, _UNKNOWN).is_gateway_failure


def is_final(name: str) -> bool:
    """Say whether a cause forbids that anything more is dialled."""
    return CAUSES.get(name, _UNKNOWN).is_final


def release_cause(name: str) -> str:
    """Give the cause to release the caller with, from the last attempt's.

    Busy, no answer, unreachable and rejected become the one cause a carrier expects of them.
    What else the network said in its own words (Q.850) is passed on, such as
    `UNALLOCATED_NUMBER` or `NUMBER_CHANGED`; the switch's own words become
    `NORMAL_TEMPORARY_FAILURE`.
    """
    cause = CAUSES.get(name, _UNKNOWN)
    if name in _TOLD_AS_IT_IS:
        return name
    if cause.outcome in _RELEASED_WITH:
        return _RELEASED_WITH[cause.outcome]
    speaks_q850 = cause.q850 is not None and cause.q850 != _CLEARED
    return name if speaks_q850 else "NORMAL_TEMPORARY_FAILURE"
