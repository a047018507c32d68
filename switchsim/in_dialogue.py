"""Requests inside a dialogue, from either party: BYE, INFO, digits, hold, ACK."""

import re
from typing import TYPE_CHECKING

from switchsim import sdp
from switchsim.called import CalledLeg
from switchsim.events import Event
from switchsim.hold import Reinvite, acknowledged, renegotiate
from switchsim.sip_text import body, header, party
from switchsim.sip_types import SipMessage, SipTransaction

if TYPE_CHECKING:
    from switchsim.channel import Channel
    from switchsim.session import Session
    from switchsim.switch import Switch

_NAMED = {"10": "*", "11": "#", "12": "A", "13": "B", "14": "C", "15": "D"}


class CallerRequests:
    """What a caller sends after its INVITE."""

    def __init__(self, switch: "Switch", session: "Session") -> None:
        self._switch = switch
        self._session = session
        session.leg.on_request_in = self._on_request
        session.leg.on_acknowledged = self._on_ack
        if session.leg.voice is not None:
            session.leg.voice.on_key = self._on_key

    def _on_request(self, request: SipMessage, transaction: SipTransaction) -> None:
        self._session.signal(lambda: self._answer(request, transaction))

    def _on_key(self, digit: str, duration: int) -> None:
        def press() -> None:
            self._session.pressed.append(digit)
            channel = self._session.channel
            pressed(self._switch, channel, self._peer(), digit, duration, source="RTP")

        self._session.signal(press)

    def _on_ack(self, request: SipMessage) -> None:
        put = self._session.channel.variables.set
        put("sip_to_tag", self._session.leg.tag)
        put("sip_cseq", (header(request, "cseq") or "").partition(" ")[0])
        put("sip_full_via", header(request, "via"))
        put("sip_full_to", header(request, "to"))
        acknowledged(self._session.channel, self._peer(), body(request))

    def _renegotiate(self, request: SipMessage, transaction: SipTransaction) -> None:
        session = self._session
        channel, leg = session.channel, session.leg

        def answer(direction: str) -> None:
            leg.reply_media(request, transaction, direction)
            channel.variables.set("rtp_local_sdp_str", leg.local_sdp(direction))

        def offer() -> None:
            leg.reply_media(request, transaction, codecs=sdp.ALL)
            channel.variables.set("rtp_local_sdp_str", leg.local_sdp(codecs=sdp.ALL))

        reinvite = Reinvite(
            offered=body(request),
            trying=lambda: leg.reply(request, transaction, 100),
            answer=answer,
            offer=offer,
            pause=session.pause,
        )
        renegotiate(self._switch, channel, self._peer(), reinvite)

    def _peer(self) -> "Channel | None":
        peer = self._session.channel.variables.get("bridge_to")
        return self._switch.find(peer) if peer else None

    def _answer(self, request: SipMessage, transaction: SipTransaction) -> None:
        session, method = self._session, request.getMethod()
        if method == "INVITE":
            self._renegotiate(request, transaction)
            return
        session.leg.reply(request, transaction, 200)
        if method == "BYE":
            session.leg.gone()
            session.end_by_caller("bye", header(request, "reason"))
        elif method == "INFO":
            received_info(self._switch, session.channel, request)
            digit = digit_of(request)
            if digit:
                session.pressed.append(digit[0])
                pressed(self._switch, session.channel, self._peer(), *digit)


def wire_destination(switch: "Switch", leg: CalledLeg, session: "Session") -> None:
    """Lets a destination's digits reach the event socket and the caller."""

    def on_info(request: SipMessage) -> None:
        received_info(switch, leg.channel, request)
        digit = digit_of(request)
        if digit:
            other = session.channel if session.channel.is_answered else None
            pressed(switch, leg.channel, other, *digit)

    def on_key(digit: str, duration: int) -> None:
        if leg.is_up:
            other = session.channel if session.channel.is_answered else None
            pressed(switch, leg.channel, other, digit, duration, source="RTP")

    leg.on_info = on_info
    if leg.voice is not None:
        leg.voice.on_key = on_key


def digit_of(request: SipMessage) -> tuple[str, int] | None:
    """The digit and its length in samples of an INFO, or None."""
    held = request.getBody()
    kind = str(held.mtype).lower() if held is not None else ""
    text = body(request)
    if "dtmf-relay" in kind:
        signal = re.search(r"(?i)signal\s*=\s*(\S+)", text)
        length = re.search(r"(?i)duration\s*=\s*(\d+)", text)
        if not signal:
            return None
        digit = _NAMED.get(signal.group(1), signal.group(1))
        return digit[:1], int(length.group(1)) * 8 if length else 2000
    if "application/dtmf" in kind:
        digit = _NAMED.get(text.strip(), text.strip())
        return (digit[:1], 2000) if digit else None
    return None


def pressed(
    switch: "Switch",
    channel: "Channel",
    other: "Channel | None",
    digit: str,
    duration: int,
    *,
    source: str = "ENDPOINT",
) -> None:
    """The party of `channel` pressed a digit: an event, and an INFO to the other side.

    `bridge_filter_dtmf` on the channel keeps it from the other side.
    """
    channel.digits += digit
    after = [
        ("DTMF-Digit", digit),
        ("DTMF-Duration", str(duration)),
        ("DTMF-Source", source),
    ]
    channel.fire("DTMF", after=after)
    if other is not None and not channel.variables.is_true("bridge_filter_dtmf"):
        switch.send_digit(other, digit, duration)


def received_info(switch: "Switch", channel: "Channel", request: SipMessage) -> None:
    """Fires RECV_INFO for an INFO that is no digit."""
    if not switch.bus.wanted("RECV_INFO", channel.uuid):
        return
    held = request.getBody()
    before = [("SIP-Content-Type", str(held.mtype) if held is not None else "")]
    for name in ("From", "To", "Contact"):
        named = party(header(request, name.lower()) or "")
        before += [(f"SIP-{name}-User", named.user or ""), (f"SIP-{name}-Host", named.host)]
    headers = channel.data("RECV_INFO", before=before)
    switch.bus.publish(Event("RECV_INFO", headers, body(request) or None), channel.uuid)
