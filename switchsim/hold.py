"""A re-INVITE in a call: hold, music for the other side, and the pause before the answer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from switchsim import sdp
from switchsim.broadcast import broadcast
from switchsim.events import Event

if TYPE_CHECKING:
    from switchsim.channel import Channel
    from switchsim.switch import Switch

# The switch waits so long while the other side's music begins or ends.
_PAUSE_S = 0.25
_MUSIC = "local_stream://moh"
_ANSWERED_WITH = {"sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}
_HOLDS = {"sendonly", "inactive"}
_REINVITED = ("sofia.c", "sofia_handle_sip_i_state", 8501)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reinvite:
    """A re-INVITE as its leg got it.

    Args:
        offered: its session description, empty when it has none.
        trying: sends 100.
        answer: sends 200 with our session description in this direction, and sets the
            variable that tells it.
        offer: the same when the re-INVITE leaves it to us to offer.
        pause: calls back after so many seconds; until then the leg does nothing else.
    """

    offered: str
    trying: Callable[[], None]
    answer: Callable[[str], None]
    offer: Callable[[], None]
    pause: Callable[[float, Callable[[], None]], object]


def renegotiate(
    switch: "Switch", channel: "Channel", other: "Channel | None", reinvite: Reinvite
) -> None:
    """Answers a re-INVITE of the party of `channel`; `other` is whom it is bridged to."""
    reinvite.trying()
    media = sdp.read(reinvite.offered)
    if media is None:
        reinvite.offer()
        return
    direction = _ANSWERED_WITH.get(media.direction, "sendrecv")
    _learn(channel, other, reinvite.offered, flows=(media.direction, direction))

    def finish() -> None:
        if not channel.is_up:
            return
        if not holds:
            channel.unhold()
        reinvite.answer(direction)
        _tell(switch, channel)

    holds = media.direction in _HOLDS and channel.is_answered
    if holds and not channel.is_held:
        channel.hold()
        if other is not None:
            broadcast(switch, other, "playback", _MUSIC, is_music=True)
        reinvite.pause(_PAUSE_S, finish)
    elif channel.is_held and not holds:
        reinvite.pause(_PAUSE_S, finish)
    else:
        finish()


def _learn(
    channel: "Channel", other: "Channel | None", offered: str, *, flows: tuple[str, str]
) -> None:
    # "Both ways" is what is meant anyway, and not kept.
    described = offered.replace("a=sendrecv\r\n", "")
    put = channel.variables.set
    put("switch_r_sdp", described)
    put("remote_audio_media_flow", flows[0])
    put("audio_media_flow", flows[1])
    if other is not None:
        other.variables.set("switch_m_sdp", described)


def acknowledged(channel: "Channel", other: "Channel | None", described: str) -> None:
    """The party has our answer: after a hold the talk goes on.

    Args:
        channel: the party's leg.
        other: whom it is bridged to.
        described: the session description in its ACK: the answer to an offer of ours.
    """
    if described:
        channel.variables.set("sip_reinvite_sdp", described)
        channel.variables.set("switch_r_sdp", described)
    if described and other is not None:
        other.variables.set("switch_m_sdp", described)
    if channel.call_state == "UNHELD":
        channel.set_call_state("ACTIVE")


def _tell(switch: "Switch", channel: "Channel") -> None:
    if switch.bus.wanted("CUSTOM", channel.uuid):
        headers = [
            ("Event-Subclass", "sofia::reinvite"),
            *switch.bus.head("CUSTOM", channel.now_us, _REINVITED),
            ("Unique-ID", channel.uuid),
        ]
        switch.bus.publish(Event("CUSTOM", headers), channel.uuid)
