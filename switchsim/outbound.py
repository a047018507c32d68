"""The connection a call opens to its engine, and how it ends with the call."""

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from switchsim import commands
from switchsim.connection import Connection
from switchsim.frames import Request
from switchsim.loop import Timer
from switchsim.settings import Address, address

if TYPE_CHECKING:
    from switchsim.session import Session
    from switchsim.switch import Switch


class Dialer:
    """Tries the hosts of a `socket` action in order until one takes the connection.

    Args:
        on_result: gets the connected socket, or None when nobody listens.
    """

    def __init__(
        self,
        switch: "Switch",
        hosts: list[str],
        on_host: Callable[[str], None],
        on_result: Callable[[socket.socket | None], None],
    ) -> None:
        self._switch = switch
        self._hosts = hosts
        self._on_host = on_host
        self._on_result = on_result
        self._socket: socket.socket | None = None
        self._timer: Timer | None = None
        self._try_next()

    def _try_next(self) -> None:
        while self._hosts:
            host = self._hosts.pop(0)
            try:
                target: Address = address(host if ":" in host else f"{host}:8084")
            except ValueError:
                continue
            self._on_host(target[0])
            sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            sock.setblocking(False)
            error = sock.connect_ex(target)
            if error == 0:
                self._on_result(sock)
                return
            if error == 115:  # EINPROGRESS
                self._socket = sock
                self._switch.loop.watch(sock, write=self._settled)
                self._timer = self._switch.loop.later(5.0, self._gave_up)
                return
            sock.close()
        self._on_result(None)

    def _settled(self) -> None:
        sock = self._release()
        if sock is None:
            return
        if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
            self._on_result(sock)
        else:
            sock.close()
            self._try_next()

    def _gave_up(self) -> None:
        sock = self._release()
        if sock is not None:
            sock.close()
            self._try_next()

    def _release(self) -> socket.socket | None:
        sock, self._socket = self._socket, None
        if self._timer is not None:
            self._timer.cancel()
        if sock is not None:
            self._switch.loop.watch(sock)
        return sock


class EngineConnection(Connection):
    """One outbound connection: it controls one call."""

    def __init__(
        self, switch: "Switch", sock: socket.socket, session: "Session", flags: set[str]
    ) -> None:
        super().__init__(switch, sock)
        self.session = session
        self.is_async = "async" in flags
        self.is_full = "full" in flags
        self.is_connected = False
        self.resumes = False
        session.connections.append(self)
        patience = switch.settings.connect_patience_s
        self._patience = switch.loop.later(patience, self._never_connected)
        self.begin()

    def on_request(self, request: Request) -> None:
        """Answers a command; the first one, whatever it is, ends the waiting."""
        self._patience.cancel()
        commands.answer_engine(self, request)

    @property
    def is_controlling(self) -> bool:
        """Only after `connect`."""
        return self.is_connected

    def on_closed(self) -> None:
        """The engine is gone: the call learns it."""
        self._patience.cancel()
        session = self.session
        if session is None or self not in session.connections:
            return
        session.connections.remove(self)
        if session.channel.is_up:
            session.engine_left(resume=self.resumes)
        session.wake()
        self.switch.loop.soon(session.let_go)

    def _never_connected(self) -> None:
        if not self.is_connected:
            self.disconnect()
