"""Hangup causes: their numbers, the SIP answer each gives, and the cause of each SIP answer.

Names and numbers are those of FreeSWITCH 1.11; causes above 700 are its own and travel in a
Reason header of protocol SIP instead of Q.850.
"""

CAUSES: dict[str, int] = {
    "NONE": 0, "UNALLOCATED_NUMBER": 1, "NO_ROUTE_TRANSIT_NET": 2, "NO_ROUTE_DESTINATION": 3,
    "CHANNEL_UNACCEPTABLE": 6, "CALL_AWARDED_DELIVERED": 7, "NORMAL_CLEARING": 16,
    "USER_BUSY": 17, "NO_USER_RESPONSE": 18, "NO_ANSWER": 19, "SUBSCRIBER_ABSENT": 20,
    "CALL_REJECTED": 21, "NUMBER_CHANGED": 22, "REDIRECTION_TO_NEW_DESTINATION": 23,
    "EXCHANGE_ROUTING_ERROR": 25, "DESTINATION_OUT_OF_ORDER": 27, "INVALID_NUMBER_FORMAT": 28,
    "FACILITY_REJECTED": 29, "RESPONSE_TO_STATUS_ENQUIRY": 30, "NORMAL_UNSPECIFIED": 31,
    "NORMAL_CIRCUIT_CONGESTION": 34, "NETWORK_OUT_OF_ORDER": 38,
    "NORMAL_TEMPORARY_FAILURE": 41, "SWITCH_CONGESTION": 42, "ACCESS_INFO_DISCARDED": 43,
    "REQUESTED_CHAN_UNAVAIL": 44, "PRE_EMPTED": 45, "FACILITY_NOT_SUBSCRIBED": 50,
    "OUTGOING_CALL_BARRED": 52, "INCOMING_CALL_BARRED": 54, "BEARERCAPABILITY_NOTAUTH": 57,
    "BEARERCAPABILITY_NOTAVAIL": 58, "SERVICE_UNAVAILABLE": 63,
    "BEARERCAPABILITY_NOTIMPL": 65, "CHAN_NOT_IMPLEMENTED": 66, "FACILITY_NOT_IMPLEMENTED": 69,
    "SERVICE_NOT_IMPLEMENTED": 79, "INVALID_CALL_REFERENCE": 81,
    "INCOMPATIBLE_DESTINATION": 88, "INVALID_MSG_UNSPECIFIED": 95,
    "MANDATORY_IE_MISSING": 96, "MESSAGE_TYPE_NONEXIST": 97, "WRONG_MESSAGE": 98,
    "IE_NONEXIST": 99, "INVALID_IE_CONTENTS": 100, "WRONG_CALL_STATE": 101,
    "RECOVERY_ON_TIMER_EXPIRE": 102, "MANDATORY_IE_LENGTH_ERROR": 103, "PROTOCOL_ERROR": 111,
    "INTERWORKING": 127, "ORIGINATOR_CANCEL": 487, "CRASH": 700, "SYSTEM_SHUTDOWN": 701,
    "LOSE_RACE": 702, "MANAGER_REQUEST": 703, "BLIND_TRANSFER": 800, "ATTENDED_TRANSFER": 801,
    "ALLOTTED_TIMEOUT": 802, "USER_CHALLENGE": 803, "MEDIA_TIMEOUT": 804, "PICKED_OFF": 805,
    "USER_NOT_REGISTERED": 806, "PROGRESS_TIMEOUT": 807, "INVALID_GATEWAY": 808,
    "GATEWAY_DOWN": 809, "INVALID_URL": 810, "INVALID_PROFILE": 811, "NO_PICKUP": 812,
    "SRTP_READ_ERROR": 813, "BOWOUT": 814, "BUSY_EVERYWHERE": 815, "DECLINE": 816,
    "DOES_NOT_EXIST_ANYWHERE": 817, "NOT_ACCEPTABLE": 818, "UNWANTED": 819,
    "NO_IDENTITY": 820, "BAD_IDENTITY_INFO": 821, "UNSUPPORTED_CERTIFICATE": 822,
    "INVALID_IDENTITY": 823, "STALE_DATE": 824, "REJECT_ALL": 825,
}  # fmt: skip
_BY_NUMBER = {number: name for name, number in CAUSES.items()}

_SIP_OF_CAUSE: dict[str, int] = {
    "UNALLOCATED_NUMBER": 404, "NO_ROUTE_TRANSIT_NET": 404, "NO_ROUTE_DESTINATION": 404,
    "USER_BUSY": 486, "NO_USER_RESPONSE": 408, "NUMBER_CHANGED": 410,
    "REDIRECTION_TO_NEW_DESTINATION": 410, "CALL_REJECTED": 603,
    "DECLINE": 603, "REJECT_ALL": 603, "EXCHANGE_ROUTING_ERROR": 483,
    "DESTINATION_OUT_OF_ORDER": 502, "INVALID_NUMBER_FORMAT": 484, "INVALID_GATEWAY": 484,
    "FACILITY_REJECTED": 501, "SERVICE_NOT_IMPLEMENTED": 501, "FACILITY_NOT_IMPLEMENTED": 501,
    "NORMAL_CIRCUIT_CONGESTION": 503, "NETWORK_OUT_OF_ORDER": 503,
    "NORMAL_TEMPORARY_FAILURE": 503, "SWITCH_CONGESTION": 503, "REQUESTED_CHAN_UNAVAIL": 503,
    "BEARERCAPABILITY_NOTAVAIL": 503, "GATEWAY_DOWN": 503, "OUTGOING_CALL_BARRED": 403,
    "INCOMING_CALL_BARRED": 403, "BEARERCAPABILITY_NOTAUTH": 403,
    "INVALID_URL": 484, "INVALID_PROFILE": 502, "BEARERCAPABILITY_NOTIMPL": 488,
    "INCOMPATIBLE_DESTINATION": 488, "RECOVERY_ON_TIMER_EXPIRE": 504, "ORIGINATOR_CANCEL": 487,
    "BUSY_EVERYWHERE": 600, "DOES_NOT_EXIST_ANYWHERE": 604, "NOT_ACCEPTABLE": 606,
    "UNWANTED": 607, "NO_IDENTITY": 428, "BAD_IDENTITY_INFO": 429,
    "UNSUPPORTED_CERTIFICATE": 437, "INVALID_IDENTITY": 438, "STALE_DATE": 403,
}  # fmt: skip

_CAUSE_OF_SIP: dict[int, str] = {
    200: "NORMAL_CLEARING", 400: "NORMAL_TEMPORARY_FAILURE", 401: "CALL_REJECTED",
    402: "CALL_REJECTED", 403: "CALL_REJECTED", 404: "UNALLOCATED_NUMBER",
    405: "SERVICE_UNAVAILABLE", 406: "SERVICE_NOT_IMPLEMENTED", 407: "CALL_REJECTED",
    408: "RECOVERY_ON_TIMER_EXPIRE", 410: "NUMBER_CHANGED", 413: "INTERWORKING",
    414: "INTERWORKING", 415: "SERVICE_NOT_IMPLEMENTED", 416: "INTERWORKING",
    420: "INTERWORKING", 421: "INTERWORKING", 423: "INTERWORKING", 428: "NO_IDENTITY",
    429: "BAD_IDENTITY_INFO", 437: "UNSUPPORTED_CERTIFICATE", 438: "INVALID_IDENTITY",
    480: "NO_USER_RESPONSE", 481: "NORMAL_TEMPORARY_FAILURE", 482: "EXCHANGE_ROUTING_ERROR",
    483: "EXCHANGE_ROUTING_ERROR", 484: "INVALID_NUMBER_FORMAT", 485: "NO_ROUTE_DESTINATION",
    486: "USER_BUSY", 487: "ORIGINATOR_CANCEL", 488: "INCOMPATIBLE_DESTINATION",
    500: "NORMAL_TEMPORARY_FAILURE", 501: "SERVICE_NOT_IMPLEMENTED",
    502: "NETWORK_OUT_OF_ORDER", 503: "NORMAL_TEMPORARY_FAILURE",
    504: "RECOVERY_ON_TIMER_EXPIRE", 505: "INTERWORKING", 513: "INTERWORKING",
    600: "USER_BUSY", 603: "CALL_REJECTED", 604: "NO_ROUTE_DESTINATION",
    606: "INCOMPATIBLE_DESTINATION", 607: "UNWANTED",
}  # fmt: skip

PHRASES: dict[int, str] = {
    100: "Trying", 180: "Ringing", 181: "Call Is Being Forwarded", 182: "Queued",
    183: "Session Progress", 200: "OK", 202: "Accepted", 300: "Multiple Choices",
    301: "Moved Permanently", 302: "Moved Temporarily", 400: "Bad Request",
    401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    406: "Not Acceptable", 407: "Proxy Authentication Required", 408: "Request Timeout",
    410: "Gone", 415: "Unsupported Media Type", 420: "Bad Extension",
    428: "Use Identity Header", 429: "",
    437: "Unsupported Credential", 438: "Invalid Identity Header",
    433: "Anonymity Disallowed", 480: "Temporarily Unavailable",
    481: "Call Does Not Exist", 482: "Loop Detected", 483: "Too Many Hops",
    484: "Address Incomplete", 485: "Ambiguous", 486: "Busy Here",
    487: "Request Terminated", 488: "Not Acceptable Here", 491: "Request Pending",
    500: "Internal Server Error", 501: "Not Implemented", 502: "Bad Gateway",
    503: "Service Unavailable", 504: "Gateway Time-out", 505: "Version Not Supported",
    513: "Message Too Large", 600: "Busy Everywhere", 603: "Decline",
    604: "Does Not Exist Anywhere", 606: "Not Acceptable", 607: "Unwanted",
}  # fmt: skip

# What DIALSTATUS says where it is not the originate_disposition itself.
_DIALSTATUS: dict[str, str] = {
    "USER_BUSY": "BUSY", "NO_ANSWER": "NOANSWER", "ORIGINATOR_CANCEL": "CANCEL",
    "CALL_REJECTED": "DONTCALL", "DESTINATION_OUT_OF_ORDER": "INVALIDARGS",
    "INVALID_PROFILE": "INVALIDARGS",
}  # fmt: skip


def dialstatus_of(disposition: str) -> str:
    """The variable DIALSTATUS that goes with an originate_disposition."""
    return _DIALSTATUS.get(disposition, disposition)


def cause_named(word: str) -> str:
    """The cause a word or number names, in any case; NORMAL_CLEARING when it names none."""
    if word.isdigit():
        return _BY_NUMBER.get(int(word), "NORMAL_CLEARING")
    return word.upper() if word.upper() in CAUSES else "NORMAL_CLEARING"


def cause_numbered(number: int) -> str | None:
    """The name of a cause's number, or None."""
    return _BY_NUMBER.get(number)


def q850_of(cause: str) -> int:
    """The Q.850 number of a cause; 16 for those that have none."""
    number = CAUSES.get(cause, 16)
    return number if number < 128 else 16


def sip_code_of(cause: str) -> int:
    """The SIP answer an unanswered caller gets for a cause."""
    return _SIP_OF_CAUSE.get(cause, 480)


def cause_of_sip(code: int) -> str:
    """The cause a destination's SIP answer stands for."""
    return _CAUSE_OF_SIP.get(code, "NORMAL_UNSPECIFIED")


def reason_of(cause: str) -> str:
    """The Reason header a leg gets when it is ended with `cause`."""
    if cause in {"LOSE_RACE", "PICKED_OFF"}:
        return 'SIP;cause=200;text="Call completed elsewhere"'
    number = CAUSES.get(cause, 16)
    protocol = "Q.850" if number < 128 else "SIP"
    return f'{protocol};cause={number};text="{cause}"'


def cause_of_reason(reason: str) -> str | None:
    """The cause a Reason header names, or None when it is not one of ours or of Q.850."""
    protocol, _, rest = reason.partition(";")
    fields = dict(part.strip().partition("=")[::2] for part in rest.split(";"))
    number = fields.get("cause", "").strip()
    if not number.isdigit():
        return None
    if protocol.strip().upper() in {"Q.850", "FREESWITCH"}:
        return _BY_NUMBER.get(int(number))
    return None
