"""The caller's media: early media and the answer, negotiated though nothing flows."""

from typing import TYPE_CHECKING

from switchsim.called import CalledLeg
from switchsim.channel import Channel
from switchsim.media_variables import negotiated

if TYPE_CHECKING:
    from switchsim.session import Session


def answer(session: "Session", peer: CalledLeg | None) -> None:
    """Answers the caller, with the media of `peer` when there is one."""
    channel = session.channel
    if channel.is_answered or not channel.is_up:
        return
    open_media(session, peer, announce=False)
    variables = channel.variables
    if peer is not None and variables.get("switch_m_sdp") is None:
        _take_over(channel, peer)
    variables.set("rtp_local_sdp_str", session.leg.local_sdp())
    session.leg.answer()
    channel.mark_answered()


def open_media(session: "Session", peer: CalledLeg | None, *, announce: bool = True) -> None:
    """Negotiates the caller's media and says so; `announce` sends the 183."""
    channel = session.channel
    if channel.is_early or channel.is_answered or not channel.is_up:
        return
    channel.set_codec()
    variables = channel.variables
    if peer is not None and announce:
        variables.set("switch_m_sdp", peer.remote_sdp)
    elif peer is not None:
        _take_over(channel, peer)
    media = session.leg.media
    if media is not None:
        port = session.leg.media_port
        host = session.switch.sip_address[0]
        for name, value in negotiated(
            media, host=host, ssrc=4_144_697_000 + port, local_port=port
        ):
            variables.set(name, value)
    variables.set("endpoint_disposition", "EARLY MEDIA")
    if announce:
        session.leg.progress()
    channel.mark_early()
    if announce:
        variables.set("rtp_local_sdp_str", session.leg.local_sdp())


def _take_over(channel: Channel, peer: CalledLeg) -> None:
    """The destination's session description becomes the base of the caller's answer."""
    channel.variables.set("switch_m_sdp", peer.remote_sdp)
    channel.variables.set("video_media_flow", "inactive")
    channel.variables.set("text_media_flow", "inactive")
