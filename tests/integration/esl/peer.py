"""A scripted switch: the other end of a socket, which a test plays line by line."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

import gevent
from gevent import socket
from gevent.event import Event as Signal

from tests.conformance.frames import (
    api_response as api_response,
)
from tests.conformance.frames import (
    channel_data as channel_data,
)
from tests.conformance.frames import (
    event as event,
)
from tests.conformance.frames import (
    notice as notice,
)
from tests.conformance.frames import (
    raw_event as raw_event,
)
from tests.conformance.frames import (
    reply as reply,
)

_BODY = re.compile(rb"\ncontent-length: (\d+)$")

PATIENCE_S = 5.0
"""How long a test waits for anything before it fails."""


def listening() -> socket.socket:
    """Open a port of this machine; `create_server` of gevent would be the blocking one."""
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen(100)
    return server


class Peer:
    """The switch's end of a connection."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._received = b""

    def commands(self, count: int) -> list[str]:
        """Wait for so many commands and give them, without their last empty lines."""
        commands = []
        with gevent.Timeout(PATIENCE_S):
            for _ in range(count):
                while b"\n\n" not in self._received:
                    self._receive()
                head, _, self._received = self._received.partition(b"\n\n")
                if body := _BODY.search(head):
                    while len(self._received) < int(body[1]):
                        self._receive()
                    head += b"\n\n" + self._received[: int(body[1])]
                    self._received = self._received[int(body[1]) :]
                commands.append(head.decode())
        return commands

    def _receive(self) -> None:
        data = self.sock.recv(1 << 16)
        if not data:
            raise EOFError(f"only {self._received!r} came")
        self._received += data

    def answer(self, *answers: bytes) -> list[str]:
        """Wait for a command for each answer, in turn, and give the commands."""
        commands = []
        for one in answers:
            commands += self.commands(1)
            self.send(one)
        return commands

    def send(self, *data: bytes) -> None:
        """Send bytes in one piece."""
        with gevent.Timeout(PATIENCE_S):
            self.sock.sendall(b"".join(data))

    def is_closed(self) -> bool:
        """Wait for the other end to close, without reading what it had to say before."""
        try:
            with gevent.Timeout(PATIENCE_S):
                while self.sock.recv(1 << 16):
                    pass
        except ConnectionError:
            pass
        return True

    def close(self) -> None:
        """Close as a dying switch does: no notice."""
        self.sock.close()

    def reset(self) -> None:
        """Close with a TCP reset."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


def eventually(claim: Callable[[], bool], within_s: float = PATIENCE_S) -> bool:
    """Let other greenlets run until a claim holds; False when it does not in time."""
    with gevent.Timeout(within_s, False):
        while not claim():
            gevent.sleep(0.001)
        return True
    return claim()


def hub_is_alive(ticks: int = 20) -> bool:
    """Say whether other greenlets get their turn."""
    done = Signal()

    def tick() -> None:
        for _ in range(ticks):
            gevent.sleep(0)
        done.set()

    gevent.spawn(tick)
    return done.wait(PATIENCE_S)
