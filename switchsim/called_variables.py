"""The SIP variables of a destination's leg: with its INVITE, and with its first answers."""

from switchsim import sdp
from switchsim.outgoing_dialogue import OutgoingDialogue
from switchsim.settings import Address
from switchsim.sip_text import header, headers, party
from switchsim.sip_types import SipMessage
from switchsim.variables import Variables


def set_first(
    variables: Variables, dialogue: OutgoingDialogue, *, local: Address, profile: str
) -> None:
    """What the INVITE leaves behind."""
    host, port = local
    remote = dialogue.uri.partition(":")[2]
    for name, value in (
        ("local_media_ip", host),
        ("local_media_port", str(dialogue.media_port)),
        ("advertised_media_ip", host),
        ("audio_media_flow", "sendrecv"),
        ("video_media_flow", "sendrecv"),
        ("rtp_local_sdp_str", sdp.offered_variable(dialogue.offer)),
        ("sip_outgoing_contact_uri", f"<sip:mod_sofia@{host}:{port}>"),
        ("sip_req_uri", remote),
        ("sip_to_host", remote.partition("@")[2] or remote),
        ("sip_from_host", party(dialogue.sender).host),
        ("sofia_profile_name", profile),
        ("recovery_profile_name", profile),
        ("sofia_profile_url", f"sip:mod_sofia@{host}:{port}"),
    ):
        variables.set(name, value)


def learn(variables: Variables, dialogue: OutgoingDialogue, message: SipMessage) -> None:
    """What a response of the destination brings."""
    to, sender = party(dialogue.to), party(dialogue.sender)
    contact, via = header(message, "contact"), header(message, "via") or ""
    pairs = [
        ("sip_reply_host", dialogue.target[0]),
        ("sip_reply_port", str(dialogue.target[1])),
        ("sip_network_ip", dialogue.target[0]),
        ("sip_network_port", str(dialogue.target[1])),
        ("sip_allow", ", ".join(headers(message, "allow"))),
        ("sip_recover_contact", contact),
        ("sip_full_via", via),
        ("sip_recover_via", via),
        ("sip_from_display", sender.display),
        ("sip_full_from", dialogue.sender),
        ("sip_full_to", dialogue.to),
        ("sip_from_user", sender.user),
        ("sip_from_uri", f"{sender.user}@{sender.hostport}"),
        ("sip_to_user", to.user),
        ("sip_to_port", to.port),
        ("sip_to_uri", f"{to.user}@{to.hostport}"),
        ("sip_to_host", to.host),
    ]
    if contact:
        reach = party(contact)
        pairs += [
            ("sip_contact_user", reach.user),
            ("sip_contact_port", reach.port),
            ("sip_contact_uri", reach.uri.partition(":")[2].partition(";")[0]),
            ("sip_contact_host", reach.host),
        ]
    pairs += [
        ("sip_to_tag", to.tag),
        ("sip_from_tag", dialogue.tag),
        ("sip_cseq", str(dialogue.cseq)),
        ("sip_call_id", dialogue.call_id),
    ]
    for name, value in pairs:
        if value:
            variables.keep(name, value)


def swap(variables: Variables, request_in: SipMessage) -> None:
    """What the ACK of a re-INVITE of the destination leaves: the roles as it has them."""
    sender, to = header(request_in, "from") or "", header(request_in, "to") or ""
    via = header(request_in, "via")
    for name, value in (
        ("dlg_req_swap_direction", "true"),
        ("sip_from_display", party(sender).display or None),
        ("sip_full_from", sender),
        ("sip_from_tag", party(sender).tag),
        ("sip_to_display", party(to).display or None),
        ("sip_full_to", to),
        ("sip_full_via", via),
        ("sip_recover_via", via),
        ("sip_cseq", (header(request_in, "cseq") or "").partition(" ")[0]),
    ):
        variables.set(name, value)
