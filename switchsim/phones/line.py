"""A party's UDP socket: sends, repeats what may be lost, hands on what comes."""

import logging
import socket
from collections.abc import Callable

from switchsim.loop import Loop, Timer
from switchsim.phones.message import Message, parse

log = logging.getLogger(__name__)

_FIRST_REPEAT_S = 0.5
_LAST_REPEAT_S = 4.0
_GIVE_UP_S = 32.0
_BURST = 64


class Repeat:
    """A message sent again and again until `stop`, or for 32 s."""

    def __init__(
        self,
        line: "Line",
        data: bytes,
        target: tuple[str, int],
        on_give_up: Callable[[], None] = lambda: None,
    ) -> None:
        self._line = line
        self._data = data
        self._target = target
        self._on_give_up = on_give_up
        self._interval = _FIRST_REPEAT_S
        self._spent = 0.0
        self._timer: Timer | None = None
        self._send()

    def stop(self) -> None:
        """An answer has come."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _send(self) -> None:
        if self._spent >= _GIVE_UP_S:
            self._on_give_up()
            return
        self._line.send(self._data, self._target)
        self._timer = self._line.loop.later(self._interval, self._send)
        self._spent += self._interval
        self._interval = min(self._interval * 2, _LAST_REPEAT_S)


class Line:
    """One socket of a party."""

    def __init__(
        self, loop: Loop, bind: tuple[str, int], on_message: Callable[[Message], None]
    ) -> None:
        self.loop = loop
        self._on_message = on_message
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        try:
            self._socket.bind(bind)
        except OSError:
            self._socket.close()
            raise
        self.address: tuple[str, int] = self._socket.getsockname()
        loop.watch(self._socket, read=self._read)

    def send(self, data: bytes, target: tuple[str, int]) -> None:
        """Sends one message; what the network loses is repeated by `Repeat`."""
        try:
            self._socket.sendto(data, target)
        except OSError as error:
            log.info("cannot send to %s: %s", target, error)

    def close(self) -> None:
        """Closes the socket."""
        self.loop.watch(self._socket)
        self._socket.close()

    def _read(self) -> None:
        for _ in range(_BURST):
            try:
                data, source = self._socket.recvfrom(65_535)
            except OSError:
                return
            message = parse(data, source)
            if message is not None:
                self._on_message(message)
