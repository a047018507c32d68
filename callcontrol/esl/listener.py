"""Listener: takes the switch's connections, admits or refuses each, and runs a handler for it.

gevent's StreamServer accepts as soon as the kernel has a connection (greenswitch's own server
polls every tenth of a second, counts after admitting, and dies of one bad connection; it is not
used).

A connection is never just closed: before its `connect` was answered, and for some 20 ms after,
the switch would park that leg for ever. A leg we cannot take, or whose handler fails, is
therefore hung up with a cause and then let go; and when we stop, the connections the kernel has
already completed are taken before the port closes.

Several processes may listen at one port by inheriting one socket. There is then one queue: who
is busy leaves a leg to the others, and no leg waits behind a process that hangs or has died.
(With SO_REUSEPORT each would have a queue of its own, and closing one resets what is in it:
measured 7 of 76,760 connections in 160 closings, the queue emptied first; here 0 of 66,485.)

Source: fixtures/esl (closed before connect); mod_event_socket.c socket_function.
"""

from __future__ import annotations

import errno
import ipaddress
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import cast

import gevent
import structlog
from gevent import socket
from gevent.event import Event as Signal
from gevent.server import StreamServer
from structlog.typing import FilteringBoundLogger

from callcontrol.errors import CallControlError, ConfigError, SessionError
from callcontrol.esl import command
from callcontrol.esl.command import Command
from callcontrol.esl.conversation import Deadlines
from callcontrol.esl.keepalive import keep_alive
from callcontrol.esl.session import SESSION_LIMITS, Session
from callcontrol.esl.wire import Limits

Address = tuple[str, int]
Accepted = tuple[socket.socket, Address]
_REFUSED = "CALLCONTROL_LISTEN_PORT: cannot listen at {}:{}: {}"
_NO_ROOM = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_REST_S = 0.2
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@lru_cache(maxsize=1024)
def is_within(host: str, networks: tuple[Network, ...]) -> bool:
    """Say whether an address is in one of these networks; IPv4 also when written as IPv6."""
    address = ipaddress.ip_address(host.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address in network for network in networks)


def bound(host: str, port: int) -> socket.socket:
    """Make a socket that has an address and does not listen yet; port 0: any free one.

    Raises:
        ConfigError: the address is taken or is none of ours.

    Switches: no.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as exc:
        sock.close()
        raise ConfigError(_REFUSED.format(host, port, exc.strerror)) from exc
    return sock


class _Server(StreamServer):
    """Accepts, and rests for a moment when this process can open nothing more.

    What arrives meanwhile waits in the kernel; for who waits too long, the switch's dialplan
    has armed the release (503). Nothing that is up needs a new file.
    """

    def __init__(
        self,
        listener: socket.socket,
        handle: Callable[[socket.socket, Address], None],
        log: FilteringBoundLogger,
    ) -> None:
        super().__init__(listener, handle)
        self._log = log
        self._is_out_of_files = False

    def do_read(self) -> Accepted | None:  # type: ignore[override]  # the stub lacks None
        """Accept one connection; None when there is none, or no file for it."""
        try:
            accepted = cast("Accepted | None", super().do_read())
        except OSError as exc:
            if exc.errno not in _NO_ROOM:
                raise
            if not self._is_out_of_files:
                self._is_out_of_files = True
                self._log.error("no_file_left", reason=str(exc))
            self.stop_accepting()
            gevent.spawn_later(_REST_S, self._go_on)
            return None
        if accepted is not None and self._is_out_of_files:
            self._is_out_of_files = False
            self._log.info("files_again")
        return accepted

    def _go_on(self) -> None:
        if self.started:
            self.start_accepting()


class Listener:
    """The port that the switch's outbound connections arrive at.

    Args:
        handler: called in a greenlet of its own with each admitted session, not opened yet; the
            session is closed when it returns. When it raises, the leg is hung up, unless the
            session has ended; what it should not raise is logged and counted.
        host: address to listen at.
        port: port to listen at; 0: any free one, see `address`.
        sock: a socket that listens already and is shared with other processes; None: one is
            made.
        allowed_peers: networks the switch may come from; others are closed before a byte is
            read.
        max_sessions: how many handlers may be at work, one each session, be it over or not;
            further legs are refused with refuse_cause.
        max_conversations: how many legs may hold a connection of ours; the same.
        max_refusals: how many of those may be told so at a time; yet further connections are
            closed at once, so that a flood of them cannot take all of the process's files.
        admits: asked before each session; False refuses the leg.
        refuse_cause: the FreeSWITCH name of the cause that refused legs are hung up with.
        deadlines: of every session.
        limits: of every session.
        backlog: how many connections the kernel completes for us while we are busy.
        log: a bound logger.

    Attributes:
        admitted: sessions admitted since the start.
        conversations: legs that hold a connection of ours, those that are refused included.
        refused: legs hung up with refuse_cause since the start.
        turned_away: connections closed since the start because of where they came from.
        dropped: connections closed at once since the start, for there were far too many.
        failed: handlers that raised what they should not, since the start.
    """

    def __init__(
        self,
        handler: Callable[[Session], None],
        *,
        host: str = "127.0.0.1",
        port: int = 8084,
        sock: socket.socket | None = None,
        allowed_peers: Sequence[str] = ("127.0.0.0/8", "::1/128"),
        max_sessions: int = 1000,
        max_conversations: int = 1000,
        max_refusals: int = 200,
        admits: Callable[[], bool] | None = None,
        refuse_cause: str = "SWITCH_CONGESTION",
        deadlines: Deadlines | None = None,
        limits: Limits = SESSION_LIMITS,
        backlog: int = 1024,
        log: FilteringBoundLogger | None = None,
    ) -> None:
        self._handler = handler
        self._host, self._port = host, port
        self._allowed = tuple(ipaddress.ip_network(peer) for peer in allowed_peers)
        self._max_sessions = max_sessions
        self._max_conversations = max_conversations
        self._max_refusals = max_refusals
        self._refusals = 0
        self._admits = admits or (lambda: True)
        self._refuse_cause = refuse_cause
        self._deadlines = deadlines or Deadlines()
        self._limits = limits
        self._backlog = backlog
        self._sock = sock
        self._log: FilteringBoundLogger = log or structlog.get_logger()
        self._server: StreamServer | None = None
        self._sessions: set[Session] = set()
        self._is_idle = Signal()
        self._is_idle.set()
        self.admitted = self.refused = self.turned_away = self.failed = self.dropped = 0
        self.conversations = 0

    @property
    def address(self) -> Address:
        """The address and port listened at."""
        return self._host, self._port

    @property
    def sessions(self) -> int:
        """How many handlers are at work, those of ended sessions included."""
        return len(self._sessions)

    def start(self) -> None:
        """Start to listen.

        Raises:
            ConfigError: the address is taken or is none of ours.

        Switches: no.
        """
        listener = self._sock or bound(self._host, self._port)
        keep_alive(listener)  # and with it every connection that it accepts
        try:
            listener.listen(self._backlog)
        except OSError as exc:
            listener.close()
            raise ConfigError(_REFUSED.format(self._host, self._port, exc.strerror)) from exc
        self._host, self._port = listener.getsockname()[:2]
        self._server = _Server(listener, self._serve, self._log)
        if self._sock is not None:
            # One at a go: what a burst brings is for all who share the socket.
            self._server.max_accept = 1
        self._server.start()

    def drain(self, deadline_s: float) -> bool:
        """Take no new legs and let the sessions that are up end by themselves.

        Returns:
            Whether all have ended.

        Switches: waits for the handlers, at most deadline_s.
        """
        self._close_port()
        return self._is_idle.wait(deadline_s)

    def stop(self, deadline_s: float = 1.0) -> bool:
        """Take no new legs, end all sessions and wait for their handlers.

        Returns:
            Whether all handlers have returned.

        Switches: waits for the handlers, at most deadline_s.
        """
        self._close_port()
        for session in list(self._sessions):
            session.stop()
        return self._is_idle.wait(deadline_s)

    def _close_port(self) -> None:
        """Close the port, after taking what the kernel has completed: see the module's text."""
        server, self._server = self._server, None
        if server is None:
            return
        server.stop_accepting()
        while (accepted := server.do_read()) is not None:
            server.do_handle(*accepted)
        server.stop(0)

    def _serve(self, sock: socket.socket, address: Address) -> None:
        """Run one connection from accept to close; the border no exception passes."""
        try:
            if not is_within(address[0], self._allowed):
                self.turned_away += 1
                sock.close()
                self._log.warning("esl_peer_turned_away", peer=address[0])
                return
            # No switch point between this and the count: a burst cannot pass together.
            is_full = not self._has_room()
            if is_full and self._refusals >= self._max_refusals:
                # The leg is parked; the switch's dialplan has armed its release (503).
                self.dropped += 1
                sock.close()
                return
            session = Session(
                address,
                sock,
                deadlines=self._deadlines,
                limits=self._limits,
                on_end=self._has_ended,
                log=self._log,
            )
            self.conversations += 1
            if is_full:
                self._refuse(session)
            else:
                self._admit(session)
        except SessionError as exc:
            self._log.info("esl_session_ended", reason=str(exc), leg_uuid=exc.leg_uuid)
        except Exception:  # noqa: BLE001 - the border: one call's failure is no other's
            self.failed += 1
            self._log.exception("esl_handler_failed")

    def _has_room(self) -> bool:
        return (
            len(self._sessions) < self._max_sessions
            and self.conversations < self._max_conversations
            and self._admits()
        )

    def _has_ended(self) -> None:
        self.conversations -= 1

    def _admit(self, session: Session) -> None:
        self.admitted += 1
        self._sessions.add(session)
        self._is_idle.clear()
        try:
            self._handler(session)
        except Exception as exc:
            cause = getattr(exc, "hangup_cause", CallControlError.hangup_cause)
            self._give_up(session, command.hangup(cause))
            raise
        finally:
            try:
                session.close()
            finally:
                self._sessions.discard(session)
                if not self._sessions:
                    self._is_idle.set()

    def _refuse(self, session: Session) -> None:
        self.refused += 1
        self._refusals += 1
        self._log.warning("esl_leg_refused", sessions=len(self._sessions))
        try:
            self._give_up(session, command.connect(), command.hangup(self._refuse_cause))
        finally:
            self._refusals -= 1

    def _give_up(self, session: Session, *commands: Command) -> None:
        """Send a last command and wait for the switch to let go: then it has read it."""
        try:
            session.post(*commands)
            session.wait_over(self._deadlines.command_s)
        except SessionError:
            pass  # it is over already
        finally:
            session.stop()
