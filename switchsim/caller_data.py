"""What the switch makes of a caller's INVITE: the caller profile and the first variables."""

import re
from dataclasses import dataclass
from typing import Any

from switchsim import sdp
from switchsim.profile import CallerProfile
from switchsim.settings import Settings
from switchsim.sip_text import Party, body, header, headers, party
from switchsim.variables import Variables

_COPIED = {
    "subject": "sip_subject", "user-agent": "sip_user_agent", "history-info": "sip_history_info",
}  # fmt: skip
_NOT_COPIED = re.compile(
    r"(?i)via|from|to|call-id|cseq|contact|max-forwards|allow|supported|user-agent|subject|"
    r"content-.*|route|record-route|expires|accept.*|require|session-expires|min-se|privacy|"
    r"p-asserted-identity|p-preferred-identity|remote-party-id|history-info|reason|date"
)
_HIDING = {"yes", "full", "number", "name"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who the caller is, by the header that counts."""

    party: Party
    cid_type: str | None
    hide_name: bool
    hide_number: bool


def identity(request: Any) -> Identity:
    """The caller: P-Asserted-Identity, else Remote-Party-ID, else From."""
    privacy = {
        part.strip().lower() for text in headers(request, "privacy") for part in text.split(";")
    }
    hides = bool(privacy & {"id", "critical"} and privacy & {"id"})
    asserted = header(request, "p-asserted-identity") or header(request, "p-preferred-identity")
    remote = header(request, "remote-party-id")
    chosen, kind = header(request, "from") or "", None
    if asserted:
        chosen, kind = asserted, "pid"
    elif remote:
        chosen, kind = remote, "rpid"
        asked = re.search(r"(?i)privacy=\"?(\w+)", remote)
        hides = hides or bool(asked and asked.group(1).lower() in _HIDING)
    return Identity(party=party(chosen), cid_type=kind, hide_name=hides, hide_number=hides)


def profile_of(request: Any, *, uuid: str, settings: Settings, source: str) -> CallerProfile:
    """The caller profile of a new call."""
    sender = party(header(request, "from") or "")
    who = identity(request)
    shown = sender.user or "nobody"
    name = f"sofia/{settings.profile}/{shown}@{_hostport(sender)}"[:255]
    number = who.party.decoded_user if who.party.user else ""
    display = _clean_name(who.party.decoded_display)
    display = display or number
    called = party(f"<{request.getRURI()!s}>")
    return CallerProfile(
        uuid=uuid,
        channel_name=name,
        destination=called.decoded_user,
        number=number,
        name=display,
        orig_number=number,
        orig_name=display,
        username=number,
        ani=number,
        network_addr=source,
        context=settings.context,
        hide_name=who.hide_name,
        hide_number=who.hide_number,
    )


def first_variables(
    variables: Variables,
    request: Any,
    *,
    profile: CallerProfile,
    settings: Settings,
    session_id: int,
    source: tuple[str, int],
    local: tuple[str, int],
    now_us: int,
) -> None:
    """Sets the variables every caller's leg starts with, in the switch's order."""
    put = variables.set
    sender = party(header(request, "from") or "")
    to = party(header(request, "to") or "")
    called = party(f"<{request.getRURI()!s}>")
    contact = party(header(request, "contact") or "")
    via = header(request, "via") or ""
    who = identity(request)
    for name, value in (
        ("direction", "inbound"),
        ("uuid", profile.uuid),
        ("call_uuid", profile.uuid),
        ("session_id", str(session_id)),
    ):
        put(name, value)
    _put_party(variables, "sip_from", sender, user=sender.user or "nobody")
    for kind in ("video", "audio", "text"):
        put(f"{kind}_media_flow", "disabled")
    for name, value in (
        ("channel_name", profile.channel_name),
        ("sip_call_id", header(request, "call-id")),
        ("sip_local_network_addr", local[0]),
        ("sip_network_ip", source[0]),
        ("sip_network_port", str(source[1])),
        ("sip_invite_stamp", str(now_us)),
        ("sip_received_ip", source[0]),
        ("sip_received_port", str(source[1])),
        ("sip_via_protocol", "udp"),
        ("sip_from_user_stripped", (sender.user or "").lstrip("+")),
        ("sip_from_tag", sender.tag),
        ("sofia_profile_name", settings.profile),
        ("sofia_profile_url", f"sip:mod_sofia@{local[0]}:{local[1]}"),
        ("recovery_profile_name", settings.profile),
    ):
        put(name, value)
    if who.cid_type == "pid":
        put("sip_P-Asserted-Identity", who.party.user)
    elif who.cid_type == "rpid":
        put("sip_Remote-Party-ID", who.party.full)
    put("sip_cid_type", who.cid_type)
    for name, value in (
        ("sip_full_via", via),
        ("sip_from_display", sender.display),
        ("sip_full_from", header(request, "from")),
        ("sip_full_to", header(request, "to")),
        ("sip_allow", ", ".join(headers(request, "allow"))),
    ):
        put(name, value)
    _put_party(variables, "sip_req", called)
    _put_party(variables, "sip_to", to)
    _put_party(variables, "sip_contact", contact)
    put("rtp_use_codec_string", "PCMA,PCMU")
    for name, variable in _COPIED.items():
        put(variable, header(request, name))
    via_host = re.match(r"\S+\s+([^;:\s]+)(?::(\d+))?", via)
    put("sip_via_host", via_host.group(1) if via_host else None)
    put("sip_via_port", via_host.group(2) if via_host else None)
    put("max_forwards", header(request, "max-forwards") or "70")
    put("sip_Privacy", header(request, "privacy"))
    put_extra_headers(variables, request)
    offered = body(request)
    if offered:
        put("switch_r_sdp", offered)
        media = sdp.read(offered)
        put("ep_codec_string", codec_string(media.codecs) if media else None)
        put("endpoint_disposition", "DELAYED NEGOTIATION")


def put_extra_headers(variables: Variables, request: Any) -> None:
    """Copies headers the switch has no name for into `sip_h_…`."""
    for found in request.headers:
        name = "-".join(word.capitalize() for word in found.name.split("-"))
        if not _NOT_COPIED.fullmatch(found.name):
            variables.set(f"sip_h_{name}", header(request, found.name))


def codec_string(codecs: tuple[str, ...]) -> str:
    """Codecs as variables write them."""
    return ",".join(f"CORE_PCM_MODULE.{codec}@8000h@20i@64000b" for codec in codecs)


def _put_party(variables: Variables, prefix: str, who: Party, user: str | None = None) -> None:
    named = user or who.user
    at = f"{named}@" if named else ""
    variables.set(f"{prefix}_user", named)
    variables.set(f"{prefix}_port", who.port)
    variables.set(f"{prefix}_uri", f"{at}{_hostport(who)}" if who.host else None)
    variables.set(f"{prefix}_host", who.host)


def _hostport(who: Party) -> str:
    return f"{who.host}:{who.port}" if who.port else who.host


def _clean_name(text: str) -> str:
    text = text.replace("${", "%{")
    return re.sub(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]", " ", text)
