"""Messages that sippy cannot parse but a switch takes: made harmless before it sees them.

FreeSWITCH takes a `tel:` URI in From, a display name with a quote or a backslash in it, a URI
without a host. sippy does not, and it parses From and To of every message. Where one of these
looks odd, sippy gets a plain one with the same tag, and the text as it came travels in a header
of our own.
"""

import re

RAW_PREFIX = "x-raw-"
_PLAIN = re.compile(
    r'(?:"[^"\\<>]*"\s*|[^"\\<>:;@]*)<sips?:[^<>\s"\\]+>(?:\s*;[^<>"\\]*)?|sips?:[^<>\s"\\]+'
)
_ADDRESS = re.compile(r"(?im)^(from|to|f|t)[ \t]*:[ \t]*([^\r\n]*)")
_LONG = {"f": "from", "t": "to"}
_TAG = re.compile(r";\s*tag\s*=\s*([^\s;>]+)\s*(?:;|$)")


def tame(text: str) -> str:
    """The message as sippy may have it; unchanged when nothing in it is odd."""
    end = text.find("\r\n\r\n")
    head, rest = (text[:end], text[end:]) if end >= 0 else (text, "")
    return _ADDRESS.sub(_plain, head) + rest


def _plain(found: re.Match[str]) -> str:
    name, value = found.group(1), found.group(2)
    if _PLAIN.fullmatch(value):
        return found.group()
    tag = _TAG.search(value)
    tail = f";tag={tag.group(1)}" if tag else ""
    long_name = _LONG.get(name.lower(), name.lower())
    return f"{name}: <sip:odd@invalid>{tail}\r\n{RAW_PREFIX}{long_name}: {value}"
