"""Messages that sippy cannot parse but a switch takes: made harmless before it sees them.

FreeSWITCH takes a `tel:` URI in From, a display name with a quote or a backslash in it, a URI
without a host. sippy does not, and it parses From and To of every message. Where one of these
looks odd, sippy gets a plain one with the same tag, and the text as it came travels in a header
of our own.
"""

import re

from switchsim.addresses import canonical

RAW_PREFIX = "x-raw-"
_PLAIN = re.compile(
    r'(?:"[^"\\<>]*"\s*|[^"\\<>:;@]*)<sips?:[^<>\s"\\%$&,/|^]+>(?:\s*;[^<>"\\]*)?|sips?:[^<>\s"\\%$&,/|^]+'
)
_ADDRESS = re.compile(r"(?im)^(from|to|f|t)[ \t]*:[ \t]*([^\r\n]*)")
_FOLD = re.compile(r"\r\n[ \t]+")
_NAME = re.compile(r"(?m)^([\w!%*+.`'~-]+)[ \t]+:")
_TELEPHONE = re.compile(r"^(\S+ +)tel:([^\s;]+)")
_VIA = re.compile(r"(?im)^((?:via|v):)\s*SIP\s*/\s*2\.0\s*/\s*(\w+)\s+")
_CSEQ = re.compile(r"(?im)^(cseq:)\s*0*(\d+)\s+(\S+)")
_USERS = re.compile(r"(?im)^(?:from|to|f|t):[^\r\n]*")
_LONG = {"f": "from", "t": "to"}
_TAG = re.compile(r";\s*tag\s*=\s*([^\s;>]+)\s*(?:;|$)")


def tame(text: str) -> str:
    """The message as sippy may have it; unchanged when nothing in it is odd."""
    end = text.find("\r\n\r\n")
    head, rest = (text[:end], text[end:]) if end >= 0 else (text, "")
    return _ADDRESS.sub(_plain, _straight(head)) + rest


def _straight(head: str) -> str:
    """The header lines without the liberties that RFC 3261 allows and nobody takes."""
    head = _FOLD.sub(" ", head)
    first, crlf, lines = head.partition("\r\n")
    first = _TELEPHONE.sub(r"\1sip:\2@nowhere", first)
    lines = _NAME.sub(r"\1:", lines)
    lines = _VIA.sub(r"\1 SIP/2.0/\2 ", lines)
    lines = _CSEQ.sub(r"\1 \2 \3", lines)
    lines = _USERS.sub(lambda found: canonical(found.group()), lines)
    return canonical(first) + crlf + lines


def _plain(found: re.Match[str]) -> str:
    name, value = found.group(1), found.group(2)
    if _PLAIN.fullmatch(value):
        return found.group()
    tag = _TAG.search(value)
    tail = f";tag={tag.group(1)}" if tag else ""
    long_name = _LONG.get(name.lower(), name.lower())
    return f"{name}: <sip:odd@invalid>{tail}\r\n{RAW_PREFIX}{long_name}: {value}"
