"""An event-socket connection: bytes in and out, subscriptions, filters."""

import contextlib
import logging
import socket
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING

from switchsim.events import Event
from switchsim.frames import BadFrame, Request, RequestReader

if TYPE_CHECKING:
    from switchsim.session import Session
    from switchsim.switch import Switch

log = logging.getLogger(__name__)

GOODBYE = "Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"
MY_EVENTS = frozenset(
    f"CHANNEL_{name}"
    for name in (
        "CREATE", "DESTROY", "STATE", "ANSWER", "HANGUP", "HANGUP_COMPLETE", "EXECUTE",
        "EXECUTE_COMPLETE", "BRIDGE", "UNBRIDGE", "PROGRESS", "PROGRESS_MEDIA", "ORIGINATE",
        "OUTGOING", "PARK", "UNPARK", "APPLICATION", "UUID", "DATA",
    )
) | {"DTMF", "TALK", "NOTALK", "DETECTED_SPEECH", "CALL_DETAIL"}  # fmt: skip
_MAX_BACKLOG = 64 << 20


class Connection(ABC):
    """What both kinds of connection share. Subclasses answer requests."""

    def __init__(self, switch: "Switch", sock: socket.socket) -> None:
        self.switch = switch
        self._socket = sock
        self._reader = RequestReader()
        self._pending = bytearray()
        self.is_open = True
        self.session: Session | None = None
        self.events: set[str] = set()
        self.subclasses: set[str] = set()
        self.wants_all = False
        self.form = "plain"
        self.my_uuid: str | None = None
        self.filters: list[tuple[str, str]] = []
        self.log_level: int | None = None
        self.linger_s: int | None = None
        self._is_lingering = False
        sock.setblocking(False)
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def begin(self) -> None:
        """Starts reading and taking events."""
        self.switch.connections.add(self)
        self.switch.loop.watch(self._socket, read=self._readable)
        self.switch.bus.listeners.append(self)

    def wants(self, name: str, uuid: str | None) -> bool:
        """Whether events of this name about this channel may be wanted."""
        if name not in self.events and not self.wants_all:
            return False
        return self.my_uuid is None or uuid is None or uuid == self.my_uuid

    def notify(self, event: Event) -> None:
        """Sends an event when the filters let it through."""
        if self._passes(event):
            self.send(event.frame(self.form))

    def subscribe(self, names: Iterable[str]) -> None:
        """Adds event names."""
        self.events.update(names)

    def send(self, data: bytes) -> None:
        """Sends now what the kernel takes, the rest when it takes more."""
        if not self.is_open:
            return
        if not self._pending:
            try:
                sent = self._socket.send(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                self.close()
                return
            if sent == len(data):
                return
            data = data[sent:]
            self.switch.loop.watch(self._socket, read=self._readable, write=self._writable)
        self._pending += data
        if len(self._pending) > _MAX_BACKLOG:
            log.warning("a peer does not read: its connection is closed")
            self.close()

    def reply(self, text: str, *more: str) -> None:
        """Sends a command reply, with further header lines."""
        lines = ["Content-Type: command/reply", f"Reply-Text: {text}", *more, "", ""]
        self.send("\n".join(lines).encode("latin-1", "replace"))

    def api_response(self, body: str) -> None:
        """Sends the result of an api command."""
        data = (body or "-ERR no reply\n").encode("latin-1", "replace")
        head = f"Content-Type: api/response\nContent-Length: {len(data)}\n\n"
        self.send(head.encode("latin-1") + data)

    @abstractmethod
    def on_request(self, request: Request) -> None:
        """Answers one command."""

    @property
    def is_controlling(self) -> bool:
        """Whether the connection is bound to its call, and ends with it."""
        return self.session is not None

    def call_ended(self) -> None:
        """The call was hung up: close, or stay as long as the engine asked for."""
        if not self.is_controlling or self.session is None or self._is_lingering:
            return
        if self.linger_s is None:
            self.disconnect()
            return
        self._is_lingering = True
        channel = self.session.channel
        text = (
            "Content-Type: text/disconnect-notice\n"
            f"Controlled-Session-UUID: {channel.uuid}\n"
            "Content-Disposition: linger\n"
            f"Channel-Name: {channel.name}\n"
            f"Linger-Time: {self.linger_s}\n"
            "Content-Length: 0\n\n"
        )
        self.send(text.encode("latin-1"))
        if self.linger_s >= 0:
            # Whole seconds of the clock: up to a second more than asked for.
            past = self.switch.loop.clock.wall_us() % 1_000_000 / 1e6
            self.switch.loop.later(self.linger_s + 1 - past, self.disconnect)

    def on_closed(self) -> None:  # noqa: B027 - most have nothing to do
        """The connection is gone; subclasses clean up."""

    def disconnect(self) -> None:
        """Says goodbye and closes."""
        head = "Content-Type: text/disconnect-notice\n"
        if self.session is not None:
            head += f"Controlled-Session-UUID: {self.session.channel.uuid}\n"
            head += "Content-Disposition: disconnect\n"
        head += f"Content-Length: {len(GOODBYE)}\n\n"
        self.send((head + GOODBYE).encode("latin-1"))
        self.close()

    def close(self) -> None:
        """Closes at once, after what the kernel still takes."""
        if not self.is_open:
            return
        if self._pending:
            with contextlib.suppress(OSError):
                self._socket.send(self._pending)
        self.drop()
        self.on_closed()

    def drop(self) -> None:
        """Closes without telling anybody."""
        if not self.is_open:
            return
        self.is_open = False
        self.switch.connections.discard(self)
        self.switch.bus.listeners.remove(self)
        self.switch.loop.watch(self._socket)
        self._socket.close()

    def _passes(self, event: Event) -> bool:
        if event.name == "CUSTOM" and not self.wants_all:
            subclass = event.get("Event-Subclass")
            if self.subclasses and subclass not in self.subclasses:
                return False
        if not self.filters:
            return True
        passes = False
        for name, wanted in self.filters:
            value = event.get(name)
            negative = wanted.startswith("-")
            if value is None or (passes and not negative):
                continue
            if value.lower() == wanted.lstrip("+-").lower():
                if negative:
                    return False
                passes = True
        return passes

    def _readable(self) -> None:
        try:
            data = self._socket.recv(65_536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        self._reader.feed(data)
        try:
            while self.is_open and (request := self._reader.next_request()):
                self.on_request(request)
        except BadFrame as error:
            log.info("a peer is cut off: %s", error)
            self.disconnect()

    def _writable(self) -> None:
        try:
            sent = self._socket.send(self._pending)
        except BlockingIOError:
            return
        except OSError:
            self.close()
            return
        del self._pending[:sent]
        if not self._pending and self.is_open:
            self.switch.loop.watch(self._socket, read=self._readable)
