"""Line: what a supervisor and a worker tell each other, as facts, over a pair of sockets.

A fact has a name and a state, and only its newest state counts: what was told again before it
could be sent is sent once. So nothing queues up for an end that does not read, and telling
never waits. That the line has ended is a fact as well: the other process is gone.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import gevent
from gevent import socket
from gevent.event import Event as Signal

Facts = dict[str, Any]


class Line:
    """One end of the line.

    Args:
        sock: one socket of a pair; the line owns it from here on.
        on_facts: called with the facts of each message; a fact that is itself a mapping holds
            only what is new in it. Must not wait.
        on_end: called once, when the other end is gone while this one is open.
    """

    def __init__(
        self,
        sock: socket.socket,
        *,
        on_facts: Callable[[Facts], None],
        on_end: Callable[[], None],
    ) -> None:
        self._sock = sock
        self._on_facts = on_facts
        self._on_end = on_end
        self._unsent: Facts = {}
        self._has_unsent = Signal()
        self._is_closing = False
        self._reader = gevent.spawn(self._read)
        self._writer = gevent.spawn(self._write)

    def tell(self, **facts: object) -> None:
        """Tell facts, soon. Switches: no."""
        for name, state in facts.items():
            if isinstance(state, dict):
                self._unsent.setdefault(name, {}).update(state)
            else:
                self._unsent[name] = state
        self._has_unsent.set()

    def close(self, *, deadline_s: float = 1.0) -> None:
        """Send what is still unsent and hang up. Switches: at most deadline_s."""
        self._is_closing = True
        self._has_unsent.set()
        self._writer.join(deadline_s)
        self._writer.kill()
        self._reader.kill()
        self._sock.close()

    def _write(self) -> None:
        while self._unsent or not self._is_closing:
            self._has_unsent.wait()
            self._has_unsent.clear()
            facts, self._unsent = self._unsent, {}
            try:
                self._sock.sendall(json.dumps(facts).encode() + b"\n")
            except OSError:
                return  # the reader has noticed as well

    def _read(self) -> None:
        try:
            with self._sock.makefile("rb") as lines:
                for line in lines:
                    self._on_facts(json.loads(line))
        except (OSError, ValueError):
            pass  # a message cut short: the other end has died over it
        finally:
            if not self._is_closing:
                self._on_end()
