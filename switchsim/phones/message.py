"""SIP messages as the small parties read and write them."""

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

_COMPACT = {
    "v": "via",
    "f": "from",
    "t": "to",
    "i": "call-id",
    "m": "contact",
    "l": "content-length",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message: its first line, its headers in order (names in lower case) and its body."""

    first: str
    headers: tuple[tuple[str, str], ...]
    body: str
    source: tuple[str, int]

    @property
    def method(self) -> str:
        """The method of a request, or of the request a response belongs to."""
        return (
            self.header("cseq").partition(" ")[2] if self.code else self.first.partition(" ")[0]
        )

    @property
    def code(self) -> int:
        """The status of a response; 0 for a request."""
        return int(self.first[8:11]) if self.first.startswith("SIP/2.0 ") else 0

    @property
    def call_id(self) -> str:
        """The Call-ID."""
        return self.header("call-id")

    @property
    def user(self) -> str:
        """The user of the request URI."""
        found = re.match(r"\S+ sips?:([^@;>\s]*)@", self.first)
        return found.group(1) if found else ""

    @property
    def branch(self) -> str:
        """The branch of the topmost Via."""
        found = re.search(r"branch=([^;,\s]+)", self.header("via"))
        return found.group(1) if found else ""

    def header(self, name: str) -> str:
        """The first header of that name, empty when missing."""
        return next((value for key, value in self.headers if key == name), "")

    def all(self, name: str) -> list[str]:
        """Every header of that name."""
        return [value for key, value in self.headers if key == name]


def parse(data: bytes, source: tuple[str, int]) -> Message | None:
    """A message, or None when the bytes are none."""
    head, _, body = data.decode("latin-1").partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    if " " not in first or (first.startswith("SIP/2.0") and not first[8:11].isdigit()):
        return None
    headers = []
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            key = name.strip().lower()
            headers.append((_COMPACT.get(key, key), value.strip()))
    message = Message(first=first, headers=tuple(headers), body=body, source=source)
    return message if message.call_id else None


def build(first: str, headers: Iterable[tuple[str, str]], body: str = "") -> bytes:
    """The bytes of a message; an empty header value leaves the header out."""
    lines = [first, *(f"{name}: {value}" for name, value in headers if value)]
    if body and not any(line.lower().startswith("content-type:") for line in lines):
        lines.append("Content-Type: application/sdp")
    lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join([*lines, "", ""]) + body).encode("latin-1", "replace")


def reply(
    request: Message,
    code: int,
    phrase: str,
    *,
    tag: str = "",
    extra: Iterable[tuple[str, str]] = (),
    body: str = "",
) -> bytes:
    """An answer to a request."""
    to = request.header("to")
    if tag and "tag=" not in to:
        to += f";tag={tag}"
    headers = [
        *(("Via", via) for via in request.all("via")),
        *(("Record-Route", route) for route in request.all("record-route")),
        ("From", request.header("from")),
        ("To", to),
        ("Call-ID", request.call_id),
        ("CSeq", request.header("cseq")),
        *extra,
    ]
    return build(f"SIP/2.0 {code} {phrase}", headers, body)


def session(port: int, name: str = "phone") -> str:
    """A session description for audio nobody sends."""
    lines = [
        "v=0", f"o={name} 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0",
        f"m=audio {port} RTP/AVP 8", "a=rtpmap:8 PCMA/8000",
    ]  # fmt: skip
    return "\r\n".join([*lines, ""])


def new_token() -> str:
    """A tag, a branch or a Call-ID nobody else has."""
    return secrets.token_hex(8)


def uri_of(value: str) -> str:
    """The URI inside a From, To or Contact header."""
    found = re.search(r"<([^>]+)>", value)
    return found.group(1) if found else value.partition(";")[0].strip()
