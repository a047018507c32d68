"""Makes comparable what can never repeat: ids, times, ports, random tokens."""

import json
import re
from collections.abc import Iterable, Mapping

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_STAMP = re.compile(r"^\d{13,}$|^\d{10}$")
_DATE = re.compile(r"^\d{4}-\d\d-\d\d(%20| )\d\d(%3A|:)\d\d(%3A|:)\d\d$")
_ALWAYS_OWN = {
    "Event-Date-Local", "Event-Date-GMT", "Event-Sequence", "FreeSWITCH-Hostname",
    "FreeSWITCH-Switchname", "FreeSWITCH-IPv4", "FreeSWITCH-IPv6", "Content-Length",
    "variable_session_id", "variable_sip_to_tag", "variable_rtp_use_ssrc",
    "variable_local_media_port", "variable_rtp_audio_in_skip_packet_count",
}  # fmt: skip
# Lengths of time: equal when they differ by no more than this, in their own unit: the switch
# counts its own timeouts in whole clock seconds, so the same one may last a second longer. What
# did not last at all may not last longer than a moment.
_TOLERANCES = {"usec": 1_000_000, "msec": 1000, "sec": 1, "duration": 1}
_A_MOMENT = {"usec": 100_000, "msec": 100}
_UNITS = {
    "variable_uduration": "usec",
    "variable_mduration": "msec",
    "variable_hold_accum_usec": "usec",
    "variable_hold_accum_ms": "msec",
    "variable_hold_accum_seconds": "sec",
    "Caller-Channel-Hold-Accum": "usec",
    "Other-Leg-Channel-Hold-Accum": "usec",
}
_LENGTH = re.compile(
    r"^variable_(?:u|m)?(?:duration|(?:bill|progress|answer|wait|progress_media|flow_bill))"
    r"(usec|msec|sec)?$|^variable_hold_accum_(?:usec|ms|seconds)$|.*-Channel-Hold-Accum$"
)
_NAMING = {"variable_originated_legs", "variable_originate_signal_bond", "Unique-ID"}
Headers = list[tuple[str, str]]


def headers_of(frame: str) -> Headers:
    """The headers of an event, of the connect reply or of any other message."""
    text = frame
    if frame.startswith("Content-Length:") and "text/event-plain" in frame[:80]:
        text = frame.partition("\n\n")[2]
    lines = text.split("\n")
    return [(n, v) for n, c, v in (line.partition(": ") for line in lines) if c]


def dumped(frame: str) -> Headers | None:
    """The headers that an `uuid_dump` shows in any of its forms; None for another reply."""
    body = frame.partition("\n\n")[2]
    if body.startswith('{"Event-Name"'):
        return [(name, str(value)) for name, value in json.loads(body).items()]
    if body.startswith("<event>"):
        return re.findall(r"<([\w-]+)>(.*?)</\1>", body.partition("<headers>")[2])
    return headers_of(body) if body.startswith("Event-Name") else None


def table_text(text: str) -> str:
    """A reply with tables in it, without its moments and its length."""
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "<date>", text)
    text = re.sub(r"\b\d{10}\b", "<time>", text)
    return re.sub(r"(?m)^Content-Length: \d+", "Content-Length: <own>", text)


def uuid_names(frames: Iterable[str]) -> dict[str, str]:
    """Names for the ids of a conversation: caller A, destinations B1, B2 in order."""
    names: dict[str, str] = {}
    for frame in frames:
        for name, value in headers_of(frame):
            if name == "Core-UUID":
                names.setdefault(value, "<core>")
            elif name == "Unique-ID" and "<A>" not in names.values():
                names[value] = "<A>"
            elif name in _NAMING:
                for uuid in _UUID.findall(value):
                    if uuid not in names:
                        names[uuid] = f"<B{sum(v[1] == 'B' for v in names.values()) + 1}>"
    return names


class Normaliser:
    """Rewrites values of one conversation.

    Args:
        uuids: names of its ids.
        ports: real port to recorded port; empty for the recording itself.
    """

    def __init__(self, uuids: Mapping[str, str], ports: Mapping[str, str]) -> None:
        self._uuids = uuids
        self._ports = ports

    def value(self, name: str, value: str) -> str:
        """A header's value without what can never repeat."""
        if name == "variable_sip_from_tag" and len(value) == 13 and "caller" not in value:
            return "<own>"
        if name in _ALWAYS_OWN:
            return "<own>"
        if name == "Event-Calling-Line-Number":
            return value
        if _STAMP.match(value) and name != "variable_sip_cseq":
            return "<time>"
        if name.endswith("_port"):
            return self._ports.get(value, value)
        if _DATE.match(value):
            return "<date>"
        if name == "variable_hold_events":
            return re.sub(r"\d{16}", "<time>", value)
        return self.text(value)

    def text(self, value: str) -> str:
        """Any text: ids, ports, session descriptions and random tokens replaced."""
        value = _UUID.sub(lambda found: self._uuids.get(found.group(), "<uuid>"), value)
        value = re.sub(
            r"(127\.0\.0\.1(?::|%3A))(\d+)",
            lambda found: found.group(1) + self._ports.get(found.group(2), found.group(2)),
            value,
        )
        if "FreeSWITCH" in value:
            value = re.sub(r"(FreeSWITCH(?: |%20))\d+( |%20)\d+", r"\1<n>\2<n>", value)
            value = re.sub(
                r"(IN(?: |%20)IP4(?: |%20))\d+\.\d+\.\d+\.\d+", r"\1<host>", value, count=1
            )
            value = re.sub(r"(m(?:=|%3D)audio(?: |%20))\d+", r"\1<port>", value)
        value = re.sub(
            r"((?:;|%3B)tag(?:=|%3D))[A-Za-z0-9]{13}(?![A-Za-z0-9])", r"\1<tag>", value
        )
        return re.sub(
            r"(branch(?:=|%3D)z9hG4bK)[A-Za-z0-9]{13}(?![A-Za-z0-9-])", r"\1<branch>", value
        )


def same_value(name: str, recorded: str, replayed: str) -> bool:
    """Whether two normalised values agree."""
    if recorded == replayed:
        return True
    length = _LENGTH.match(name)
    if not length or not (recorded.isdigit() and replayed.isdigit()):
        return False
    unit = length.group(1) or _UNITS.get(name, "duration")
    old, new = int(recorded), int(replayed)
    apart = abs(old - new)
    if 0 in {old, new} and unit in _A_MOMENT:
        return apart <= _A_MOMENT[unit]
    return apart <= _TOLERANCES[unit]
