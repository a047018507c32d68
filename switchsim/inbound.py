"""The event socket others connect to: a listener and its connections."""

import hmac
import logging
import socket
from typing import TYPE_CHECKING

from switchsim import commands
from switchsim.connection import Connection
from switchsim.frames import Request
from switchsim.settings import Address

if TYPE_CHECKING:
    from switchsim.switch import Switch

log = logging.getLogger(__name__)


class InboundConnection(Connection):
    """One connection to the switch; it must give the password first."""

    def __init__(self, switch: "Switch", sock: socket.socket) -> None:
        super().__init__(switch, sock)
        self.is_authenticated = False
        self.begin()
        self.send(b"Content-Type: auth/request\n\n")

    def on_request(self, request: Request) -> None:
        """Answers a command; before the password only `auth` and `exit` are known."""
        if self.is_authenticated:
            commands.answer_client(self, request)
            return
        word, _, rest = request.line.partition(" ")
        if word.lower() == "exit":
            self.reply("+OK bye")
            self.disconnect()
        elif word.lower() != "auth":
            self.reply("-ERR command not found")
        elif hmac.compare_digest(
            rest.strip().encode("latin-1", "replace"),
            self.switch.settings.password.encode("utf-8"),
        ):
            self.is_authenticated = True
            self.reply("+OK accepted")
        else:
            self.reply("-ERR invalid")
            self.disconnect()

    def on_closed(self) -> None:
        """A connection bound to a call lets go of it."""
        session = self.session
        if session is not None and self in session.connections:
            session.connections.remove(self)
            self.switch.loop.soon(session.let_go)


class EventSocketListener:
    """Accepts connections and keeps them in `connections` while they are open."""

    def __init__(self, switch: "Switch", bind: Address) -> None:
        self._switch = switch
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.setblocking(False)
        try:
            self._socket.bind(bind)
        except OSError:
            self._socket.close()
            raise
        self._socket.listen(64)
        self.address: Address = self._socket.getsockname()
        switch.loop.watch(self._socket, read=self._accept)

    def close(self) -> None:
        """Takes no more connections."""
        self._switch.loop.watch(self._socket)
        self._socket.close()

    def _accept(self) -> None:
        try:
            sock, _ = self._socket.accept()
        except OSError as error:
            log.debug("accept: %s", error)
            return
        InboundConnection(self._switch, sock)
