"""A SIP party that says again what it said when the case was recorded.

Strategy: its entries are gone through in order. A received one waits for a message of that
kind; what differs between it and the recording (branches, tags, Call-ID, sequence numbers,
ports) is learnt, and put in place of the recorded text in everything sent afterwards.
"""

import math
import re
from collections.abc import Callable, Mapping

from switchsim.conformance.recording import Entry, sip_kind
from switchsim.loop import Loop
from switchsim.phones.line import Line
from switchsim.phones.message import Message, build

_LEARNT = (
    r"(?im)^Via:[^\r\n]*?branch=([^;\s,]+)",
    r"(?im)^From:[^\r\n]*?tag=([^;\s]+)",
    r"(?im)^To:[^\r\n]*?tag=([^;\s]+)",
    r"(?im)^Call-ID:\s*(\S+)",
    r"(?im)^CSeq:\s*(\d{4,})",
)
_PAUSE_S = 0.03


def recorded_port(who: str, entries: tuple[Entry, ...]) -> str:
    """The port a party had when it was recorded."""
    for entry in entries:
        named = re.search(r"(?m)^Via: SIP/2\.0/UDP 127\.0\.0\.1:(\d+)", entry.data)
        if entry.direction == "sent" and not entry.data.startswith("SIP/2.0") and named:
            return named.group(1)
    found = re.search(r"\d+$", who)
    return found.group() if found else "5070"


class Party:
    """One recorded party on a socket of its own.

    Args:
        entries: what it sent and received.
        ports: recorded port to real port; shared by all parties of a case, filled as they open.
        on_progress: called after every step.
    """

    def __init__(
        self,
        loop: Loop,
        entries: tuple[Entry, ...],
        ports: Mapping[str, int],
        on_progress: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._entries = entries
        self._ports = ports
        self._on_progress = on_progress
        self._step = 0
        self._arrived: list[str] = []
        self._known: dict[str, str] = {}
        self._peer: tuple[str, int] = ("127.0.0.1", 0)
        self._is_waiting = False
        self.stepped_s = 0.0  # when it last did something, by the clock
        self.received: list[str] = []
        self.line = Line(loop, ("127.0.0.1", 0), self._on_message)

    @property
    def is_done(self) -> bool:
        """Whether everything recorded was said."""
        return self._step >= len(self._entries)

    @property
    def due_s(self) -> float:
        """When its next step was recorded; never, when there is none."""
        return math.inf if self.is_done else self._entries[self._step].at_s

    @property
    def waits_for(self) -> str:
        """What is still missing, for a report."""
        return "" if self.is_done else sip_kind(self._entries[self._step].data)

    def start(self, switch: tuple[str, int]) -> None:
        """Begins; a caller sends its INVITE."""
        self._peer = switch
        self._advance()

    def close(self) -> None:
        """Closes its socket."""
        self.line.close()

    def _on_message(self, message: Message) -> None:
        text = _text(message)
        self.received.append(text)
        self._arrived.append(text)
        self._advance()

    def _advance(self) -> None:
        while not self.is_done and not self._is_waiting:
            entry = self._entries[self._step]
            if entry.direction == "received":
                if not self._consume(entry):
                    break
                self._stepped()
                continue
            before = self._entries[self._step - 1].at_s if self._step else 0.0
            pause = entry.at_s - before
            if pause > _PAUSE_S:
                self._is_waiting = True
                self._loop.later(pause, self._send)
                break
            self._send()
        self._on_progress()

    def _stepped(self) -> None:
        self._step += 1
        self.stepped_s = self._loop.clock.wall_us() / 1e6

    def _consume(self, entry: Entry) -> bool:
        kind = sip_kind(entry.data)
        for text in self._arrived:
            if sip_kind(text) == kind:
                self._arrived.remove(text)
                self._learn(entry.data, text)
                return True
        return False

    def _learn(self, recorded: str, real: str) -> None:
        for pattern in _LEARNT:
            old, new = re.search(pattern, recorded), re.search(pattern, real)
            if old and new and old.group(1) != new.group(1):
                self._known[old.group(1)] = new.group(1)

    def _send(self) -> None:
        was_waiting, self._is_waiting = self._is_waiting, False
        entry = self._entries[self._step]
        self._stepped()
        text = entry.data.replace("\r\n", "\n")
        for old in sorted(self._known, key=len, reverse=True):
            text = text.replace(old, self._known[old])
        text = renumber(text, self._ports)
        head, _, body = text.partition("\n\n")
        first, *lines = head.split("\n")
        headers = [line.partition(":")[::2] for line in lines]
        kept = [(n, v.strip()) for n, v in headers if n.lower() != "content-length"]
        data = build(first, kept, body.replace("\n", "\r\n"))
        self.line.send(data, self._peer)
        if was_waiting:
            self._advance()


def renumber(text: str, ports: Mapping[str, int]) -> str:
    """Recorded ports of 127.0.0.1 replaced by real ones."""
    return re.sub(
        r"(127\.0\.0\.1:)(\d+)",
        lambda found: found.group(1) + str(ports.get(found.group(2), found.group(2))),
        text,
    )


def _text(message: Message) -> str:
    names = [
        f"{'-'.join(p.capitalize() for p in n.split('-'))}: {v}" for n, v in message.headers
    ]
    return "\n".join([message.first, *names, "", message.body])
