"""Commands out of the bytes of an event-socket connection."""

import re
from dataclasses import dataclass, field

MAX_BODY = 16 << 20
_MAX_HEAD = 4 << 20
_END = re.compile(rb"\n\r?\n")


class BadFrame(Exception):
    """Raised when the peer sends what cannot be a command: the connection must close."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One command: its first line, its body, its headers as sent and by lower case name."""

    line: str
    text: str
    fields: dict[str, str] = field(default_factory=dict)
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""


class RequestReader:
    """Collects bytes and gives out whole commands; memory stays bounded."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> None:
        """Adds bytes as they came."""
        self._buffer += data

    def next_request(self) -> Request | None:
        """The next whole command, or None when more bytes are needed.

        Raises:
            BadFrame: a body or a head that is too long.
        """
        while self._buffer and self._buffer[0] in b"\r\n":
            del self._buffer[:1]
        end = _END.search(self._buffer)
        if end is None:
            if len(self._buffer) > _MAX_HEAD:
                raise BadFrame("head too long")
            return None
        head = bytes(self._buffer[: end.start()]).decode("latin-1").replace("\r", "")
        headers = _headers(head)
        fields: dict[str, str] = {}
        for name, value in headers:
            fields.setdefault(name.lower(), value)
        length = _length(fields.get("content-length"))
        if len(self._buffer) < end.end() + length:
            return None
        body = bytes(self._buffer[end.end() : end.end() + length]).decode("latin-1")
        del self._buffer[: end.end() + length]
        return Request(
            line=head.partition("\n")[0].strip(),
            text=f"{head}\n\n",
            fields=fields,
            headers=headers,
            body=body,
        )


def _headers(head: str) -> tuple[tuple[str, str], ...]:
    found = []
    for line in head.split("\n")[1:]:
        name, colon, value = line.partition(":")
        if colon and name.strip():
            found.append((name.strip(), value.strip()))
    return tuple(found)


def _length(text: str | None) -> int:
    if text is None:
        return 0
    match = re.match(r"\s*([+-]?\d+)", text)
    length = int(match.group(1)) if match and len(match.group(1)) < 20 else -1
    if match is None:
        return 0
    if not 0 <= length <= MAX_BODY:
        raise BadFrame(f"body of {text} bytes")
    return length
