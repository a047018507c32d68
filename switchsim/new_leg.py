"""A destination's new channel: who it shows as caller, and the variables it starts with."""

from typing import TYPE_CHECKING

from switchsim.channel import Channel
from switchsim.encoding import url_encode
from switchsim.profile import CallerProfile

if TYPE_CHECKING:
    from switchsim.session import Session

# The codec of a caller that has media already.
_IN_USE = "PCMA@8000h@20i"


def new_channel(session: "Session", values: dict[str, str], *, user: str, uri: str) -> Channel:
    """The channel of a leg about to be rung.

    Args:
        session: the call it is rung for.
        values: the variables of the bridge string for this leg, unexpanded.
        user: the user of the request URI.
        uri: the request URI.
    """
    switch, caller = session.switch, session.channel
    wanted = {name: switch.expanded(caller, value) for name, value in values.items()}
    uuid = wanted.get("origination_uuid") or ""
    if not uuid or switch.find(uuid) is not None:
        uuid = switch.new_uuid()
    at = uri.partition(":")[2]
    shown = url_encode(user) if user else user
    profile = _profile(
        session,
        wanted,
        uuid=uuid,
        name=f"sofia/{switch.settings.profile}/{shown}{at[len(user) :]}"[:255],
        destination=shown,
        callee=user,
    )
    channel = Channel(loop=switch.loop, bus=switch.bus, profile=profile)
    channel.other = ("originator", caller.profile.copy(timeless=True))
    _set_variables(session, channel, wanted, at)
    return channel


def _profile(
    session: "Session",
    wanted: dict[str, str],
    *,
    uuid: str,
    name: str,
    destination: str,
    callee: str,
) -> CallerProfile:
    base, own = session.channel.profile, session.channel.variables
    number = wanted.get("origination_caller_id_number") or own.get("effective_caller_id_number")
    display = wanted.get("origination_caller_id_name") or own.get("effective_caller_id_name")
    profile = CallerProfile(
        uuid=uuid,
        channel_name=name,
        destination=destination,
        number=number or base.number,
        name=display or base.name,
        orig_number=base.orig_number,
        orig_name=base.orig_name,
        callee_name="Outbound Call",
        callee_number=callee,
        username=base.username,
        ani=base.ani,
        network_addr=base.network_addr,
        context=base.context,
        direction="outbound",
        logical_direction="outbound",
        hide_name=base.hide_name,
        hide_number=base.hide_number,
        screen=base.screen,
    )
    privacy = wanted.get("origination_privacy")
    if privacy is not None:
        words = {word.strip().lower() for word in privacy.split(":")}
        profile.screen = "screen" in words
        profile.hide_name = "hide_name" in words
        profile.hide_number = "hide_number" in words
    return profile


def _set_variables(
    session: "Session", channel: Channel, wanted: dict[str, str], at: str
) -> None:
    switch, own = session.switch, session.channel.variables
    put = channel.variables.set
    hops = (own.number("max_forwards") or 70) - 1
    for name, value in (
        ("direction", "outbound"),
        ("is_outbound", "true"),
        ("uuid", channel.uuid),
        ("session_id", str(switch.next_session_id())),
        ("sip_local_network_addr", switch.sip_address[0]),
        ("sip_profile_name", switch.settings.profile),
        ("text_media_flow", "disabled"),
        ("channel_name", channel.name),
        ("sip_destination_url", f"sip:{at}"),
        *wanted.items(),
    ):
        put(name, value)
    if "sip_cid_type" not in wanted:
        put("sip_cid_type", own.get("sip_cid_type"))
    codec = _IN_USE if session.channel.has_codec else own.get("ep_codec_string")
    inherited = (
        ("max_forwards", str(hops)),
        ("originator_codec", codec),
        ("originator", session.channel.uuid),
        ("signal_bond", session.channel.uuid),
        ("switch_m_sdp", own.get("switch_r_sdp")),
        ("originate_early_media", "true"),
        ("originating_leg_uuid", session.channel.uuid),
        ("originate_endpoint", "sofia"),
        ("rtp_use_codec_string", codec),
    )
    for name, text in inherited:
        put(name, text)
