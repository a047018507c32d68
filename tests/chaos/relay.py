"""A TCP relay in front of switch, engine or Postgres: sees what passes, holds, cuts, stalls."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import gevent
from gevent import socket
from gevent.event import Event as Signal
from gevent.server import StreamServer

from callcontrol.esl.listener import bound

TO_ENGINE = "to the engine"
TO_SWITCH = "to the switch"

_CHUNK_BYTES = 1 << 16
_TAIL_BYTES = 1 << 10


@dataclass(slots=True, kw_only=True)
class Snare:
    """What to wait for, and what to do then, once.

    Attributes:
        towards: which way it passes.
        pattern: what is waited for; empty: the end of the stream.
        spring: called when it comes.
        lets_pass: whether it gets there first; what is held never arrives.
    """

    towards: str
    pattern: bytes
    spring: Callable[[], None]
    lets_pass: bool = False


class Relay:
    """Listens in place of `target` and passes on what comes.

    Args:
        target: where to connect to: a port of the loopback, or a socket's path.
        serves_engine: whether who connects is the engine, not the switch.
        port: to listen at; 0: any.
    """

    def __init__(self, target: int | Path, *, serves_engine: bool, port: int = 0) -> None:
        self.target = target
        self.snare: Snare | None = None
        self._towards = (TO_SWITCH, TO_ENGINE) if serves_engine else (TO_ENGINE, TO_SWITCH)
        self._flows = Signal()
        self._flows.set()
        self._ends: set[socket.socket] = set()
        listener = bound("127.0.0.1", port)
        listener.listen(1024)
        self.port: int = listener.getsockname()[1]
        self._server = StreamServer(listener, self._serve)
        self._server.start()

    def cut(self) -> None:
        """End every connection, now."""
        for end in list(self._ends):
            _shut(end)

    def stall(self) -> None:
        """Let nothing pass from here on; nothing is lost."""
        self._flows.clear()

    def flow(self) -> None:
        """Let everything pass again."""
        self._flows.set()

    def stop(self) -> None:
        """Close."""
        self._server.stop(0)
        self.cut()

    def _serve(self, near: socket.socket, _address: object) -> None:
        try:
            far = _connected(self.target)
        except OSError:
            # Nobody there: whoever connects to us is to see that too, and try the next.
            near.close()
            return
        far.settimeout(None)
        pair = (near, far)
        self._ends.update(pair)
        there, back = self._towards
        pumps = [
            gevent.spawn(self._pump, near, far, there),
            gevent.spawn(self._pump, far, near, back),
        ]
        gevent.joinall(pumps)
        self._ends.difference_update(pair)
        for end in pair:
            end.close()

    def _pump(self, source: socket.socket, sink: socket.socket, towards: str) -> None:
        tail = b""
        with suppress(OSError):
            while True:
                data = source.recv(_CHUNK_BYTES)
                self._flows.wait()
                tail = (tail + data)[-_TAIL_BYTES - len(data) :]
                if not self._passes(data, tail, towards):
                    break
                if not data:
                    break
                sink.sendall(data)
                self._after(tail, towards)
        _shut(sink)
        _shut(source)

    def _passes(self, data: bytes, seen: bytes, towards: str) -> bool:
        """Spring what waits for this, before it passes; says whether it may."""
        snare = self.snare
        if snare is None or snare.lets_pass or snare.towards != towards:
            return True
        if not (snare.pattern in seen if snare.pattern else not data):
            return True
        self.snare = None
        snare.spring()
        return False

    def _after(self, seen: bytes, towards: str) -> None:
        snare = self.snare
        if snare is None or not snare.lets_pass or snare.towards != towards:
            return
        if snare.pattern and snare.pattern in seen:
            self.snare = None
            snare.spring()


def _connected(target: int | Path) -> socket.socket:
    if isinstance(target, int):
        return socket.create_connection(("127.0.0.1", target), timeout=5)
    far = socket.socket(socket.AF_UNIX)
    far.connect(str(target))
    return far


def _shut(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
