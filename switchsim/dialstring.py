"""Bridge strings: `{a=1}[b=2]sofia/external/1@host:5060,[c=3]sofia/gateway/gw/2|…`.

Variables in braces hold for all legs, in brackets for one. `,` rings together, `|` one group
after the other, `:_:` runs whole strings beside each other. A value may stand in single quotes,
and then hold commas.
"""

import re
from dataclasses import dataclass, field

_CLOSERS = {"{": "}", "[": "]", "<": ">"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """One leg to ring: its endpoint and its own variables."""

    endpoint: str
    variables: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DialString:
    """Groups of destinations, tried one after the other, and variables of all of them."""

    variables: dict[str, str]
    groups: tuple[tuple[Destination, ...], ...]


def parse(text: str) -> DialString:
    """Reads one bridge string (no `:_:` in it)."""
    shared, rest = _leading(text.strip(), "{")
    groups = tuple(
        tuple(_destination(leg) for leg in _split(group, ",") if leg.strip())
        for group in _split(rest, "|")
        if group.strip()
    )
    return DialString(variables=shared, groups=groups)


def enterprise(text: str) -> list[str]:
    """The parts of a string joined by `:_:`; usually one."""
    return [part for part in text.split(":_:") if part.strip()]


def _destination(text: str) -> Destination:
    own, endpoint = _leading(text.strip(), "[")
    return Destination(endpoint=endpoint.strip(), variables=own)


def _leading(text: str, opener: str) -> tuple[dict[str, str], str]:
    """The variables of every block that `text` starts with, and what follows them."""
    found: dict[str, str] = {}
    while text.startswith(opener):
        end = _end_of_block(text, _CLOSERS[opener])
        if end < 0:
            return found, text
        found.update(_pairs(text[1:end]))
        text = text[end + 1 :].lstrip()
    return found, text


def _end_of_block(text: str, closer: str) -> int:
    quoted = False
    for position, character in enumerate(text):
        if character == "'" and text[position - 1] != "\\":
            quoted = not quoted
        elif character == closer and not quoted:
            return position
    return text.find(closer)


def _pairs(text: str) -> dict[str, str]:
    separator = ","
    if text.startswith("^^") and len(text) > 2:
        separator, text = text[2], text[3:]
    pairs = {}
    for piece in _split(text, separator):
        name, equals, value = piece.partition("=")
        if equals and name.strip():
            pairs[name.strip()] = _unquoted(value)
    return pairs


def _unquoted(value: str) -> str:
    value = value.strip()
    if len(value) >= 2 and value[0] == value[-1] == "'":
        value = value[1:-1]
    return re.sub(r"\\([,'])", r"\1", value)


def _split(text: str, separator: str) -> list[str]:
    """Splits outside quotes and outside brackets."""
    pieces, start, quoted, depth = [], 0, False, 0
    for position, character in enumerate(text):
        escaped = position > 0 and text[position - 1] == "\\"
        if character == "'" and not escaped:
            quoted = not quoted
        elif not quoted and character in "[{":
            depth += 1
        elif not quoted and character in "]}":
            depth -= 1
        elif character == separator and not quoted and depth <= 0 and not escaped:
            pieces.append(text[start:position])
            start = position + 1
    pieces.append(text[start:])
    return pieces
