"""Conversation: commands out, replies matched in order, frames in; what both sockets share.

Strategy: the hub reads, whenever there is something, and never waits; no greenlet is spent on
it. Replies come in the order of the commands and carry no id, therefore every
command written, also one nobody waits for, leaves a place in one queue, and its reply takes the
first. A command whose waiter has given up keeps its place. Commands are written under one lock
and within a deadline: they never interleave, and a peer that stops reading ends the
conversation instead of the engine. If one is cut off half-way, whatever the reason, the
conversation ends too: the rest of the stream would be read as something else.

The end, whoever causes it, is one function, `_end()`: it gives the reason to all who wait now
and to all who ask later, after they have had the events that came before it.

Replaces, in greenswitch's ESLProtocol: `receive_events` and `_read_socket` (a peer that dies
inside a body made them loop without switching), `ESLEvent` (see wire.py), `process_events` (a
greenlet that polls once a second), `send` (no deadline, `sock.send`), `stop` (waits for both
greenlets without limit). Kept: the class and its attributes `sock`, `connected`, `_run`, so
that greenswitch's own verbs work on top.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import gevent
from gevent.event import AsyncResult
from gevent.event import Event as Signal
from gevent.lock import BoundedSemaphore
from gevent.socket import socket
from structlog.typing import FilteringBoundLogger

from callcontrol.errors import (
    CommandRejected,
    CommandTimeout,
    SessionError,
    SessionGone,
    WireError,
)
from callcontrol.esl.command import Command, label_of, line
from callcontrol.esl.event import Event
from callcontrol.esl.wire import NEED_DATA, Frame, FrameDecoder, Headers, Limits, decoded

_RECEIVE_BYTES: Final = 1 << 16
_READ: Final = 1  # libev's EV_READ
_T = TypeVar("_T")
_NO: Final = ("-ERR", "-USAGE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """How long one conversation waits.

    Attributes:
        command_s: for the reply to a command.
        write_s: for the switch to take the bytes we write.
    """

    command_s: float = 2.0
    write_s: float = 2.0


class Reply:
    """What the switch answered to one command.

    Attributes:
        frame: the whole frame; of `connect` its headers are the channel's data.
        text: of an `api` its result as it came, of other commands the Reply-Text.
    """

    __slots__ = ("frame", "text")

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        if frame.content_type == "api/response":
            self.text = frame.body.decode("utf-8", "replace")
        else:
            raw = frame.headers.raw("Reply-Text") or b""
            # Only the reply to `connect` is encoded, "%2BOK%0A"; others start with + or -.
            self.text = decoded(raw) if raw[:1] == b"%" else raw.decode("utf-8", "replace")

    @property
    def headers(self) -> Headers:
        """The frame's headers."""
        return self.frame.headers

    @property
    def data(self) -> str:
        """The text, under the name greenswitch's own verbs read."""
        return self.text

    @property
    def is_refusal(self) -> bool:
        """Whether the switch said no."""
        return self.text.startswith(_NO)


def result_in_time(result: AsyncResult[_T | None], deadline_s: float) -> _T | None:
    """Wait for a result; None when it is not in time, or will never come.

    Whoever cannot give one gives None: an error, raised from here, would hold the frame that
    holds the result that holds the error, and all that is in them until the next full
    collection.

    Switches: waits for whoever sets it, at most deadline_s.
    """
    # wait() and not get(timeout=...): a gevent.Timeout of the caller's own must pass unchanged.
    result.wait(deadline_s)
    return result.get_nowait() if result.ready() else None


class _Pending:
    """The place of one command in the queue of replies."""

    __slots__ = ("command", "result")

    def __init__(self, command: Command, result: AsyncResult[Reply | None] | None) -> None:
        self.command = command
        self.result = result


class Conversation(ABC):
    """The shared half of `Session` and `Link`, mixed in before their greenswitch class."""

    sock: socket
    connected: bool
    _run: bool

    def _begin(
        self,
        *,
        deadlines: Deadlines,
        limits: Limits,
        max_in_flight: int,
        log: FilteringBoundLogger,
    ) -> None:
        """Set up what a conversation needs; no bytes are read before `_start_reading()`."""
        self._deadlines = deadlines
        self._max_in_flight = max_in_flight
        self._log = log
        self._decoder = FrameDecoder(limits)
        self._pending: deque[_Pending] = deque()
        self._writing = BoundedSemaphore(1)
        self._gone: tuple[type[SessionError], str] | None = None
        self._over = Signal()
        self.frames = 0  # that have come

    def start_event_handlers(self) -> None:  # noqa: B027 - meant to do nothing
        """Start nothing: greenswitch calls this too early, for two greenlets we do not use."""

    @property
    def leg_uuid(self) -> str:
        """The leg this conversation is about, empty when none or not yet known."""
        return ""

    @property
    def is_over(self) -> bool:
        """Whether the conversation has ended."""
        return self._gone is not None

    @property
    def in_flight(self) -> int:
        """How many commands wait for their reply."""
        return len(self._pending)

    def send(self, data: Command | str, deadline_s: float | None = None) -> Reply:
        """Send one command and wait for its reply.

        Args:
            data: a command built by command.py; or, as greenswitch's verbs do, a line of text.
            deadline_s: how long to wait for the reply; None: the conversation's own.

        Raises:
            CommandRejected: the switch said no.
            CommandTimeout: no reply in time; should it come later, it is dropped.
            SessionGone: the conversation has ended, or ended while we waited.
            WireError: it ended because the peer sent garbage.
            UnsafeArgument: the text is no single line.

        Switches: waits for the switch, at most write_s + deadline_s.
        """
        command = data if isinstance(data, bytes) else line(data)
        return self.send_all(command, deadline_s=deadline_s)[0]

    def send_all(self, *commands: Command, deadline_s: float | None = None) -> list[Reply]:
        """Send commands in one segment and wait for all their replies, in order.

        Args:
            commands: built by command.py.
            deadline_s: how long to wait for each reply; None: the conversation's own.

        Raises:
            CommandRejected: the first the switch said no to.
            CommandTimeout: as `send`.
            SessionGone: as `send`.
            WireError: as `send`.

        Switches: waits for the switch, at most write_s + deadline_s for each command.
        """
        results: list[AsyncResult[Reply | None]] = [AsyncResult() for _ in commands]
        self._write(commands, results)
        return [
            self._reply(command, result, deadline_s)
            for command, result in zip(commands, results, strict=True)
        ]

    def post(self, *commands: Command) -> None:
        """Send commands in one segment and do not wait; `_refused()` gets what is said no to.

        Raises:
            SessionGone: the conversation has ended, or the switch does not read.
            SessionError: too many commands lie unanswered.

        Switches: only while the switch does not read, at most write_s.
        """
        self._write(commands, [None] * len(commands))

    def _write(
        self, commands: Sequence[Command], results: Sequence[AsyncResult[Reply | None] | None]
    ) -> None:
        """Write commands in one piece and queue a place for each reply."""
        rest = None if self._writing.locked() else self._written_at_once(commands, results)
        if rest == b"":
            return
        patience = gevent.Timeout.start_new(self._deadlines.write_s)
        try:
            with self._writing:
                if rest is None:
                    rest = self._queued(commands, results)
                self._write_whole(rest)
        except gevent.Timeout as timeout:
            if timeout is not patience:
                raise
            self._end(
                SessionGone, f"the switch took no bytes for {self._deadlines.write_s:g} s"
            )
            raise self._gone_error() from None
        except OSError as exc:
            raise self._gone_error() from exc
        finally:
            patience.close()

    def _queued(
        self, commands: Sequence[Command], results: Sequence[AsyncResult[Reply | None] | None]
    ) -> bytes:
        """Take the places of the replies; gives the bytes to be written now."""
        self._raise_if_gone()
        self._raise_if_too_many(commands)
        self._pending.extend(_Pending(c, r) for c, r in zip(commands, results, strict=True))
        return b"".join(commands)

    def _written_at_once(
        self, commands: Sequence[Command], results: Sequence[AsyncResult[Reply | None] | None]
    ) -> bytes:
        """Write what the kernel takes, nearly always all; gives the rest. Needs no deadline."""
        data = self._queued(commands, results)
        try:
            return data[os.write(self.sock.fileno(), data) :]
        except BlockingIOError:
            return data
        except OSError as exc:
            self._end(SessionGone, f"a command could not be written whole: {exc}")
            raise self._gone_error() from exc

    def _write_whole(self, data: bytes) -> None:
        """Write bytes, or end the conversation: also when this greenlet is killed half-way."""
        try:
            self.sock.sendall(data)
        except BaseException as exc:
            reason = str(exc) or type(exc).__name__
            self._end(SessionGone, f"a command could not be written whole: {reason}")
            raise

    def _reply(
        self, command: Command, result: AsyncResult[Reply | None], deadline_s: float | None
    ) -> Reply:
        if deadline_s is None:
            deadline_s = self._deadlines.command_s
        reply = result_in_time(result, deadline_s)
        if reply is None:
            self._raise_if_gone()
            raise CommandTimeout(label_of(command), deadline_s, leg_uuid=self.leg_uuid)
        if reply.is_refusal:
            raise self._rejection(command, reply)
        return reply

    def _rejection(self, command: Command, reply: Reply) -> CommandRejected:
        return CommandRejected(label_of(command), reply.text.strip(), leg_uuid=self.leg_uuid)

    def _raise_if_gone(self) -> None:
        if self._gone is not None:
            raise self._gone_error()

    def _raise_if_too_many(self, commands: Sequence[Command]) -> None:
        """Refuse to pile up commands before a switch that answers none of them."""
        waiting = len(self._pending)
        if waiting + len(commands) > self._max_in_flight:
            raise SessionError(f"{waiting} commands lie unanswered", leg_uuid=self.leg_uuid)

    def _gone_error(self) -> SessionError:
        """Make a new error of the reason, for one who waits: each raises its own."""
        kind, reason = self._gone or (SessionGone, "the conversation has ended")
        return kind(reason, leg_uuid=self.leg_uuid)

    def _start_reading(self) -> None:
        self._reading = gevent.get_hub().loop.io(self.sock.fileno(), _READ)
        self._reading.start(self._read)

    def _read(self) -> None:
        """Read what has come, once, and hand it on; whatever fails, all who wait are told.

        Runs in the hub, so nothing below may wait. A peer that never stops sending has its turn
        again when all others have had theirs.
        """
        try:
            self._receive(os.read(self.sock.fileno(), _RECEIVE_BYTES))
        except BlockingIOError:
            pass
        except SessionError as exc:
            self._end(type(exc), str(exc))
        except OSError as exc:
            self._end(SessionGone, f"the connection broke: {exc}")
        except Exception as exc:  # noqa: BLE001 - the border of the hub; all who wait are told
            self._log.exception("esl_reader_failed", leg_uuid=self.leg_uuid)
            self._end(SessionGone, f"the reader failed: {exc!r}")

    def _receive(self, data: bytes) -> None:
        """Take the next bytes of the connection; none: it was closed."""
        decoder = self._decoder
        if not data:
            where = " inside a frame" if decoder.is_mid_frame else ""
            self._end(SessionGone, f"the switch closed the connection{where}")
            return
        decoder.receive_data(data)
        while self._gone is None and (frame := decoder.next_frame()) is not NEED_DATA:
            self._take(frame)

    def _take(self, frame: Frame) -> None:
        """Hand one frame to whom it is for."""
        self.frames += 1
        match frame.headers.raw("Content-Type"):
            case b"text/event-plain":
                self._event(Event.of_frame(frame))
            case b"command/reply" | b"api/response":
                self._answered(Reply(frame))
            case b"text/disconnect-notice":
                self._notice(frame)
            case b"auth/request":
                self._greeted()
            case b"text/rude-rejection":
                self._end(SessionGone, "the switch's access list refuses this machine")
            case None:
                raise WireError("a frame without Content-Type", leg_uuid=self.leg_uuid)
            case _:
                pass  # log lines, other formats: never asked for, and nothing depends on them

    def _answered(self, reply: Reply) -> None:
        if not self._pending:
            raise WireError("a reply to no command", leg_uuid=self.leg_uuid)
        pending = self._pending.popleft()
        if pending.result is not None:
            pending.result.set(reply)
        elif reply.is_refusal:
            self._refused(self._rejection(pending.command, reply))

    def _notice(self, frame: Frame) -> None:
        """Take a disconnect notice; one that says `linger` only means the leg has hung up."""
        if frame.headers.get("Content-Disposition") == "linger":
            self._lingering = True
        else:
            self._end(SessionGone, "the switch said goodbye")

    def _end(self, kind: type[SessionError], reason: str) -> None:
        """End the conversation, once: tell all who wait, close the socket.

        Switches: no.
        """
        if self._gone is not None:
            return
        self._gone = (kind, reason)
        self._reading.close()
        self.connected = False
        self._run = False
        pending, self._pending = self._pending, deque()
        for place in pending:
            if place.result is not None:
                place.result.set(None)
        self.sock.close()
        self._over.set()
        self._ended()

    def stop(self) -> None:
        """Close, under greenswitch's name for it."""
        self._end(SessionGone, "closed by us")

    @abstractmethod
    def _event(self, event: Event) -> None:
        """Take one event; must not wait. A SessionError it raises ends the conversation."""

    @abstractmethod
    def _refused(self, rejection: CommandRejected) -> None:
        """Take the refusal of a posted command; must not wait."""

    def _greeted(self) -> None:  # noqa: B027 - only a link minds
        """Take the switch's request for a password; on an outbound socket it means nothing."""

    @abstractmethod
    def _ended(self) -> None:
        """Tell those who wait for other things than replies; must not wait."""

    def register_handle(self, name: str, handler: object) -> None:
        """Refuse handlers, which nothing would call; greenswitch's own are passed over.

        Raises:
            NotImplementedError: events are taken in another way here.
        """
        if getattr(handler, "__self__", None) is not self:
            raise NotImplementedError(f"no handlers here, not for {name} either")
