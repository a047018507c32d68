"""The other end of a recorded event-socket connection, said again when its time has come.

Strategy: the recorded lines are gone through in order. A line of the switch is something to
wait for; a command is sent when every message recorded before it has been seen, after the pause
it had in the recording.
"""

import contextlib
import re
import socket
import struct
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from switchsim.conformance.parties import Party, renumber
from switchsim.conformance.recording import Entry, frame_kind
from switchsim.loop import Loop

_PAUSE_S = 0.03
_LONGEST_PAUSE_S = 3.0
_TURN_S = 0.002
# What a switch makes of a SIP message is done after so long.
_SETTLED_S = 0.06
_CLOCKS_APART_S = 0.01
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TELLING = re.compile(r"^(?:Unique-ID|Other-Leg-Unique-ID): (\S+)", re.MULTILINE)
# Messages whose moment the switch itself varies: a command never waits for them.
_OPENS = "accepted on port"
_CLOSES = ("engine closes its end", "recorder ends")
_NOTICES = {"notice linger", "notice disconnect"}
_FLOATING = {"CHANNEL_PARK", "notice linger", "CALL_UPDATE", "CODEC"}


class Frames:
    """Messages out of the bytes of a connection, framed as recorded."""

    def __init__(self) -> None:
        self._buffer = b""

    def feed(self, data: bytes) -> list[str]:
        """Adds bytes; returns the whole messages they completed."""
        self._buffer += data
        frames = []
        while b"\n\n" in self._buffer:
            head, _, rest = self._buffer.partition(b"\n\n")
            length = re.search(rb"^Content-Length: (\d+)", head, re.MULTILINE)
            size = int(length.group(1)) if length and not head.startswith(b"Event-Name") else 0
            if len(rest) < size:
                break
            frames.append((head + b"\n\n" + rest[:size]).decode("latin-1"))
            self._buffer = rest[size:]
        return frames


class Shared:
    """What the connections of a case know together.

    The ids of the recording and the ids they have in the replay; and the order of the clients'
    commands, which must not overtake each other.
    """

    def __init__(self, clients: tuple[Entry, ...]) -> None:
        self._known: dict[str, str] = {}
        self._unsaid = [entry for entry in clients if entry.direction == ">"]
        self._unsaid.sort(key=lambda entry: entry.at_s)
        self.parties: list[Party] = []

    def is_next(self, entry: Entry) -> bool:
        """Whether every client's earlier command was said."""
        return not self._unsaid or self._unsaid[0] is entry

    def said(self, entry: Entry) -> None:
        """A client's command was said."""
        if entry in self._unsaid:
            self._unsaid.remove(entry)

    def is_settled(self, at_s: float, now_s: float) -> bool:
        """Whether all SIP recorded before `at_s` was said, and the switch has dealt with it."""
        return all(
            party.due_s > at_s - _CLOCKS_APART_S and now_s - party.stepped_s > _SETTLED_S
            for party in self.parties
        )

    def learn(self, recorded: str, real: str) -> None:
        """Two messages of the same kind name the same channels."""
        pairs = zip(_TELLING.findall(recorded), _TELLING.findall(real), strict=False)
        for old, new in pairs:
            self._known.setdefault(old, new)

    def translate(self, text: str) -> str:
        """Recorded ids replaced by real ones, as far as known."""
        return _UUID.sub(lambda found: self._known.get(found.group(), found.group()), text)


class Speaker:
    """One connection of a case.

    Args:
        entries: the connection as recorded.
        ports: recorded port to real port.
        shared: what the connections of the case know together.
        on_progress: called after every step.
    """

    def __init__(
        self,
        loop: Loop,
        entries: tuple[Entry, ...],
        ports: Mapping[str, int],
        shared: Shared,
        on_progress: Callable[[], None],
    ) -> None:
        self._loop = loop
        self._entries = [
            entry
            for entry in entries
            if entry.direction != "#" or entry.data.startswith((_OPENS, *_CLOSES))
        ]
        self._ports = ports
        self._shared = shared
        self._on_progress = on_progress
        self._step = 0
        self._needed: Counter[str] = Counter()
        self._seen: Counter[str] = Counter()
        self._reader = Frames()
        self._is_waiting = False
        self._connection: socket.socket | None = None
        self._recorded: dict[tuple[str, int], str] = {}
        counts: Counter[str] = Counter()
        for entry in self._entries:
            if entry.direction == "<":
                kind = frame_kind(entry.data)
                counts[kind] += 1
                self._recorded[kind, counts[kind]] = entry.data
        # An engine that saw no events knew by other means when its time had come.
        self._is_blind = set(counts) <= {"CHANNEL_DATA", "reply", "api reply"} | _NOTICES
        self.frames: list[str] = []
        self.is_closed = False

    @property
    def is_done(self) -> bool:
        """Whether everything was said."""
        return self._step >= len(self._entries)

    def attach(self, connection: socket.socket) -> None:
        """Begins on a connected socket."""
        connection.setblocking(False)
        self._connection = connection
        self._loop.watch(connection, read=self._read)
        self._advance()

    def close(self) -> None:
        """Closes the connection."""
        if self._connection is not None and self._connection.fileno() >= 0:
            self._loop.watch(self._connection)
            self._connection.close()
        self.is_closed = True

    def pause_before(self, step: int) -> float:
        """Seconds to wait before a command whose time has come."""
        entries = self._entries
        pause = entries[step].at_s - entries[step - 1].at_s if step else 0.0
        return min(pause, _LONGEST_PAUSE_S) if pause > _PAUSE_S else 0.0

    def _leave(self, *, is_reset: bool) -> None:
        """The engine goes, politely or not."""
        if is_reset and self._connection is not None:
            self._connection.setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
        self.close()

    def _read(self) -> None:
        assert self._connection is not None  # noqa: S101  only read while connected
        try:
            data = self._connection.recv(1 << 20)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            self._on_progress()
            return
        for frame in self._reader.feed(data):
            self.frames.append(frame)
            kind = frame_kind(frame)
            self._seen[kind] += 1
            recorded = self._recorded.get((kind, self._seen[kind]))
            if recorded is not None:
                self._shared.learn(recorded, frame)
        self._advance()

    def _advance(self) -> None:
        while not self.is_done and not self._is_waiting:
            entry = self._entries[self._step]
            if entry.direction == "<" or entry.data.startswith(_OPENS):
                kind = frame_kind(entry.data)
                if kind not in _FLOATING and entry.direction == "<":
                    self._needed[kind] += 1
                self._step += 1
                continue
            if any(self._seen[kind] < count for kind, count in self._needed.items()):
                break
            if self._is_blind and not self._shared.is_settled(entry.at_s, self._now_s()):
                self._is_waiting = True
                self._loop.later(_SETTLED_S / 3, self._look_again)
                break
            pause = self.pause_before(self._step)
            if pause > 0:
                self._is_waiting = True
                self._loop.later(pause, self._say)
                break
            self._say()
        self._on_progress()

    def _now_s(self) -> float:
        return self._loop.clock.wall_us() / 1e6

    def _look_again(self) -> None:
        self._is_waiting = False
        self._advance()

    def _say(self) -> None:
        was_waiting, self._is_waiting = self._is_waiting, False
        entry = self._entries[self._step]
        text = renumber(self._shared.translate(entry.data), self._ports)
        self._step += 1
        if entry.direction == "#":
            self._leave(is_reset=entry.data.endswith("(RST)"))
        elif self._connection is not None and not self.is_closed:
            with contextlib.suppress(OSError):
                self._connection.send(text.encode("latin-1"))
        if was_waiting:
            self._advance()


class EnginePort:
    """A port on which the engines of a case wait for its calls.

    Args:
        engines: one per recorded connection; the next that connects gets the next.
    """

    def __init__(self, loop: Loop, engines: Iterator[Speaker]) -> None:
        self._loop = loop
        self._engines = engines
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(4)
        self._listener.setblocking(False)
        self._loop.watch(self._listener, read=self._accept)
        self.number: int = self._listener.getsockname()[1]

    def close(self) -> None:
        """Closes the port."""
        self._loop.watch(self._listener)
        self._listener.close()

    def _accept(self) -> None:
        connection, _ = self._listener.accept()
        engine = next(self._engines, None)
        if engine is None:
            connection.close()
        else:
            engine.attach(connection)


class Client(Speaker):
    """Connects to the switch's event socket, at the recorded time."""

    def begin(self, switch: tuple[str, int]) -> None:
        """Connects when the recording did."""
        self._began_s = self._now_s()
        self._loop.later(self._entries[0].at_s, lambda: self._connect(switch))

    def pause_before(self, step: int) -> float:
        """Commands come at their recorded time, or later."""
        passed = self._now_s() - self._began_s
        pause = self._entries[step].at_s - passed
        return max(0.0, pause)

    def _say(self) -> None:
        entry = self._entries[self._step]
        if not self._shared.is_next(entry):
            self._is_waiting = True
            self._loop.later(_TURN_S, self._say)
            return
        self._shared.said(entry)
        super()._say()

    def _connect(self, switch: tuple[str, int]) -> None:
        connection = socket.socket()
        connection.connect(switch)
        self.attach(connection)
