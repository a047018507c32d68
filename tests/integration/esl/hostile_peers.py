"""Hostile peers, many or fast, in a process of their own.

    python -m tests.integration.esl.hostile_peers PORT KIND COUNT

Says `ready` once all of them are connected and in their state, and goes on until it is ended.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Sequence

from tests.conformance.frames import channel_data, event, reply

EVENT = event("FLOOD", variable_x="y" * 3000)
STALL = b"Content-Length: 100\nContent-Type: text/event-plain\n\nEvent-Name: half"


def connected(port: int) -> socket.socket:
    """Connect as the switch does."""
    return socket.create_connection(("127.0.0.1", port))


def stalled(socks: Sequence[socket.socket]) -> None:
    """Stop inside a frame."""
    for sock in socks:
        sock.sendall(STALL)
    ready()


def opened(socks: Sequence[socket.socket], kind: str) -> None:
    """Answer `connect` and `myevents`; more is not read from here on."""
    for sock in socks:
        sock.recv(18)
        sock.sendall(channel_data(kind, variable_kind=kind) + reply())


def flooding(socks: Sequence[socket.socket]) -> None:
    """Send events as fast as they are taken."""
    opened(socks, "flooding")
    ready()
    pour(socks, EVENT * 100)


def endless(socks: Sequence[socket.socket]) -> None:
    """Send a header without end."""
    opened(socks, "endless")
    ready()
    pour(socks, b"x" * 65_536)


def deaf(socks: Sequence[socket.socket]) -> None:
    """Read nothing any more."""
    opened(socks, "deaf")
    ready()


def pour(socks: Sequence[socket.socket], data: bytes) -> None:
    """Send to each in turn for as long as any takes it."""
    left = list(socks)
    while left:
        for sock in list(left):
            try:
                sock.sendall(data)
            except ConnectionError:
                left.remove(sock)


def ready() -> None:
    """Tell the test."""
    sys.stdout.write("ready\n")
    sys.stdout.flush()


KINDS: dict[str, Callable[[Sequence[socket.socket]], None]] = {
    "stalled": stalled,
    "flooding": flooding,
    "endless": endless,
    "deaf": deaf,
}

if __name__ == "__main__":
    _, port, kind, count = sys.argv
    held = [connected(int(port)) for _ in range(int(count))]
    KINDS[kind](held)
    sys.stdin.read()
