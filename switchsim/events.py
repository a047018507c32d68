"""Events: their headers, their three formats on the wire, and who gets them."""

import json
import time
from collections.abc import Sequence
from html import escape
from typing import Protocol

from switchsim.encoding import url_encode

Header = tuple[str, str]
Origin = tuple[str, str, int]

# Where in the switch an event is made; part of every event's head.
ORIGINS: dict[str, Origin] = {
    "CHANNEL_STATE": ("switch_channel.c", "switch_channel_perform_set_running_state", 2409),
    "CHANNEL_CALLSTATE": ("switch_channel.c", "switch_channel_perform_set_callstate", 302),
    "CHANNEL_CREATE": ("switch_core_state_machine.c", "switch_core_session_run", 626),
    "CHANNEL_ORIGINATE": ("switch_core_state_machine.c", "switch_core_session_run", 632),
    "CHANNEL_EXECUTE": ("switch_core_session.c", "switch_core_session_exec", 2949),
    "CHANNEL_EXECUTE_COMPLETE": ("switch_core_session.c", "switch_core_session_exec", 2972),
    "CHANNEL_PARK": ("switch_ivr.c", "switch_ivr_park", 1002),
    "CHANNEL_UNPARK": ("switch_ivr.c", "switch_ivr_park", 1213),
    "PRIVATE_COMMAND": ("switch_ivr.c", "switch_ivr_parse_next_event", 804),
    "CHANNEL_OUTGOING": ("switch_core_session.c", "switch_core_session_outgoing_channel", 768),
    "CHANNEL_PROGRESS": (
        "switch_channel.c", "switch_channel_perform_mark_ring_ready_value", 3507,
    ),
    "CHANNEL_PROGRESS_MEDIA": (
        "switch_channel.c", "switch_channel_perform_mark_pre_answered", 3562,
    ),
    "CHANNEL_ANSWER": ("switch_channel.c", "switch_channel_perform_mark_answered", 3848),
    "CHANNEL_BRIDGE": ("switch_ivr_bridge.c", "switch_ivr_multi_threaded_bridge", 1689),
    "CHANNEL_UNBRIDGE": ("switch_ivr_bridge.c", "switch_ivr_multi_threaded_bridge", 1879),
    "CHANNEL_HANGUP": ("switch_channel.c", "switch_channel_perform_hangup", 3447),
    "CHANNEL_HANGUP_COMPLETE": (
        "switch_core_state_machine.c", "switch_core_session_reporting_state", 943,
    ),
    "CHANNEL_DESTROY": ("switch_core_session.c", "switch_core_session_perform_destroy", 1588),
    "CHANNEL_DATA": ("mod_event_socket.c", "parse_command", 2029),
    "CALL_UPDATE": ("mod_sofia.c", "sofia_receive_message", 2133),
    "CHANNEL_HOLD": ("switch_channel.c", "switch_channel_mark_hold", 876),
    "CHANNEL_UNHOLD": ("switch_channel.c", "switch_channel_mark_hold", 876),
    "PLAYBACK_START": ("switch_ivr_play_say.c", "switch_ivr_play_file", 1649),
    "PLAYBACK_STOP": ("switch_ivr_play_say.c", "switch_ivr_play_file", 2023),
    "DTMF": ("switch_channel.c", "switch_channel_dequeue_dtmf", 678),
    "BACKGROUND_JOB": ("mod_event_socket.c", "api_exec", 1580),
    "RECV_INFO": ("sofia.c", "create_info_event", 9733),
}  # fmt: skip
_NOWHERE: Origin = ("switchsim", "switchsim", 0)


class Event:
    """One event, serialised at most once per format however many connections get it."""

    __slots__ = ("_wire", "body", "headers", "name")

    def __init__(self, name: str, headers: Sequence[Header], body: str | None = None) -> None:
        self.name = name
        self.headers = headers
        self.body = body
        self._wire: dict[str, bytes] = {}

    def get(self, name: str) -> str | None:
        """The first header of that name, in any case, or None."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)

    def frame(self, form: str) -> bytes:
        """The whole message of this event in `plain`, `json` or `xml`."""
        if form not in self._wire:
            body = {"json": self._json, "xml": self._xml}.get(form, self.plain)()
            head = f"Content-Length: {len(body)}\nContent-Type: text/event-{form}\n\n"
            self._wire[form] = head.encode("latin-1") + body
        return self._wire[form]

    def plain(self) -> bytes:
        """The header block, every value URL-encoded, and the body."""
        lines = [f"{name}: {url_encode(value)}\n" for name, value in self.headers]
        if self.body is None:
            return ("".join(lines) + "\n").encode("latin-1", "replace")
        lines.append(f"Content-Length: {len(self.body)}\n\n")
        return ("".join(lines) + self.body).encode("latin-1", "replace")

    def _json(self) -> bytes:
        # Bytes of a caller go through as they are, so this may be neither UTF-8 nor JSON.
        fields: dict[str, str | list[str]] = {
            name: value[7:].split("|:") if value.startswith("ARRAY::") else value
            for name, value in self.headers
        }
        if self.body is not None:
            fields |= {"Content-Length": str(len(self.body)), "_body": self.body}
        text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
        return text.encode("latin-1", "replace")

    def _xml(self) -> bytes:
        lines = [
            f"    <{name}>{escape(url_encode(part))}</{name}>"
            for name, value in self.headers
            for part in (value[7:].split("|:") if value.startswith("ARRAY::") else [value])
        ]
        text = "<event>\n  <headers>\n" + "\n".join(lines) + "\n  </headers>\n"
        if self.body is not None:
            text += f"  <Content-Length>{len(self.body)}</Content-Length>\n"
            text += f"  <body>{escape(self.body)}</body>\n"
        return (text + "</event>").encode("latin-1", "replace")


class Listener(Protocol):
    """Something that gets events: an event-socket connection."""

    def wants(self, name: str, uuid: str | None) -> bool:
        """Whether it may want events of this name about this channel; cheap."""

    def notify(self, event: Event) -> None:
        """Hands it an event it may want; it filters by header itself."""


class EventBus:
    """Numbers events and hands each to every listener that wants it."""

    def __init__(self, *, core_uuid: str, hostname: str, ipv4: str) -> None:
        self._identity: list[Header] = [
            ("Core-UUID", core_uuid),
            ("FreeSWITCH-Hostname", hostname),
            ("FreeSWITCH-Switchname", hostname),
            ("FreeSWITCH-IPv4", ipv4),
            ("FreeSWITCH-IPv6", "::1"),
        ]
        self._sequence = 0
        self.listeners: list[Listener] = []

    def wanted(self, name: str, uuid: str | None) -> bool:
        """Whether building the event is worth it; it takes its number all the same."""
        self._sequence += 1
        return any(listener.wants(name, uuid) for listener in self.listeners)

    def head(self, name: str, now_us: int, origin: Origin | None = None) -> list[Header]:
        """The headers every event starts with; `origin` where it is not the usual one."""
        file, function, line = origin or ORIGINS.get(name, _NOWHERE)
        seconds = now_us // 1_000_000
        return [
            ("Event-Name", name),
            *self._identity,
            ("Event-Date-Local", time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))),
            (
                "Event-Date-GMT",
                time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(seconds)),
            ),
            ("Event-Date-Timestamp", str(now_us)),
            ("Event-Calling-File", file),
            ("Event-Calling-Function", function),
            ("Event-Calling-Line-Number", str(line)),
            ("Event-Sequence", str(self._sequence)),
        ]

    def publish(self, event: Event, uuid: str | None) -> None:
        """Gives an event to everyone who wants it."""
        for listener in list(self.listeners):
            if listener.wants(event.name, uuid):
                listener.notify(event)
