"""Session: one outbound connection of the switch, which is one parked leg asking what to do.

greenswitch's OutboundSession, by subclass, on conversation.py. Kept of it: the class,
`connect()`, `linger()`, `answer()`, `bridge()` and its other verbs that only send, `uuid`,
`call_uuid`, `caller_id_number`, `while_connected()`. Replaced: everything that waits (see
conversation.py), and the matching of an application's end: greenswitch goes by the
application's *name*, so the end of one playback passes for the end of another; here every
`execute` has an Event-UUID of its own, which the switch returns as Application-UUID. Its verbs
that wait the old way refuse to; use `run()`.

Not for two: one greenlet takes the events. Any number may send.

Source: fixtures/esl; `switch_ivr.c` and `switch_core_session.c` for Event-UUID.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Final
from uuid import uuid4

import structlog
from gevent.event import AsyncResult
from gevent.event import Event as Signal
from gevent.socket import socket
from greenswitch.esl import OutboundSession
from structlog.typing import FilteringBoundLogger

from callcontrol.errors import CommandRejected, CommandTimeout, SessionGone
from callcontrol.esl import command
from callcontrol.esl.command import Command
from callcontrol.esl.conversation import (
    Conversation,
    Deadlines,
    Reply,
    result_in_time,
)
from callcontrol.esl.event import Event
from callcontrol.esl.wire import Headers, Limits

SESSION_LIMITS: Final = Limits(header_bytes=1 << 20, body_bytes=1 << 20)
"""For one leg: the largest event seen is 14 kB, the largest channel data 31 kB."""


class Session(Conversation, OutboundSession):
    """The conversation with the switch about one leg, from its `connect` to the hand-over.

    Args:
        client_address: who connected, for logs.
        sock: a connected gevent socket; the session owns it from here on.
        deadlines: how long it waits.
        limits: how large a frame may be.
        max_events: how many events may lie unread before the session ends itself: whoever
            should read them is stuck.
        on_end: told once that the conversation has ended; must not wait.
        log: a bound logger.
    """

    def __init__(
        self,
        client_address: object,
        sock: socket,
        *,
        deadlines: Deadlines | None = None,
        limits: Limits = SESSION_LIMITS,
        max_events: int = 500,
        on_end: Callable[[], None] | None = None,
        log: FilteringBoundLogger | None = None,
    ) -> None:
        OutboundSession.__init__(self, client_address, sock)
        self.sock_file.close()  # greenswitch's buffered reader; it would keep the socket open
        self.client_address = client_address
        self.session_data: Headers | None = None
        self._uuid = ""
        self._max_events = max_events
        self._on_end = on_end
        self._events: deque[Event | CommandRejected] = deque()
        self._arrived = Signal()
        self._completions: dict[str, AsyncResult[Event | None]] = {}
        self._begin(
            deadlines=deadlines or Deadlines(),
            limits=limits,
            max_in_flight=1000,
            log=log or structlog.get_logger(),
        )
        self._start_reading()

    @property
    def uuid(self) -> str:
        """The leg's uuid, empty before the switch has told it."""
        return self._uuid

    @property
    def leg_uuid(self) -> str:
        """The leg's uuid, empty before the switch has told it."""
        return self.uuid

    @property
    def is_lingering(self) -> bool:
        """Whether the leg has hung up and the switch keeps the connection on our wish."""
        return bool(self._lingering)

    def open(self, deadline_s: float | None = None) -> Event:
        """Ask which leg this is and subscribe to its events, in one segment.

        Returns:
            The channel's data, as an event named CHANNEL_DATA.

        Raises:
            CommandTimeout: the switch did not say in time.
            SessionGone: the leg or the connection ended.
            CommandRejected: the switch has no such leg any more.
            WireError: the peer is no switch.

        Switches: waits for the switch, at most write_s + deadline_s.
        """
        first: AsyncResult[Reply | None] = AsyncResult()
        self._write((command.connect(), command.myevents()), (first, None))
        reply = self._reply(command.connect(), first, deadline_s)
        self.session_data = reply.headers
        self._uuid = reply.headers.get("Unique-ID", "")
        self._outbound_connected = True
        return Event.of_frame(reply.frame)

    def next_event(self, deadline_s: float) -> Event | None:
        """Wait for the leg's next event, in the order of the switch.

        Returns:
            The event, or None when none came in time.

        Raises:
            SessionGone: the conversation has ended and all events before that have been read.
            WireError: the same, because the peer sent garbage.
            CommandRejected: the switch said no to a command that nobody waited for.

        Switches: waits for the switch, at most deadline_s.
        """
        if not self._events:
            self._raise_if_gone()
            self._arrived.clear()
            self._arrived.wait(deadline_s)
            if not self._events:
                self._raise_if_gone()
                return None
        item = self._events.popleft()
        if isinstance(item, CommandRejected):
            raise item
        return item

    def execute(
        self,
        application: str,
        argument: str = "",
        *,
        event_uuid: str | None = None,
        is_locked: bool = False,
        first: Sequence[Command] = (),
    ) -> str:
        """Have the switch run an application on the leg, and do not wait for it.

        The switch's +OK only means "queued", so it is not waited for either; should it say no,
        `next_event()` raises that.

        Args:
            application: `bridge`, `playback`, ...
            argument: its argument; the switch expands `${...}` in it.
            event_uuid: its identity; None: a new one.
            is_locked: wait for the application now running instead of running inside it.
            first: commands that go before it, in the same segment.

        Returns:
            The identity, which is the `application_uuid` of its events.

        Raises:
            UnsafeArgument: an argument could become a second command.
            SessionGone: the conversation has ended.

        Switches: only while the switch does not read, at most write_s.
        """
        event_uuid = event_uuid or str(uuid4())
        self.post(
            *first,
            command.execute(application, argument, event_uuid=event_uuid, is_locked=is_locked),
        )
        return event_uuid

    def run(self, application: str, argument: str = "", *, deadline_s: float) -> Event:
        """Have the switch run an application on the leg and wait for its end.

        Returns:
            Its CHANNEL_EXECUTE_COMPLETE, and no other's; `next_event()` gives it as well.

        Raises:
            CommandTimeout: it has not ended in time.
            SessionGone: the leg or the connection ended first.

        Switches: waits for the switch, at most write_s + deadline_s.
        """
        event_uuid = str(uuid4())
        done: AsyncResult[Event | None] = AsyncResult()
        self._completions[event_uuid] = done
        try:
            self.execute(application, argument, event_uuid=event_uuid)
            event = result_in_time(done, deadline_s)
        finally:
            self._completions.pop(event_uuid, None)
        if event is None:
            self._raise_if_gone()
            raise CommandTimeout(f"execute {application}", deadline_s, leg_uuid=self.uuid)
        return event

    def hangup(self, cause: str = "NORMAL_CLEARING") -> None:
        """Have the switch hang up the leg with a cause, by its FreeSWITCH name; does not wait.

        Raises:
            UnsafeArgument: the cause is no single word.
            SessionGone: the conversation has ended.

        Switches: only while the switch does not read, at most write_s.
        """
        self.post(command.hangup(cause))

    def wait_over(self, deadline_s: float) -> bool:
        """Wait until the switch lets go of the conversation, as it does after a hangup.

        A connection closed by us within some 20 ms after the reply to `connect`, with nothing
        sent for the leg, leaves it parked: whoever gives up a leg hangs it up and waits.

        Returns:
            Whether it has.

        Switches: waits for the switch, at most deadline_s.
        """
        self._over.wait(deadline_s)
        return self.is_over

    def close(self, deadline_s: float = 1.0) -> None:
        """End the conversation; the call goes on at the switch.

        Commands not answered yet are waited for first, because closing with unread bytes resets
        the connection, and what the switch had not read by then would be lost.

        Switches: waits for the switch, at most deadline_s.
        """
        if self._pending and self._gone is None:
            last = self._pending[-1]
            if last.result is None:
                last.result = AsyncResult()
            last.result.wait(deadline_s)
        self.stop()
        # A call lasts longer than this, and what it was told here is a quarter of its memory.
        self.session_data = None
        self._events.clear()

    def call_command(
        self,
        app_name: str,
        app_args: str | None = None,
        block: bool = False,
        response_timeout: float | None = None,
    ) -> Reply | Event:
        """Run an application, the way greenswitch's verbs ask for it.

        Switches: waits for the switch, at most response_timeout or command_s.
        """
        if block:
            deadline_s = response_timeout or self._deadlines.command_s
            return self.run(app_name, app_args or "", deadline_s=deadline_s)
        return self.send(command.execute(app_name, app_args or "", event_uuid=str(uuid4())))

    def register_expected_event(self, *_: object) -> None:
        """Refuse: matching by an application's name is what `run()` replaces."""
        raise NotImplementedError("wait with Session.run(), which matches by Application-UUID")

    def raise_if_disconnected(self) -> None:
        """Raise SessionGone when the conversation has ended."""
        self._raise_if_gone()

    def _event(self, event: Event) -> None:
        if len(self._events) >= self._max_events:
            raise SessionGone(f"{self._max_events} events lie unread")
        self._events.append(event)
        self._arrived.set()
        if self._completions and event.name == "CHANNEL_EXECUTE_COMPLETE":
            done = self._completions.pop(event.application_uuid or "", None)
            if done is not None:
                done.set(event)

    def _refused(self, rejection: CommandRejected) -> None:
        self._events.append(rejection)
        self._arrived.set()

    def _ended(self) -> None:
        self._outbound_connected = False
        for done in self._completions.values():
            done.set(None)
        self._completions.clear()
        self._arrived.set()
        if self._on_end is not None:
            self._on_end()

    def __enter__(self) -> Session:
        """Use the session in a with statement; it is closed at the end."""
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the session."""
        self.close()
