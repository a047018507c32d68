"""Addresses in From, To and Contact: what FreeSWITCH's parser takes for one, and makes of it.

Texts are of one character per byte.
"""

import re

_WORD = r"[A-Za-z0-9\-.!%*_+`'~]+"
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_PARAMETERS = rf"(?:\s*;\s*{_WORD}(?:\s*=\s*(?:[A-Za-z0-9\-.!%*_+`'~\[\]:]+|{_QUOTED}))?)*\s*"
_NAMED = re.compile(
    rf"\s*(?:{_QUOTED}|{_WORD}(?:\s+{_WORD})*)?\s*<\s*([^<>\s][^>]*?)\s*>{_PARAMETERS}",
    re.DOTALL,
)
_BARE = re.compile(rf"\s*([^\s<>;,?\"]+){_PARAMETERS}")
_NO_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"%[01][0-9A-Fa-f]")
_USER = re.compile(r"(?i)(sips?:)([^@\s<>]*)@")
# Need no escape in a user: RFC 3261, unreserved and user-unreserved.
_PLAIN = re.compile(r"[A-Za-z0-9\-_.!~*'()&=+$,;?/]")
_ESCAPED = re.compile(r"%([0-9A-Fa-f]{2})")


def is_address(text: str) -> bool:
    """Whether a From or To can be parsed."""
    found = _NAMED.fullmatch(text) or _BARE.fullmatch(text)
    return found is not None and _is_uri(found[1])


def is_contact(text: str) -> bool:
    """Whether a Contact, or a list of them, can be parsed."""
    parts = re.split(r",(?=\s*(?:<|\"|sips?:))", text)
    return text.strip() == "*" or all(is_address(part) for part in parts)


def canonical(text: str) -> str:
    """The text with every user in it written without needless escapes, as the switch has it."""
    return _USER.sub(lambda found: f"{found[1]}{_unescaped(found[2])}@", text)


def _is_uri(uri: str) -> bool:
    if _NO_ESCAPE.search(uri):
        return False
    password = uri.partition(":")[2].partition("@")[0].partition(":")[2]
    return not _CONTROL.search(password)


def _unescaped(user: str) -> str:
    def plain(found: re.Match[str]) -> str:
        letter = chr(int(found[1], 16))
        return letter if _PLAIN.fullmatch(letter) else found[0]

    return _ESCAPED.sub(plain, user)
