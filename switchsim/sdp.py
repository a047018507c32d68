"""Session descriptions: the offer to a destination and the answer to a caller.

No voice flows; codecs are negotiated so far that the messages and variables are right. Keys in
the voice stream are taken where the caller offers them, and offered to the destination then.
"""

import re
from dataclasses import dataclass

_STATIC = {"0": "PCMU", "8": "PCMA", "9": "G722", "18": "G729", "3": "GSM"}
ALL = ("PCMA", "PCMU")
IN_USE = ("PCMA",)
_NUMBERS = {"PCMA": "8", "PCMU": "0"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """What a party's session description says of its audio."""

    host: str
    port: str
    codecs: tuple[str, ...]
    direction: str
    events: str | None = None  # the payload type of keys, where it takes them


def read(text: str) -> Media | None:
    """The audio of a session description; None when it has none."""
    audio = re.search(r"^m=audio (\d+) \S+ ?([^\r\n]*)", text, re.MULTILINE)
    if not audio:
        return None
    names = dict(re.findall(r"^a=rtpmap:(\d+) ([^/\r\n]+)", text, re.MULTILINE))
    host = re.search(r"^c=IN IP4 (\S+)", text, re.MULTILINE)
    direction = re.search(r"^a=(sendrecv|sendonly|recvonly|inactive)", text, re.MULTILINE)
    numbers = audio.group(2).split()
    codecs = tuple(names.get(number, _STATIC.get(number, "")).upper() for number in numbers)
    return Media(
        host=host.group(1) if host else "",
        port=audio.group(1),
        codecs=tuple(codec for codec in codecs if codec in ALL),
        direction=direction.group(1) if direction else "sendrecv",
        events=next(
            (
                number
                for number in numbers
                if number.isdigit() and names.get(number, "").lower() == "telephone-event"
            ),
            None,
        ),
    )


def offer(
    *, session: int, host: str, port: int, codecs: tuple[str, ...], events: str | None = None
) -> str:
    """The session description sent with an INVITE."""
    return _describe(
        session, host, host, port, codecs, rtpmaps=codecs, direction=None, events=events
    )


def offered_variable(offer: str) -> str:
    """The variable rtp_local_sdp_str of a destination's leg: the offer, with comfort noise."""
    return offer.replace(
        "a=ptime:20\r\n", "a=rtpmap:13 CN/8000\r\na=ptime:20\r\na=sendrecv\r\n"
    )


def answer(
    *,
    session: int,
    origin: str,
    host: str,
    port: int,
    codecs: tuple[str, ...] = IN_USE,
    version: int = 1,
    direction: str = "sendrecv",
    events: str | None = None,
) -> str:
    """The session description sent with a 183 or 200; both ways is not said."""
    text = _describe(
        session,
        origin,
        host,
        port,
        codecs,
        rtpmaps=codecs,
        direction=None,
        version=version,
        events=events,
    )
    if direction == "sendrecv":
        return text
    return text.replace("a=ptime:20", f"a={direction}\r\na=ptime:20")


def local_variable(
    *,
    session: int,
    host: str,
    port: int,
    codecs: tuple[str, ...] = IN_USE,
    version: int = 1,
    direction: str = "sendrecv",
    events: str | None = None,
) -> str:
    """The variable rtp_local_sdp_str of an answered leg."""
    return _describe(
        session,
        host,
        host,
        port,
        codecs,
        rtpmaps=codecs,
        direction=direction,
        version=version,
        events=events,
    )


def _describe(
    session: int,
    origin: str,
    host: str,
    port: int,
    codecs: tuple[str, ...],
    *,
    rtpmaps: tuple[str, ...],
    direction: str | None,
    version: int = 1,
    events: str | None,
) -> str:
    numbers = " ".join([*(_NUMBERS[codec] for codec in codecs), *([events] if events else [])])
    keys = [f"a=rtpmap:{events} telephone-event/8000", f"a=fmtp:{events} 0-15"]
    lines = [
        "v=0",
        f"o=FreeSWITCH {session} {session + version} IN IP4 {origin}",
        "s=FreeSWITCH",
        f"c=IN IP4 {host}",
        "t=0 0",
        f"m=audio {port} RTP/AVP {numbers}",
        *(f"a=rtpmap:{_NUMBERS[codec]} {codec}/8000" for codec in rtpmaps),
        *(keys if events else []),
        "a=ptime:20",
    ]
    if direction:
        lines.append(f"a={direction}")
    return "\r\n".join([*lines, ""])
