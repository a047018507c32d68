"""The bridge application: ring, connect caller and destination, and what follows the talk."""

from typing import TYPE_CHECKING

from switchsim import dialstring
from switchsim.called import CalledLeg
from switchsim.channel import Channel
from switchsim.media import answer
from switchsim.originate import Originate

if TYPE_CHECKING:
    from switchsim.command_queue import Steps
    from switchsim.session import Session


def bridge(session: "Session", data: str) -> "Steps":
    """Runs a bridge string; an empty one does nothing."""
    if not data.strip():
        return
    channel = session.channel
    attempt = None
    peer = None
    strings = dialstring.enterprise(data)
    for string in strings:
        attempt = Originate(session, string)
        peer = yield from attempt.run()
        if peer or not session.is_up:
            break
    if attempt is None:
        return
    if len(strings) > 1 and peer:
        channel.variables.set("originate_disposition", "success")
    if peer is None:
        failed = attempt.failed_cause or attempt.cause
        channel.variables.set("originate_failed_cause", failed)
        _after_failure(session, attempt.cause)
        return
    yield from _talk(session, peer)


def _after_failure(session: "Session", cause: str) -> None:
    """Without continue_on_fail the caller shares the destination's fate."""
    channel = session.channel
    if not channel.is_up or session.transfer_to is not None:
        return
    wish = channel.variables.get("continue_on_fail")
    if wish is None:
        goes_on = cause in {"NO_ANSWER", "NO_USER_RESPONSE", "ORIGINATOR_CANCEL"}
    else:
        listed = {word.strip().upper() for word in wish.split(",")}
        goes_on = channel.variables.is_true("continue_on_fail") or cause in listed
    if not goes_on:
        channel.hang_up(cause)


def _talk(session: "Session", peer: CalledLeg) -> "Steps":
    caller, callee = session.channel, peer.channel
    caller.variables.set("signal_bond", callee.uuid)
    now = caller.now_us
    caller.profile.times.bridged = now
    caller.other = ("originatee", callee.profile.copy())
    caller.other[1].index = ""
    caller.other[1].logical_direction = "inbound"
    callee.profile.times.bridged = now
    ends = [("Bridge-A-Unique-ID", caller.uuid), ("Bridge-B-Unique-ID", callee.uuid)]
    caller.fire("CHANNEL_BRIDGE", before=ends)
    _tie(session, peer)
    _update(callee, name=caller.profile.name, number=caller.profile.number, other=caller)
    is_told = False
    while session.is_up and peer.is_up:
        if peer.is_answered and not caller.is_answered:
            answer(session, peer)
        if caller.is_answered and not is_told:
            is_told = True
            of_peer = callee.profile
            _update(
                caller, name=of_peer.callee_name, number=of_peer.callee_number, other=callee
            )
        yield None
        yield from session.queue.run()
    yield from _untie(session, peer, ends)


def _tie(session: "Session", peer: CalledLeg) -> None:
    caller, callee = session.channel, peer.channel
    caller.bridge_role, callee.bridge_role = "originator", "originatee"
    callee.enter("CS_EXCHANGE_MEDIA", "CS_EXCHANGE_MEDIA")
    for one, other in ((caller, callee), (callee, caller)):
        for name, value in (
            ("bridge_to", other.uuid),
            ("last_bridge_to", other.uuid),
            ("bridge_channel", other.name),
            ("bridge_uuid", other.uuid),
            ("signal_bond", other.uuid),
        ):
            one.variables.set(name, value)
    callee.variables.set("endpoint_disposition", "ANSWER")


def _update(channel: Channel, *, name: str, number: str, other: Channel) -> None:
    """The switch tells a side who is at the other end."""
    channel.variables.set("last_sent_callee_id_name", name)
    channel.variables.set("last_sent_callee_id_number", number)
    before = [
        ("Direction", "SEND"),
        ("Sent-Callee-ID-Name", name),
        ("Sent-Callee-ID-Number", number),
        ("Bridged-To", other.uuid),
    ]
    channel.fire("CALL_UPDATE", before=[pair for pair in before if pair[1]])


def _untie(session: "Session", peer: CalledLeg, ends: list[tuple[str, str]]) -> "Steps":
    caller, callee = session.channel, peer.channel
    caller.bridge_role = callee.bridge_role = None
    caller.variables.set("bridge_to", None)
    callee.variables.set("bridge_to", None)
    if callee.is_up:
        callee.variables.set("sip_hangup_phrase", "OK")
        callee.variables.set("last_bridge_hangup_cause", caller.hangup_cause)
        callee.variables.set("last_bridge_proto_specific_hangup_cause", "sip:200")
        callee.hang_up("NORMAL_CLEARING")
        callee.variables.set("bridge_hangup_cause", caller.hangup_cause)
    while not peer.is_completed:
        yield 0.0
    caller.variables.set("bridge_hangup_cause", callee.hangup_cause)
    caller.fire("CHANNEL_UNBRIDGE", before=ends)
    if not caller.is_up or session.transfer_to is not None:
        return
    cause = callee.hangup_cause or "NORMAL_CLEARING"
    if not peer.is_answered:
        _after_failure(session, cause)
    elif caller.variables.is_true("hangup_after_bridge"):
        caller.hang_up(cause)
