"""SIP messages as text: reading headers of what came, writing what goes out."""

import re
import secrets
import string
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from switchsim.causes import PHRASES
from switchsim.encoding import hide, show
from switchsim.settings import Address
from switchsim.sip_messages import OutgoingResponse
from switchsim.sip_types import SipMessage
from switchsim.taming import RAW_PREFIX

ALLOW = "INVITE, ACK, BYE, CANCEL, OPTIONS, MESSAGE, INFO, UPDATE, REGISTER, REFER, NOTIFY"
SUPPORTED = "timer, path, replaces"
ALLOW_EVENTS = "talk, hold, conference, refer"
_TOKEN = string.ascii_letters + string.digits
_URI = re.compile(r"(?i)(sips?|tel):(?:([^@>]*)@)?([^;>?]*)")


def token() -> str:
    """A tag or branch nobody else has."""
    return "".join(secrets.choice(_TOKEN) for _ in range(13))


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """A From, To or identity header taken apart; texts of one character per byte."""

    display: str
    user: str | None
    host: str
    port: str
    uri: str
    tag: str
    full: str

    @property
    def hostport(self) -> str:
        """Host and port as one."""
        return f"{self.host}:{self.port}" if self.port else self.host

    @property
    def decoded_user(self) -> str:
        """The user with every `%XX` decoded, as the caller profile has it."""
        return url_decode(self.user or "")

    @property
    def decoded_display(self) -> str:
        """The display name with every `%XX` decoded."""
        return url_decode(self.display)


def url_decode(text: str) -> str:
    """Decodes `%XX`; the result can hold anything, newlines included, and ends at a NUL."""
    if "%" not in text:
        return text
    return unquote_to_bytes(text.encode("latin-1")).decode("latin-1").partition("\0")[0]


def header(message: SipMessage, name: str) -> str | None:
    """The first header of that name as it came, or None."""
    plain = None
    for found in message.headers:
        if found.name == RAW_PREFIX + name:
            return show(found.body.body)
        if found.name == name and plain is None:
            raw = found.body.body
            plain = show(str(found.body) if raw is None else raw)
    return plain


def headers(message: SipMessage, name: str) -> list[str]:
    """Every header of that name as it came."""
    return [
        show(found.body.body or str(found.body))
        for found in message.headers
        if found.name == name
    ]


def body(message: SipMessage) -> str:
    """The body of a message, empty when it has none."""
    held = message.getBody()
    return show(str(held.content)) if held is not None and held.content else ""


def party(text: str) -> Party:
    """Takes a From, To or identity header apart; never fails."""
    start = text.rfind("<") if "<" in text else -1
    end = text.find(">", start)
    display, inside, rest = "", text.partition(";")[0], text.partition(";")[2]
    if start >= 0:
        display = text[:start].strip()
        inside = text[start + 1 : end if end > 0 else len(text)]
        rest = text[end + 1 :] if end > 0 else ""
    if len(display) >= 2 and display[0] == display[-1] == '"':
        display = display[1:-1]
    match = _URI.match(inside.strip())
    user, hostport = (match.group(2), match.group(3)) if match else (None, "")
    if match and match.group(1).lower() == "tel":
        user, hostport = match.group(3), "nowhere"
    host, _, port = hostport.partition(":")
    tag = re.search(r"(?:^|;)\s*tag=([^;]*)", rest)
    return Party(
        display=display,
        user=user.partition(":")[0] if user else user,
        host=host,
        port=port,
        uri=inside.strip(),
        tag=tag.group(1) if tag else "",
        full=text,
    )


def target_of(uri: str, default: Address) -> Address:
    """Where a request to `uri` goes."""
    match = _URI.match(uri.strip().strip("<>"))
    host, _, port = (match.group(3) if match else "").partition(":")
    return (host, int(port) if port.isdigit() else 5060) if host else default


def response(
    request: SipMessage,
    code: int,
    *,
    tag: str = "",
    phrase: str | None = None,
    extra: Iterable[tuple[str, str]] = (),
    content: str = "",
) -> OutgoingResponse:
    """An answer to `request`.

    Args:
        request: as sippy parsed it.
        code: the status.
        tag: ours, put on the To header when it has none.
        phrase: the words after the status; the usual ones when None.
        extra: headers between CSeq and the body.
        content: a session description, or nothing.
    """
    to = request.getHFBCopy("to")
    to_text = header(request, "to") or ""
    if tag and not to.getTag():
        to_text += f";tag={tag}"
        if not to.parsed:
            to.parse()
        to.setTag(tag)
    words = phrase if phrase is not None else PHRASES.get(code, "Unknown")
    lines = [f"SIP/2.0 {code} {words}"]
    vias = request.getHFBodys("via")
    lines += [f"Via: {show(str(via))}" for via in vias]
    lines += [
        f"Record-Route: {show(str(route))}" for route in request.getHFBodys("record-route")
    ]
    lines += [f"From: {header(request, 'from')}", f"To: {to_text}"]
    lines += [f"Call-ID: {header(request, 'call-id')}", f"CSeq: {header(request, 'cseq')}"]
    lines += [f"{name}: {value}" for name, value in extra]
    return OutgoingResponse(code, hide(_finish(lines, content)), via=vias[0], to=to)


def request(
    method: str,
    uri: str,
    *,
    local: Address,
    sender: str,
    to: str,
    call_id: str,
    cseq: int,
    max_forwards: int = 70,
    extra: Iterable[tuple[str, str]] = (),
    content: str = "",
    routes: Iterable[str] = (),
) -> str:
    """A request of our own, whole, as sippy takes it."""
    lines = [
        f"{method} {uri} SIP/2.0",
        f"Via: SIP/2.0/UDP {local[0]}:{local[1]};rport;branch=z9hG4bK{token()}",
        *(f"Route: {route}" for route in routes),
        f"Max-Forwards: {max_forwards}",
        f"From: {sender}",
        f"To: {to}",
        f"Call-ID: {call_id}",
        f"CSeq: {cseq} {method}",
        *(f"{name}: {value}" for name, value in extra),
    ]
    return hide(_finish(lines, content))


def _finish(lines: list[str], content: str) -> str:
    # No value may end its line and begin another header.
    clean = [line.replace("\r", " ").replace("\n", " ") for line in lines]
    if content and not any(line.startswith("Content-Type:") for line in clean):
        clean += ["Content-Type: application/sdp", "Content-Disposition: session"]
    return "\r\n".join([*clean, f"Content-Length: {len(content)}", "", content])
