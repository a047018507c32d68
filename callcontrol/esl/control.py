"""Control: the engine's one link to a switch, kept up: every event in, every later command out.

Strategy: a `Link` (greenswitch's InboundESL by subclass) is one connection and dies with it;
`Control` owns the present one and makes the next. Three greenlets, whatever the number of
calls: the link's reader never waits; the dispatcher hands events to `on_event` one by one, so a
slow callback delays events and never a reply; the keeper connects, pings and reconnects.

What the stream may lose is not seen in it: `Event-Sequence` counts every event of the switch,
those we did not subscribe to included, and small steps backwards occur (its event threads
overtake each other). So nothing is concluded from it. Instead every new connection calls
`on_up`, for a comparison with the switch's own list of channels; a queue that overflows breaks
the link, which leads there too; `core_uuid` tells a switch that was restarted; `lag_us` tells
how old an event is on arrival.

A dead link is found by a ping (an `api` command) within ping_every_s + ping_deadline_s, also
when the switch's machine still acknowledges but the switch itself has stopped.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVarTuple
from uuid import uuid4

import gevent
import structlog
from gevent.event import AsyncResult
from gevent.event import Event as Signal
from structlog.typing import FilteringBoundLogger

from callcontrol.clock import Clock, SystemClock
from callcontrol.errors import (
    CommandRejected,
    CommandTimeout,
    SessionError,
    SessionGone,
    WireError,
)
from callcontrol.esl import command
from callcontrol.esl.command import Command
from callcontrol.esl.conversation import Deadlines, result_in_time
from callcontrol.esl.event import Event
from callcontrol.esl.link import LINK_LIMITS, Link
from callcontrol.esl.wire import Limits
from callcontrol.turns import give_turn

_Args = TypeVarTuple("_Args")

State = Literal["connecting", "up", "down"]

# How many events are handed on before others get their turn: some 10 ms of work.
_AT_A_TIME = 100

_NO_LEG = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How long to wait between attempts to connect.

    Attributes:
        first_s: after the first failure; doubled after each further one.
        longest_s: never more than this.
        jitter: the share of the wait that is random, so that engines do not return together.
    """

    first_s: float = 0.1
    longest_s: float = 5.0
    jitter: float = 0.5

    def wait_s(self, failures: int, chance: float) -> float:
        """Give the wait after so many failures in a row (from 1); chance is 0 to 1."""
        whole_s = min(self.longest_s, self.first_s * 2.0 ** min(failures - 1, 30))
        return whole_s * (1 - self.jitter * chance)


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """How a link is opened and watched.

    Attributes:
        open_s: how long connecting, greeting, password and subscriptions may take together.
        ping_every_s: how often the switch is asked for a sign of life.
        ping_deadline_s: how long it has for that.
        backoff: how long to wait between attempts to connect.
        max_events: how many events may lie unread before the link is broken on purpose.
    """

    open_s: float = 3.0
    ping_every_s: float = 2.0
    ping_deadline_s: float = 3.0
    backoff: Backoff = Backoff()
    max_events: int = 10_000


class Control:
    """The link to one switch.

    Args:
        host: where the switch listens.
        port: its port.
        password: its password; never logged, never part of an error.
        subscribe: commands sent after the password on every connection, such as
            `command.event_plain(...)` and `command.filter_(...)`.
        on_event: called with each event, one after the other, in a greenlet of its own. It may
            wait, but whatever it waits for delays the events after it.
        on_up: called after each connection is ready; may use `api()`. Events arrive meanwhile.
        on_down: called with the reason after each connection has ended.
        clock: for the age of events.
        chance: gives 0 to 1, for the jitter.
        deadlines: for replies and for writing.
        limits: how large a frame may be.
        keeping: how the link is opened and watched.
        log: a bound logger.

    Attributes:
        last_error: why the last connection ended or failed; None before.
        connections: how many connections became ready since the start.
        events: how many events arrived since the start.
        failed: how many callbacks raised since the start.
        lag_us: how old the newest event was on arrival, by our clock and the switch's.
        core_uuid: the switch's run as the newest event named it; None before the first.
        restarts: how often that changed.
    """

    def __init__(
        self,
        host: str,
        port: int,
        password: str,
        *,
        on_event: Callable[[Event], None],
        subscribe: Sequence[Command] = (),
        on_up: Callable[[], None] | None = None,
        on_down: Callable[[SessionError], None] | None = None,
        clock: Clock | None = None,
        chance: Callable[[], float] = random.random,
        deadlines: Deadlines | None = None,
        limits: Limits = LINK_LIMITS,
        keeping: Keeping | None = None,
        log: FilteringBoundLogger | None = None,
    ) -> None:
        self._host, self._port, self._password = host, port, password
        self._subscribe = [*subscribe, *_own_subscriptions(subscribe)]
        self._on_event = on_event
        self._on_up = on_up or (lambda: None)
        self._on_down = on_down or (lambda _reason: None)
        self._clock = clock or SystemClock()
        self._chance = chance
        self._deadlines = deadlines or Deadlines()
        self._limits = limits
        self._keeping = keeping or Keeping()
        self._log: FilteringBoundLogger = log or structlog.get_logger()
        self._link: Link | None = None
        self._ended = Signal()
        self._stopping = Signal()
        self._events: deque[Event] = deque()
        self._arrived = Signal()
        self._jobs: dict[str, AsyncResult[str | None]] = {}
        self._greenlets: list[gevent.Greenlet[..., None]] = []
        self._state: State = "down"
        self.last_error: SessionError | None = None
        self.connections = self.events = self.failed = self.restarts = self.lag_us = 0
        self.core_uuid: str | None = None

    @property
    def state(self) -> State:
        """`connecting`, `up`, or `down`: waiting for the next attempt, or stopped."""
        if self._state == "up" and (self._link is None or self._link.is_over):
            return "down"
        return self._state

    @property
    def is_up(self) -> bool:
        """Whether the switch would hear us now."""
        return self.state == "up"

    def open(self) -> None:
        """Connect for the first time, then keep the link up.

        Raises:
            SwitchUnreachable: nobody listens there, or nobody greets in time.
            AuthenticationRejected: the switch does not take the password.
            SessionError: it ended the connection, or refused a subscription.

        Switches: waits for the switch, at most open_s.
        """
        self._connect()
        self.start()

    def start(self) -> None:
        """Keep the link up from now on, trying for as long as it takes. Switches: no."""
        self._greenlets = [gevent.spawn(self._keep), gevent.spawn(self._dispatch)]

    def stop(self) -> None:
        """End the link for good.

        Switches: waits for the two greenlets, which a callback may delay, at most 2 s.
        """
        self._stopping.set()
        self._arrived.set()
        if self._link is not None:
            self._link.end("closed by us")
        others = [one for one in self._greenlets if one is not gevent.getcurrent()]
        gevent.joinall(others, timeout=1.0)
        gevent.killall(others, timeout=1.0)
        self._state = "down"

    def api(self, name: str, *arguments: str, deadline_s: float | None = None) -> str:
        """Run an API command at the switch and give its result, as it came.

        Raises:
            CommandRejected: the result starts with -ERR or -USAGE.
            CommandTimeout: no result in time.
            SessionGone: the link is down, or went down meanwhile.
            UnsafeArgument: an argument could become a second command.

        Switches: waits for the switch, at most write_s + deadline_s.
        """
        return self._up().send(command.api(name, *arguments), deadline_s).text

    def bgapi(self, name: str, *arguments: str, deadline_s: float) -> str:
        """Run an API command that may take its time, without holding up others' replies.

        Raises:
            CommandRejected: the switch does not take it.
            CommandTimeout: no result in time.
            SessionGone: the link is down, or went down meanwhile.
            UnsafeArgument: an argument could become a second command.

        Switches: waits for the switch, at most write_s + command_s + deadline_s.
        """
        job_uuid = str(uuid4())
        job: AsyncResult[str | None] = AsyncResult()
        self._jobs[job_uuid] = job
        try:
            link = self._up()
            link.send(command.bgapi(name, *arguments, job_uuid=job_uuid))
            text = result_in_time(job, deadline_s)
        finally:
            self._jobs.pop(job_uuid, None)
        if text is None and link.is_over:
            raise SessionGone("the link to the switch went down")
        if text is None:
            raise CommandTimeout(f"bgapi {name}", deadline_s)
        return text

    def post(self, *commands: Command) -> None:
        """Send commands in one segment and do not wait; a refusal is logged.

        Raises:
            SessionGone: the link is down.

        Switches: only while the switch does not read, at most write_s.
        """
        self._up().post(*commands)

    def _up(self) -> Link:
        if self._link is None or not self.is_up:
            raise SessionGone("the link to the switch is down")
        return self._link

    def _connect(self) -> None:
        self._state = "connecting"
        self._ended.clear()
        link = Link(
            self._host,
            self._port,
            self._password,
            on_event=self._take,
            on_end=self._end_jobs,
            deadlines=self._deadlines,
            limits=self._limits,
            log=self._log,
        )
        try:
            link.open(self._subscribe, deadline_s=self._keeping.open_s)
        except SessionError as exc:
            self._state = "down"
            self.last_error = exc
            raise
        self._link = link
        self._state = "up"
        self.connections += 1

    def _keep(self) -> None:
        """Keep a link up until we are stopped."""
        failures = 0
        while not self._stopping.is_set():
            try:
                if not self.is_up:
                    self._connect()
                failures = 0
                self._watch()
            except SessionError as exc:
                failures += 1
                self._log.warning("esl_link_failed", reason=str(exc), failures=failures)
            except Exception:  # noqa: BLE001 - without its keeper no link returns
                failures += 1
                self._log.exception("esl_link_keeper_failed")
            wait_s = self._keeping.backoff.wait_s(max(1, failures), self._chance())
            self._stopping.wait(wait_s)

    def _watch(self) -> None:
        """Watch the present link until it ends."""
        link = self._link
        if link is None:
            return
        self._log.info("esl_link_up", host=self._host, port=self._port)
        self._guard(self._on_up)
        while not self._ended.wait(self._keeping.ping_every_s):
            heard = link.frames
            try:
                link.send(command.api("uuid_exists", _NO_LEG), self._keeping.ping_deadline_s)
            except CommandRejected:
                continue  # a no is a sign of life
            except CommandTimeout as exc:
                # So is anything else it says; when we are late, that lies unread yet.
                give_turn()
                if link.frames == heard:
                    link.end(f"no sign of life: {exc}")
            except SessionError as exc:
                link.end(f"no sign of life: {exc}")
        self._state = "down"
        self.last_error = link.end_reason or SessionGone("the link has ended")
        self._log.warning("esl_link_down", reason=str(self.last_error))
        self._guard(self._on_down, self.last_error)

    def _end_jobs(self) -> None:
        """Tell those who wait for jobs, and the keeper, that a link has ended. No waiting."""
        for job in self._jobs.values():
            job.set(None)
        self._jobs.clear()
        self._ended.set()

    def _take(self, event: Event) -> None:
        """Take an event from the link's reader; must not wait."""
        self.events += 1
        self._note_age(event)
        if event.name == "BACKGROUND_JOB":
            job = self._jobs.pop(event.job_uuid or "", None)
            if job is not None:
                job.set(event.body.decode("utf-8", "replace"))
                return
        if len(self._events) >= self._keeping.max_events:
            raise SessionGone(f"{len(self._events)} events lie unread")
        self._events.append(event)
        self._arrived.set()

    def _note_age(self, event: Event) -> None:
        try:
            made_us = event.event_us
        except WireError:
            return
        if made_us is not None:
            self.lag_us = self._clock.now_us() - made_us
        core_uuid = event.core_uuid
        if core_uuid is not None and core_uuid != self.core_uuid:
            self.restarts += self.core_uuid is not None
            self.core_uuid = core_uuid

    def _dispatch(self) -> None:
        """Hand events on until we are stopped."""
        while not self._stopping.is_set():
            if not self._events:
                self._arrived.clear()
                self._arrived.wait()
            for _ in range(min(len(self._events), _AT_A_TIME)):
                self._guard(self._on_event, self._events.popleft())
            if self._events:
                give_turn()

    def _guard(self, callback: Callable[[*_Args], None], *args: *_Args) -> None:
        """Call a callback; the border no exception passes."""
        try:
            callback(*args)
        except Exception:  # noqa: BLE001 - must not end the link
            self.failed += 1
            self._log.exception("esl_callback_failed")


def _own_subscriptions(subscribe: Sequence[Command]) -> Sequence[Command]:
    """Give what `bgapi()` needs: where there is a filter, it would drop the results of jobs."""
    wanted = [command.event_plain("BACKGROUND_JOB")]
    if any(one.startswith(b"filter ") for one in subscribe):
        wanted.append(command.filter_("Event-Name", "BACKGROUND_JOB"))
    return wanted
