"""What the comparison leaves out, and why. Everything else must agree."""

from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Headers of an event, or a whole event, not compared in some cases."""

    header: str
    why: str
    event: str = "*"
    case: str = "*"

    def covers(self, case: str, event: str, header: str) -> bool:
        """Whether this header of this event of this case is left out."""
        return (
            fnmatchcase(case, self.case)
            and fnmatchcase(event, self.event)
            and fnmatchcase(header, self.header)
        )


_ACK = "set when the caller's ACK arrives, which races with the events after the answer"

HEADERS: tuple[LeftOut, ...] = (
    LeftOut(header="variable_sip_cseq", why=_ACK),
    LeftOut(header="variable_sip_full_via", why=_ACK),
    LeftOut(header="variable_sip_full_to", why=_ACK),
)

HEADERS += (
    LeftOut(header="variable_sip_to_tag", event="CALL_UPDATE", case="15-*", why=_ACK),
    LeftOut(
        header="variable_rtp_audio_out_*",
        case="12-*/invalid-then-caller-gone",
        why="counts how much of a prompt was played before a digit cut it",
    ),
)
HEADERS += tuple(
    LeftOut(
        header=header,
        case="15-*/announcements",
        why="counts how much was played before it was broken off, and is stale then",
    )
    for header in ("variable_playback_*", "variable_rtp_audio_out_*")
)
_ALONE = (
    "differs from recording to recording: whether the destination's leg ends within the call"
)

HEADERS += tuple(
    LeftOut(header=header, event=event, case=case, why=_ALONE)
    for case in ("13-*", "15-*/announcements", "22-*")
    for event in (
        "CHANNEL_HANGUP_COMPLETE",
        "CHANNEL_DESTROY",
        "CHANNEL_STATE *",
        "CHANNEL_CALLSTATE",
    )
    for header in ("Channel-Call-UUID", "variable_call_uuid", "variable_bridge_hangup_cause")
)

# Events whose presence or place the switch itself varies from call to call.
FLOATING: tuple[LeftOut, ...] = (
    LeftOut(
        header="",
        event="CHANNEL_PARK",
        why="races with the subscription; in about a quarter of the recordings",
    ),
    LeftOut(
        header="",
        event="PRIVATE_COMMAND",
        why="not sent for the first command of a tick; which one that is depends on the tick",
    ),
    LeftOut(
        header="",
        event="notice linger",
        why="comes after CHANNEL_HANGUP or after CHANNEL_HANGUP_COMPLETE",
    ),
    LeftOut(
        header="",
        event="CHANNEL_HANGUP",
        case="18-*/no-linger*",
        why="without linger the connection closes at hangup, often before this event",
    ),
)

_UNUSED = "a command no engine of ours uses"

FLOATING += tuple(
    LeftOut(header="", event=f"api {command}*", why=why)
    for command, why in (
        ("status", "uptime and counters of the process"),
        ("API status", "uptime and counters of the process"),
        ("version", "names the program"),
        ("strepoch", "the time"),
        ("sofia", _UNUSED),
        ("cond", _UNUSED),
    )
)
FLOATING += (LeftOut(header="", event="API status*", why="uptime and counters of the process"),)

FLOATING += tuple(
    LeftOut(
        header="",
        event=event,
        case="21-inbound-connection",
        why="a command sent 3 ms before `noevents`: its events come before or after it",
    )
    for event in ("CHANNEL_EXECUTE set", "CHANNEL_EXECUTE_COMPLETE set")
)

FLOATING += (
    LeftOut(
        header="",
        event="api show channels*",
        case="19-hostile-input/json-*",
        why="the switch writes that table in its own time: a call 1 ms old may be missing",
    ),
)

_FORBIDDEN = "moves the call, which our configuration and bridge strings forbid"
_NESTED = "a bridge inside a bridge that rings; no engine of ours does that"
_LOCKED = "what event-lock kept back is run even after the hangup; no engine of ours uses it"

_REWRITTEN = "what FreeSWITCH keeps of a user with `;` or `${` in it: no number either way"

# Recorded cases that are not repeated, by a pattern of their names.
CASES: dict[str, str] = {
    "30-framing-and-limits": "a command sent byte by byte stands behind its answer there",
    "13-*/event-filter-channel-call-uuid": _ALONE,
    "23-*/bridge-command-queued-before-bye-is-seen": _NESTED,
    "23-*/cancel-crosses-answer": "the CANCEL met an answer half taken over",
    "23-*/second-bridge-command-sent-while-first-rings-event-lock": _LOCKED,
    "24-*/myevents-twice-noevents-nixevent-divert": "waits for lines of the switch's own log",
    "25-*/enterprise-one-answers": "`:_:` rings one after the other; no engine of ours uses it",
    "26-*/to-a-leg-during-bridge": "`sendevent SEND_INFO`, an INFO outside of any call: "
    + _UNUSED,
    "30-*/app-failures": "endpoints user, error and group: " + _UNUSED,
    "28-*/redirect-302-default": _FORBIDDEN,
    "28-*/redirect-302-outbound_redirect_fatal-on-a-leg": _FORBIDDEN,
    "16-*/closed-before-connect-uuid-kill": "the id comes from a client's events, which are "
    "not kept with the recording",
    "16-*/mid-bridge-fin-then-uuid-transfer-reattaches": "uuid_transfer: " + _FORBIDDEN,
    "19-*/called-number-specials": "FreeSWITCH ignores the INVITE, we refuse it",
    "19-*/encoded-specials-in-user": _REWRITTEN,
    "19-*/pipe-semicolon-in-user": _REWRITTEN,
    "19-*/engine-echoes-display-in-set": "without linger, yet all events came in time",
}

# SIP headers that are not compared.
SIP_HEADERS: dict[str, str] = {
    "content-length": "follows from the body",
    "call-id": "random",
    "via": "branch is random; its address is compared through the messages arriving at all",
}


def why_left_out(case: str) -> str | None:
    """The reason why a case is not repeated, or None when it is."""
    return next((why for pattern, why in CASES.items() if fnmatchcase(case, pattern)), None)
