"""Link: one inbound connection to the switch, from its greeting to its end.

greenswitch's InboundESL, by subclass, on conversation.py. Kept of it: the class, its `host`,
`port`, `password`, `timeout`, the greeting's event, `with` and `stop()`. Replaced: `connect()`,
which waits for the greeting without limit and leaves the socket open when it fails, and
`authenticate()`, which raises a ValueError. control.py makes a new Link for every connection.

Source: fixtures/esl (inbound connection).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import gevent
import structlog
from gevent import socket
from greenswitch.esl import InboundESL
from structlog.typing import FilteringBoundLogger

from callcontrol.errors import (
    AuthenticationRejected,
    CommandRejected,
    SessionError,
    SessionGone,
    SwitchUnreachable,
)
from callcontrol.esl import command
from callcontrol.esl.command import Command
from callcontrol.esl.conversation import Conversation, Deadlines
from callcontrol.esl.event import Event
from callcontrol.esl.keepalive import keep_alive
from callcontrol.esl.wire import Limits

LINK_LIMITS: Final = Limits(header_bytes=1 << 16, body_bytes=16 << 20)
"""Bodies as the switch allows them: a list of 10,000 channels is some 10 MB."""


class Link(Conversation, InboundESL):
    """One connection to the switch's own event socket.

    Args:
        host: where the switch listens.
        port: its port.
        password: its password; never logged, never part of an error.
        on_event: takes each event; must not wait.
        on_end: told once when the link has ended; must not wait.
        deadlines: how long to wait for replies and for writing.
        limits: how large a frame may be.
        max_in_flight: how many commands may wait for their reply.
        log: a bound logger.
    """

    def __init__(
        self,
        host: str,
        port: int,
        password: str,
        *,
        on_event: Callable[[Event], None],
        on_end: Callable[[], None],
        deadlines: Deadlines | None = None,
        limits: Limits = LINK_LIMITS,
        max_in_flight: int = 10_000,
        log: FilteringBoundLogger | None = None,
    ) -> None:
        deadlines = deadlines or Deadlines()
        InboundESL.__init__(self, host, port, password, timeout=deadlines.command_s)
        self._on_event = on_event
        self._on_end = on_end
        self._begin(
            deadlines=deadlines,
            limits=limits,
            max_in_flight=max_in_flight,
            log=log or structlog.get_logger(),
        )

    @property
    def end_reason(self) -> SessionError | None:
        """Why the link has ended; None while it lives."""
        return None if self._gone is None else self._gone_error()

    def open(self, subscribe: Sequence[Command] = (), *, deadline_s: float) -> None:
        """Connect, give the password, send the subscriptions.

        Raises:
            SwitchUnreachable: nobody listens there, or nobody greets in time.
            AuthenticationRejected: the switch does not take the password.
            CommandRejected: it does not take a subscription.
            CommandTimeout: it greets us, and then does not answer.
            SessionGone: it ended the connection meanwhile.

        Switches: waits for the switch, at most deadline_s.
        """
        where = f"{self.host}:{self.port}"
        is_open = False
        patience = gevent.Timeout.start_new(deadline_s)
        try:
            self._connect(where)
            self._auth_request_event.wait()
            self._raise_if_gone()
            self._authenticate()
            if subscribe:
                self.send_all(*subscribe)
        except gevent.Timeout as timeout:
            if timeout is not patience:
                raise
            raise SwitchUnreachable(
                f"the switch at {where} did not greet us within {deadline_s:g} s"
            ) from None
        else:
            is_open = True
        finally:
            patience.close()
            if self.connected and not is_open:
                self.end("it did not open")

    def _connect(self, where: str) -> None:
        try:
            self.sock = socket.create_connection((self.host, self.port))
        except OSError as exc:
            raise SwitchUnreachable(f"no switch at {where}: {exc}") from exc
        keep_alive(self.sock)
        self.connected = True
        self._start_reading()

    def _authenticate(self) -> None:
        try:
            self.send(command.auth(self.password))
        except CommandRejected as exc:
            raise AuthenticationRejected(
                f"the switch at {self.host}:{self.port} refuses our password"
            ) from exc

    def connect(self) -> None:
        """Open, under greenswitch's name for it and with its timeout.

        Switches: waits for the switch, at most timeout.
        """
        self.open(deadline_s=self.timeout)

    def authenticate(self) -> None:
        """Give the password, under greenswitch's name for it.

        Switches: waits for the switch, at most command_s.
        """
        self._authenticate()

    def _event(self, event: Event) -> None:
        self._on_event(event)

    def _refused(self, rejection: CommandRejected) -> None:
        self._log.warning(
            "esl_command_rejected", command=rejection.command, reply=rejection.reply
        )

    def _greeted(self) -> None:
        self._auth_request_event.set()

    def _ended(self) -> None:
        self._auth_request_event.set()
        self._on_end()

    def end(self, reason: str) -> None:
        """End the link for a reason of ours.

        Switches: no.
        """
        self._end(SessionGone, reason)
