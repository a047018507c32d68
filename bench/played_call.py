"""A recorded call as one of now: its own ids and caller, its instants moved to the present.

Without that every call would be hours old when it is answered, and be released at once for its
maximum charge; and one caller's number would be read from a cache.
"""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Mapping
from itertools import count

from tests.integration.esl.recordings import recording

MESSAGES = recording("01-answered-caller-hangs-up/esl-outbound 1").messages
EVENTS = [one for one in MESSAGES if b"text/event-plain" in one.partition(b"\n\n")[0]]
NAMES = [one.partition(b"Event-Name: ")[2].partition(b"\n")[0].decode() for one in EVENTS]
BRIDGED = NAMES.index("CHANNEL_BRIDGE") + 1
"""So many of the events come up to the bridge."""
OK = b"Content-Type: command/reply\nReply-Text: +OK accepted\n\n"

_LEG = b"9c98ec22-683e-49a4-9c8f-0455dbdab255"
_OTHER_LEG = b"0f981fb3-1acd-45f5-8a7c-ea2dd57bb98e"
_BRIDGE = b"bridge-1"
_CALLER = b"41445550100"
_CREATED_US = 1_795_515_474_239_098
_INSTANT = re.compile(rb"\A17955154\d{8}\Z")
_PARTS = re.compile(rb"(%b|%b|%b|%b|17955154\d{8})" % (_LEG, _OTHER_LEG, _BRIDGE, _CALLER))

_LENGTH = re.compile(rb"^content-length: *(\d+)$", re.IGNORECASE | re.MULTILINE)

_callers = count(41_780_000_000)


def commands_in(received: bytes) -> tuple[list[bytes], bytes]:
    """Cut what an engine has sent into whole commands, bodies included; gives the rest, too."""
    commands = []
    while (end := received.find(b"\n\n")) >= 0:
        end += 2
        length = _LENGTH.search(received, 0, end)
        end += int(length[1]) if length else 0
        if len(received) < end:
            break
        commands.append(received[:end])
        received = received[end:].lstrip(b"\n")
    return commands, received


class Template:
    """One recorded message, cut where calls differ."""

    def __init__(self, message: bytes) -> None:
        head, _, body = message.partition(b"\n\n")
        self._is_event = b"text/event-plain" in head
        self._parts = _PARTS.split(body if self._is_event else message)

    def filled(self, told: Mapping[bytes, bytes], later_us: int) -> bytes:
        """Give the message with other ids in it, so much later, and its length anew."""
        body = b"".join(
            str(int(part) + later_us).encode() if _INSTANT.match(part) else told.get(part, part)
            for part in self._parts
        )
        if not self._is_event:
            return body
        return b"Content-Length: %d\nContent-Type: text/event-plain\n\n%b" % (len(body), body)


_CHANNEL = Template(MESSAGES[0])
_UP_TO_BRIDGE = [Template(one) for one in EVENTS[:BRIDGED]]
_END = Template(EVENTS[-1])


class PlayedCall:
    """What the switch says of one call.

    Attributes:
        leg: uuid of the caller's leg.
    """

    def __init__(self) -> None:
        self.leg = str(uuid.uuid4())
        self._told = {_LEG: self.leg.encode(), _CALLER: b"%d" % next(_callers)}
        self._later_us = time.time_ns() // 1000 - _CREATED_US

    def channel(self) -> bytes:
        """Give the answer to `connect`."""
        return _CHANNEL.filled(self._told, self._later_us)

    def up_to_bridge(self, commands: bytes) -> bytes:
        """Give all events up to the bridge that these commands have asked for."""
        self._told[_OTHER_LEG] = re.findall(rb"origination_uuid=([0-9a-f-]{36})", commands)[-1]
        self._told[_BRIDGE] = re.findall(rb"Event-UUID: (\S+)", commands)[-1]
        return b"".join(one.filled(self._told, self._later_us) for one in _UP_TO_BRIDGE)

    def end(self) -> bytes:
        """Give CHANNEL_HANGUP_COMPLETE."""
        return _END.filled(self._told, self._later_us)
