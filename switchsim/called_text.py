"""What a destination is told of the caller: From, identity and privacy headers.

Privacy never changes From; only `sip_from_uri` and `sip_from_display` do.
"""

import re

from switchsim.channel import Channel
from switchsim.settings import Address
from switchsim.sip_text import ALLOW, ALLOW_EVENTS, SUPPORTED, party


def shown_name(text: str) -> str:
    """A display name as it goes into a header: text up to its last `:` is dropped."""
    if text == "_undef_":
        return ""
    return text.rpartition(":")[2]


def can_be_sent(name: str) -> bool:
    """Whether a header can be made of this name; the switch fails at quotes inside it."""
    backslashes = len(name) - len(name.rstrip("\\"))
    return '"' not in name and backslashes % 2 == 0


def sender_of(channel: Channel, host: str) -> str:
    """The From header, without its tag."""
    variables, profile = channel.variables, channel.profile
    uri = variables.get("sip_from_uri")
    display = variables.get("sip_from_display") or shown_name(profile.name)
    if uri:
        uri = uri if re.match(r"(?i)sips?:", uri) else f"sip:{uri}"
    else:
        domain = variables.get("sip_invite_domain") or host
        uri = f"sip:{profile.number}@{domain}" if profile.number else f"sip:{domain}"
    return f'"{display}" <{uri}>' if display else f"<{uri}>"


def invite_headers(
    channel: Channel, local: Address, agent: str, *, announces: bool
) -> list[tuple[str, str]]:
    """Headers of the INVITE from Contact on."""
    variables = channel.variables
    kind = (variables.get("sip_cid_type") or "rpid").lower()
    extra = [
        (name[len("sip_h_") :], value)
        for name, value in variables.items()
        if name.lower().startswith("sip_h_")
    ]
    hidden = channel.profile.hide_number
    found = [
        ("Contact", f"<sip:mod_sofia@{local[0]}:{local[1]}>"),
        ("User-Agent", agent),
        ("Allow", ALLOW),
        ("Supported", SUPPORTED),
        ("Allow-Events", ALLOW_EVENTS),
    ]
    if kind == "pid":
        found.append(("Privacy", "id" if hidden else "none"))
        extra = [pair for pair in extra if pair[0].lower() != "privacy"]
    own = [pair for pair in extra if pair[0].lower() != "p-asserted-identity"]
    found += own
    found += [("Content-Type", "application/sdp"), ("Content-Disposition", "session")]
    if announces:
        found.append(("X-FS-Support", "update_display,send_info"))
    found += _identity(channel, kind, local[0])
    found += [pair for pair in extra if pair[0].lower() == "p-asserted-identity"]
    return found


def _identity(channel: Channel, kind: str, host: str) -> list[tuple[str, str]]:
    profile, variables = channel.profile, channel.variables
    domain = party(f"<{variables.get('sip_from_uri') or ''}>").host
    domain = domain or variables.get("sip_invite_domain") or host
    name = shown_name(profile.name)
    address = f"<sip:{profile.number}@{domain}>"
    if kind == "pid":
        label = "P-Asserted-Identity" if profile.screen else "P-Preferred-Identity"
        return [(label, f'"{name}" {address}' if name else address)]
    if kind == "rpid":
        privacy = "off"
        if profile.hide_name or profile.hide_number:
            privacy = "name" if not profile.hide_number else "full"
        screen = "yes" if profile.screen else "no"
        shown = f'"{name}" ' if name else ""
        tail = f"party=calling;screen={screen};privacy={privacy}"
        return [("Remote-Party-ID", f"{shown}{address};{tail}")]
    return []
