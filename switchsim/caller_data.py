"""What the switch makes of a caller's INVITE: the caller profile and the first variables."""

import re
from dataclasses import dataclass
from urllib.parse import unquote

from switchsim import sdp
from switchsim.encoding import show
from switchsim.profile import CallerProfile
from switchsim.settings import Address, Settings
from switchsim.sip_text import Party, body, header, headers, party
from switchsim.sip_types import SipMessage
from switchsim.taming import RAW_PREFIX
from switchsim.variables import Variables

_COPIED = {
    "subject": "sip_subject",
    "user-agent": "sip_user_agent",
    "history-info": "sip_history_info",
}
_NOT_COPIED = re.compile(
    r"(?i)via|from|to|call-id|cseq|contact|max-forwards|allow|supported|user-agent|subject|"
    r"content-.*|route|record-route|expires|accept.*|require|session-expires|min-se|privacy|"
    r"p-asserted-identity|p-preferred-identity|remote-party-id|history-info|reason|date"
)
_TRAVELLING = re.compile(r"%EF%9[C-F]%[89AB][0-9A-F]", re.IGNORECASE)
# A Remote-Party-ID of any other shape is none.
_REMOTE = re.compile(r"[^<>]*<[^<>]+>(?:\s*;\s*[\w-]+\s*=\s*(?:\"[^\"]*\"|[\w.!%*+`'~-]+))*\s*")
_HIDES_NAME = {"yes", "full", "name"}
_HIDES_NUMBER = {"yes", "full", "number"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who the caller is, by the header that counts."""

    party: Party
    cid_type: str | None
    hide_name: bool
    hide_number: bool


def identity(request: SipMessage) -> Identity:
    """The caller: P-Asserted-Identity, else Remote-Party-ID, else From."""
    hides_name = hides_number = "id" in privacy_of(request).lower().split(";")
    asserted = header(request, "p-asserted-identity") or header(request, "p-preferred-identity")
    remote = header(request, "remote-party-id") or ""
    if not _REMOTE.fullmatch(remote):
        remote = ""
    chosen, kind = header(request, "from") or "", None
    if asserted and party(asserted).user:
        chosen, kind = asserted, "pid"
    elif remote and party(remote).user:
        chosen, kind = remote, "rpid"
    if remote:
        asked = re.search(r"(?i)privacy=([\w-]+)", remote)
        word = asked.group(1).lower() if asked else ""
        hides_name = hides_name or word in _HIDES_NAME
        hides_number = hides_number or word in _HIDES_NUMBER
    return Identity(
        party=party(chosen), cid_type=kind, hide_name=hides_name, hide_number=hides_number
    )


def _request_uri(request: SipMessage) -> str:
    # sippy escapes the characters that our bytes travel as, by their UTF-8.
    text = _TRAVELLING.sub(lambda found: unquote(found.group()), str(request.getRURI()))
    return show(text)


def privacy_of(request: SipMessage) -> str:
    """What the first Privacy header asks for, joined by `;`; the others do not count."""
    asked = re.split(r"[;,]", header(request, "privacy") or "")
    return ";".join(part.strip() for part in asked if part.strip())


def profile_of(
    request: SipMessage, *, uuid: str, settings: Settings, source: str
) -> CallerProfile:
    """The caller profile of a new call."""
    sender = party(header(request, "from") or "")
    who = identity(request)
    shown = sender.user or "nobody"
    name = f"sofia/{settings.profile}/{shown}@{sender.hostport}"[:255]
    number = _clean_number(who.party.decoded_user) if who.party.user else ""
    display = _clean_name(who.party.decoded_display or sender.decoded_display) or number
    called = party(f"<{_request_uri(request)}>")
    return CallerProfile(
        uuid=uuid,
        channel_name=name,
        destination=called.decoded_user.replace("${", "%{"),
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """How an INVITE came in: from where, to which of our addresses, when."""

    session_id: int
    source: Address
    local: Address
    at_us: int


def first_variables(
    variables: Variables,
    request: SipMessage,
    *,
    profile: CallerProfile,
    settings: Settings,
    arrival: Arrival,
) -> None:
    """Sets the variables every caller's leg starts with, in the switch's order."""
    sender = party(header(request, "from") or "")
    _put(
        variables,
        ("direction", "inbound"),
        ("uuid", profile.uuid),
        ("call_uuid", profile.uuid),
        ("session_id", str(arrival.session_id)),
    )
    _put_party(variables, "sip_from", sender, user=sender.user or "nobody")
    _put(
        variables, *((f"{kind}_media_flow", "disabled") for kind in ("video", "audio", "text"))
    )
    _put_arrival(
        variables, request, sender, profile=profile, settings=settings, arrival=arrival
    )
    _put_identity(variables, request)
    _put(
        variables,
        ("sip_full_via", header(request, "via")),
        ("sip_from_display", sender.display),
        ("sip_full_from", header(request, "from")),
        ("sip_full_to", header(request, "to")),
        ("sip_allow", ", ".join(headers(request, "allow"))),
    )
    _put_party(variables, "sip_req", party(f"<{_request_uri(request)}>"))
    _put_party(variables, "sip_to", party(header(request, "to") or ""))
    _put_party(variables, "sip_contact", party(header(request, "contact") or ""))
    variables.set("rtp_use_codec_string", "PCMA,PCMU")
    _put(variables, *((name, header(request, key)) for key, name in _COPIED.items()))
    via_host = re.match(r"\S+\s+([^;:\s]+)(?::(\d+))?", header(request, "via") or "")
    _put(
        variables,
        ("sip_via_host", via_host.group(1) if via_host else None),
        ("sip_via_port", via_host.group(2) if via_host else None),
        ("max_forwards", header(request, "max-forwards") or "70"),
        ("sip_Privacy", privacy_of(request)),
    )
    put_extra_headers(variables, request)
    _put_offer(variables, body(request))


def _put_arrival(
    variables: Variables,
    request: SipMessage,
    sender: Party,
    *,
    profile: CallerProfile,
    settings: Settings,
    arrival: Arrival,
) -> None:
    host, port = arrival.local
    _put(
        variables,
        ("channel_name", profile.channel_name),
        ("sip_call_id", header(request, "call-id")),
        ("sip_local_network_addr", host),
        ("sip_network_ip", arrival.source[0]),
        ("sip_network_port", str(arrival.source[1])),
        ("sip_invite_stamp", str(arrival.at_us)),
        ("sip_received_ip", arrival.source[0]),
        ("sip_received_port", str(arrival.source[1])),
        ("sip_via_protocol", "udp"),
        ("sip_from_user_stripped", (sender.user or "").lstrip("+")),
        ("sip_from_tag", sender.tag),
        ("sofia_profile_name", settings.profile),
        ("sofia_profile_url", f"sip:mod_sofia@{host}:{port}"),
        ("recovery_profile_name", settings.profile),
    )


def _put_identity(variables: Variables, request: SipMessage) -> None:
    who = identity(request)
    if who.cid_type == "pid":
        variables.set("sip_P-Asserted-Identity", who.party.user)
    variables.set("sip_Remote-Party-ID", header(request, "remote-party-id"))
    variables.set("sip_cid_type", who.cid_type)


def _put_offer(variables: Variables, offered: str) -> None:
    if not offered:
        return
    media = sdp.read(offered)
    _put(
        variables,
        ("switch_r_sdp", offered),
        ("ep_codec_string", codec_string(media.codecs) if media else None),
        ("endpoint_disposition", "DELAYED NEGOTIATION"),
    )


def _put(variables: Variables, *pairs: tuple[str, str | None]) -> None:
    for name, value in pairs:
        variables.set(name, value)


def put_extra_headers(variables: Variables, request: SipMessage) -> None:
    """Copies headers the switch has no name for into `sip_h_…`."""
    for found in request.headers:
        name = "-".join(word.capitalize() for word in found.name.split("-"))
        if not _NOT_COPIED.fullmatch(found.name) and not found.name.startswith(RAW_PREFIX):
            variables.set(f"sip_h_{name}", header(request, found.name))


def codec_string(codecs: tuple[str, ...]) -> str:
    """Codecs as variables write them."""
    return ",".join(f"CORE_PCM_MODULE.{codec}@8000h@20i@64000b" for codec in codecs)


def _put_party(variables: Variables, prefix: str, who: Party, user: str | None = None) -> None:
    named = user or who.user
    at = f"{named}@" if named else ""
    variables.set(f"{prefix}_user", named)
    variables.set(f"{prefix}_port", who.port)
    variables.set(f"{prefix}_uri", f"{at}{who.hostport}" if who.host else None)
    variables.set(f"{prefix}_host", who.host)


def _clean_number(text: str) -> str:
    return text.replace("${", "%{").partition(";")[0]


def _clean_name(text: str) -> str:
    text = text.replace("${", "%{")
    return re.sub(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f]", " ", text)
