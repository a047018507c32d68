"""The engine's side of a recorded case, said again when its time has come."""

import re
import socket
from collections import Counter
from collections.abc import Callable, Mapping

from switchsim.conformance.parties import renumber
from switchsim.conformance.recording import Entry, frame_kind
from switchsim.loop import Loop

_PAUSE_S = 0.03
_LONGEST_PAUSE_S = 1.0
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Messages whose moment the switch itself varies: a command never waits for them.
_FLOATING = {"CHANNEL_PARK", "notice linger"}


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


class Engine:
    """Listens for the call of one case.

    Args:
        entries: one outbound connection as recorded.
        ports: recorded port to real port.
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
        self._entries = [entry for entry in entries if entry.direction != "#"]
        self._ports = ports
        self._on_progress = on_progress
        self._step = 0
        self._needed: Counter[str] = Counter()
        self._seen: Counter[str] = Counter()
        self._reader = Frames()
        self._is_waiting = False
        self._connection: socket.socket | None = None
        self._recorded_uuid = ""
        self._uuid = ""
        self.frames: list[str] = []
        self.is_closed = False
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen(4)
        self._listener.setblocking(False)
        self.address: tuple[str, int] = self._listener.getsockname()
        loop.watch(self._listener, read=self._accept)
        for entry in self._entries:
            if frame_kind(entry.data).startswith("CHANNEL_DATA"):
                found = re.search(r"^Unique-ID: (\S+)", entry.data, re.MULTILINE)
                self._recorded_uuid = found.group(1) if found else ""

    @property
    def is_done(self) -> bool:
        """Whether the connection has ended."""
        return self.is_closed

    def close(self) -> None:
        """Closes everything."""
        for sock in (self._connection, self._listener):
            if sock is not None and sock.fileno() >= 0:
                self._loop.watch(sock)
                sock.close()
        self.is_closed = True

    def _accept(self) -> None:
        self._connection, _ = self._listener.accept()
        self._connection.setblocking(False)
        self._loop.watch(self._connection, read=self._read)
        self._advance()

    def _read(self) -> None:
        assert self._connection is not None  # noqa: S101  only read while connected
        try:
            data = self._connection.recv(1 << 20)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._loop.watch(self._connection)
            self._connection.close()
            self.is_closed = True
            self._on_progress()
            return
        for frame in self._reader.feed(data):
            self.frames.append(frame)
            kind = frame_kind(frame)
            self._seen[kind] += 1
            if kind == "CHANNEL_DATA":
                found = re.search(r"^Unique-ID: (\S+)", frame, re.MULTILINE)
                self._uuid = found.group(1) if found else ""
        self._advance()

    def _advance(self) -> None:
        while self._step < len(self._entries) and not self._is_waiting:
            entry = self._entries[self._step]
            if entry.direction == "<":
                kind = frame_kind(entry.data)
                if kind not in _FLOATING:
                    self._needed[kind] += 1
                self._step += 1
                continue
            if any(self._seen[kind] < count for kind, count in self._needed.items()):
                break
            pause = entry.at_s - self._entries[self._step - 1].at_s if self._step else 0.0
            if pause > _PAUSE_S:
                self._is_waiting = True
                self._loop.later(min(pause, _LONGEST_PAUSE_S), self._say)
                break
            self._say()
        self._on_progress()

    def _say(self) -> None:
        was_waiting, self._is_waiting = self._is_waiting, False
        text = self._entries[self._step].data
        self._step += 1
        if self._uuid and self._recorded_uuid:
            text = text.replace(self._recorded_uuid, self._uuid)
        text = renumber(text, self._ports)
        if self._connection is not None and not self.is_closed:
            self._connection.send(text.encode("latin-1"))
        if was_waiting:
            self._advance()
