"""How the switch writes text: values of events, and SIP bytes inside sippy.

Everywhere in this package a text that came from the network is a `str` of one character per
byte (latin-1), so that no byte is lost or invented.

Events: every value is URL-encoded by itself, except that a `%XX` already in the text is left
as it is (FreeSWITCH encodes without double encoding), and an empty value reads `_undef_`.

sippy splits messages with `str.splitlines`, which also breaks at control characters and at
U+0085, and hashes them as UTF-8. Bytes it would trip over travel through it as characters of
the private use area.
"""

import re

_UNSAFE = re.compile(r"%(?![0-9A-F]{2})|[^ -~]|[ #&+:;<=>?@\[\\\]^`{|}\"]")
_HIDDEN = {byte: 0xF700 + byte for byte in range(256) if byte > 0x7E or byte < 0x20}
for _kept in b"\r\n\t":
    del _HIDDEN[_kept]
_SHOWN = {hidden: byte for byte, hidden in _HIDDEN.items()}
_ANY_HIDDEN = re.compile("[\uf700-\uf7ff]")
_TO_HIDE = re.compile(r"[^\r\n\t -~]")


def _escape(match: re.Match[str]) -> str:
    return f"%{ord(match.group()) & 0xFF:02X}"


def url_encode(value: str) -> str:
    """One event value as it stands on the wire."""
    return _UNSAFE.sub(_escape, value) if value else "_undef_"


def to_sippy(data: bytes) -> str:
    """Bytes of a SIP message as text that sippy neither splits nor refuses."""
    text = data.decode("latin-1")
    return text.translate(_HIDDEN) if _TO_HIDE.search(text) else text


def hide(text: str) -> str:
    """Text of one character per byte, as sippy may have it."""
    return text.translate(_HIDDEN) if _TO_HIDE.search(text) else text


def show(text: str) -> str:
    """Text that went through sippy, back as one character per byte."""
    return text.translate(_SHOWN) if _ANY_HIDDEN.search(text) else text


def from_sippy(text: str) -> bytes:
    """The bytes to send for a text that sippy made."""
    return show(text).encode("latin-1", "replace")
