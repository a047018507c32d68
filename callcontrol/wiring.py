"""Process: builds every object once, joins them, starts and stops them in order."""

from __future__ import annotations

import resource
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from ipaddress import ip_network

import gevent
from gevent import socket
from structlog.typing import FilteringBoundLogger

from callcontrol.calls.call import Call
from callcontrol.calls.engine import Engine
from callcontrol.calls.figures import tried
from callcontrol.calls.level_requests import LevelRequests
from callcontrol.calls.levels import heard
from callcontrol.calls.lifecycle import run_call
from callcontrol.calls.live_calls import LiveCalls
from callcontrol.calls.peers import look_after
from callcontrol.calls.recent_ends import RecentEnds
from callcontrol.calls.resync import AGAIN_S, keep_in_step, resync
from callcontrol.calls.speaking import has_played
from callcontrol.calls.state import CallState
from callcontrol.calls.strays import Unserved
from callcontrol.calls.takeover import adopt, record_written, unknown_calls
from callcontrol.cdr import Journal, OpenCall
from callcontrol.clock import SystemClock, at_of
from callcontrol.config import Settings
from callcontrol.errors import CallControlError, ConfigError, SessionError
from callcontrol.esl import command
from callcontrol.esl.control import Control
from callcontrol.esl.event import Event
from callcontrol.esl.listener import Listener
from callcontrol.esl.switch_cdrs import read_switch_cdrs
from callcontrol.health import HealthServer
from callcontrol.metering.ticker import Ticker
from callcontrol.metrics import Metrics, ServiceMetrics
from callcontrol.reference_file import Built
from callcontrol.reference_file.kept import read_kept
from callcontrol.store import Store
from callcontrol.store.calls_table import CallInProgress
from callcontrol.store.level_follow import LevelFeed
from callcontrol.store.live_view import LiveView, Look
from callcontrol.store.reference_keep import ReferenceKeeper, kept_path
from callcontrol.store.reference_rows import ReferenceFeed
from callcontrol.store.shipper import Shipper
from callcontrol.vital_signs import VitalSigns

# The ends of the callers' legs and of what is played to them, and the keys pressed on any leg;
# filters are alternatives.
_SUBSCRIPTIONS = (
    command.event_plain("CHANNEL_HANGUP_COMPLETE", "DTMF", "PLAYBACK_STOP"),
    command.filter_("Call-Direction", "inbound"),
    command.filter_("Event-Name", "DTMF"),
)

# The ends of calls may be lost with the event stream; a comparison this often finds them.
_RESYNC_S = 30.0
_LOOK_S = 0.05
# More are never needed: each call being set up has one.
_MOST_FILES = 1 << 18
# A peer that takes over our journal holds it for some milliseconds.
_PEER_S = 5.0
# Of the switch's own records, the last ones: some fifty thousand calls.
_MOST_CDR_BYTES = 32 << 20
# How far back they are read for calls that a lost journal held.
_LOST_US = 86_400_000_000

Part = tuple[Callable[[], object], Callable[[], object]]
"""How something is started, and how it is stopped."""


def _nothing(*_: object) -> None:
    pass


def open_files() -> int:
    """Let this process have as many files open as it may ever have; gives that number.

    Switches: no.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return max(soft, most)


class Process:
    """One engine process.

    It starts in two steps. Standing by, it knows the numbers and sees the ends of all calls on
    the switch. Then it opens the journal, which it alone may hold, takes over the calls left
    open in it, and takes new ones. A process that replaces another waits between the two until
    the other has let go of the journal, so that no call ends unseen.

    Args:
        settings: what it is told.
        log: the process's logger.
        worker: its number among the workers of a service, from 1.
        port: a socket that listens already, shared with other processes; whoever gave it tells
            of health and figures. None: this process has a port for each of its own.
        live_calls: the calls in progress; None: as a process that is alone keeps them.
        ask_others: called with the legs of calls taken over, to ask other processes for ends
            of legs that they have seen; those come to `see_end`.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        log: FilteringBoundLogger,
        worker: int = 1,
        port: socket.socket | None = None,
        live_calls: LiveCalls | None = None,
        ask_others: Callable[[Sequence[str]], None] = _nothing,
    ) -> None:
        self._settings = settings
        self._log = log
        self._port = port
        self._started = ExitStack()
        self._clock = SystemClock()
        self._metrics = Metrics(worker=worker)
        self._metrics.calls_limit.set(settings.max_calls)
        self._live_calls = LiveCalls() if live_calls is None else live_calls
        self._ask_others = ask_others
        self._has_adopted = self._is_stopping = False
        self.recent_ends = RecentEnds(self._clock)
        self._store = Store(settings.dsn, name=settings.engine)
        self._feed = ReferenceFeed(
            self._store,
            prefixes=settings.number_prefixes,
            check_s=settings.reference_check_s,
            metrics=self._metrics,
            log=log,
            engine=settings.engine,
        )
        self._link = Control(
            settings.switch_host,
            settings.switch_port,
            settings.password(),
            on_event=self._take,
            on_up=self._compare,
            subscribe=_SUBSCRIPTIONS,
            clock=self._clock,
            log=log,
        )

    def start(self, *, may_go_on: Callable[[], None] = _nothing) -> None:
        """Start everything, what calls need first and the port they arrive at last.

        Args:
            may_go_on: called when it stands by; returns when the journal is free.

        Raises:
            CallControlError: something cannot be had; what was started is stopped again.

        Switches: waits for Postgres and the switch, for some seconds at most, and for
        may_go_on.
        """
        try:
            self._start(
                (self._store.open, self._store.close),
                (lambda: self._feed.start(self._kept_reference), self._feed.stop),
                (self._open_link, self._link.stop),
            )
            may_go_on()
            self._build()
            self._start(*self._parts())
        except BaseException:
            self._started.close()
            raise
        host, port = self._listener.address
        own = self._health.port if self._port is None else None
        self._log.info(
            "engine_started",
            engine=self._settings.engine,
            listens=f"{host}:{port}",
            metrics=own and f"{self._settings.metrics_host}:{own}",
            numbers=len(self._feed.current().directory.numbers),
        )

    def stop(self) -> None:
        """Stop politely: no new calls, those being set up are finished, records are shipped.

        Switches: waits for calls being set up, at most drain_s, and for Postgres.
        """
        self._log.info("engine_stopping", calls=len(self._live_calls))
        self._is_stopping = True
        self._listener.drain(0)
        until_s = self._clock.monotonic_s() + self._settings.drain_s
        while not self._is_set_up() and self._clock.monotonic_s() < until_s:
            gevent.sleep(_LOOK_S)
        if self._live_calls and self._link.is_up:
            self._compare()  # notes that the calls handed over are up
        self._started.close()
        self._log.info("engine_stopped", calls=len(self._live_calls))

    def ready(self) -> Mapping[str, bool]:
        """Say what must be true to take calls, and whether it is."""
        return {
            "link to the switch": self._link.is_up,
            "journal": self._journal.fault is None,
            self._reference_words(): bool(self._feed.current().directory.numbers),
            "not draining": not self._is_stopping,
        }

    def _reference_words(self) -> str:
        """Name the reference, with its age while it is one that was kept on disk."""
        read_at = self._feed.current().loaded_at
        if not self._feed.is_kept or read_at is None:
            return "reference"
        age_s = self._clock.now_us() // 1_000_000 - int(read_at.timestamp())
        return f"reference (as kept on disk {age_s} s ago)"

    def _kept_reference(self) -> Built:
        """Build the reference that was kept on disk.

        Raises:
            ConfigError: there is none.
        """
        path = kept_path(self._settings)
        if path is None:
            raise ConfigError("CALLCONTROL_KEEP_REFERENCE: none was to be kept")
        at = at_of(self._clock.now_us())
        return read_kept(path, at=at, prefixes=self._settings.number_prefixes)

    def see_end(self, end: Event) -> None:
        """Tell a call that its leg is gone, or keep that for whose call it is. Switches: no."""
        call = self._live_calls.find(end.uuid)
        if call is None:
            self.recent_ends.add(end)
            if self._has_adopted:
                self._unserved.see(end)
        elif not call.ended.ready():
            call.ended.set(end)

    def _start(self, *parts: Part) -> None:
        for start, stop in parts:
            start()
            self._started.callback(stop)

    def _build(self) -> None:
        """Open the journal and build what needs it."""
        settings = self._settings
        self._journal = self._opened_journal()
        self._started.callback(self._journal.close)
        if (salvaged := self._journal.salvaged) is not None:
            # What the journal has lost of calls, the switch may still have: see _adopt.
            self._log.error(
                "journal_damaged",
                reason=salvaged.reason,
                kept=str(salvaged.kept),
                calls=salvaged.calls,
                records=salvaged.records,
                lost=salvaged.lost,
            )
        self._engine = Engine(
            settings=settings,
            clock=self._clock,
            reference=self._feed.current,
            journal=self._journal,
            link=self._link,
            live_calls=self._live_calls,
            ticker=Ticker(self._clock, self._log),
            metrics=self._metrics,
            log=self._log,
            trunks=tuple(ip_network(network) for network in settings.trusted_trunks),
            written_ends=self._written_ends,
        )
        self._unserved = Unserved(self._engine)
        self._shipper = Shipper(
            self._journal,
            self._store,
            batch=settings.ship_batch,
            metrics=self._metrics,
            log=self._log,
        )
        self._keeper = ReferenceKeeper(settings, self._feed.current, log=self._log)
        self._live_view = LiveView(
            self._store,
            settings.engine,
            lambda: map(look_at, self._live_calls.in_turns()),
            log=self._log,
        )
        self._requests = LevelRequests(self._engine, lambda one: self._level_feed.tell(one))
        self._level_feed = LevelFeed(
            self._store,
            settings.engine,
            take=self._requests.take,
            withdraw=self._requests.withdraw,
            check_s=settings.reference_check_s,
            log=self._log,
        )
        # Calls above the limit are refused by the dialplan's rule and recorded; the listener's
        # own limit only bounds what a flood of connections may cost.
        self._listener = Listener(
            lambda session: run_call(session, self._engine),
            host=settings.listen_host,
            port=settings.listen_port,
            sock=self._port,
            allowed_peers=settings.allowed_peers,
            max_sessions=2 * settings.max_calls + 100,
            max_conversations=open_files() // 2,
            max_refusals=min(200, open_files() // 8),
            log=self._log,
        )
        self._signs = VitalSigns(
            self._metrics,
            clock=self._clock,
            journal=self._journal,
            journal_path=settings.journal,
            store=self._store,
            link=self._link,
            listener=self._listener,
            live_calls=self._live_calls,
        )
        self._health = HealthServer(
            settings.metrics_host,
            settings.metrics_port,
            registry=self._metrics.registry,
            ready=self.ready,
        )

    def _opened_journal(self) -> Journal:
        """Open the journal; a peer may be taking it over at this very moment."""
        patient_until_s = self._clock.monotonic_s() + (_PEER_S if self._settings.peers else 0)
        while True:
            try:
                return Journal(
                    self._settings.journal, clock=self._clock, owner=self._settings.engine
                )
            except ConfigError:
                if self._clock.monotonic_s() >= patient_until_s:
                    raise
            gevent.sleep(_LOOK_S)

    def _parts(self) -> Iterator[Part]:
        in_step = gevent.Greenlet(keep_in_step, self._engine, _RESYNC_S)
        peers = gevent.Greenlet(
            look_after, self._engine, self._journal.take_over, self._adopt_of
        )
        yield self._shipper.start, self._shipper.stop
        yield self._engine.ticker.start, self._engine.ticker.stop
        # When stopping, the link goes before the journal that the ends it tells of belong in.
        yield self._unserved.start, self._unserved.stop
        yield self._adopt, self._link.stop
        yield self._level_feed.start, self._level_feed.stop
        yield in_step.start, in_step.kill
        yield peers.start, peers.kill
        yield self._signs.start, self._signs.stop
        yield self._live_view.start, self._live_view.stop
        yield self._keeper.start, self._keeper.stop
        if self._port is None:
            answering = ServiceMetrics(self._metrics.registry, self._settings.engine)
            answering.watch(1, lambda: all(self.ready().values()))
            yield self._health.start, self._health.stop
        yield self._listener.start, self._listener.stop

    def _open_link(self) -> None:
        try:
            self._link.open()
        except SessionError as exc:
            raise ConfigError(f"CALLCONTROL_SWITCH_HOST, _PORT, _PASSWORD: {exc}") from exc

    def _adopt(self) -> None:
        """Take over what an earlier process of this journal left running."""
        self._adopt_of(self._journal.open_calls(), self._settings.engine)
        gevent.spawn(record_written, self._lost_ends(), self._engine)
        self._has_adopted = True
        for end in self.recent_ends:
            self._unserved.see(end)

    def _adopt_of(self, left_open: Sequence[OpenCall], name: str) -> None:
        """Take over the calls of an engine that is no more: a former self, or a peer."""
        up = adopt(left_open, self._engine)
        unknown = unknown_calls(self._engine, name)
        up += adopt(unknown, self._engine)
        self._metrics.calls_adopted.inc(up)
        legs = [call.leg_uuid for call in self._live_calls if call.is_adopted]
        for leg_uuid, end in self.recent_ends.of(legs).items():
            self._unserved.forget(leg_uuid)
            self.see_end(end)
        self._requests.look_again()
        self._ask_others(legs)
        if known := [*left_open, *unknown]:
            self._log.info("calls_adopted", engine_gone=name, found=len(known), up=up)

    def _written_ends(self, legs: Collection[str], since_us: int) -> Mapping[str, Event]:
        """Look for ends of legs in the switch's own records.

        None, with a warning, when they cannot be read.

        Switches: waits for a thread that reads.
        """
        return {end.uuid: end for end in self._read_ends(since_us=since_us, legs=legs)}

    def _lost_ends(self) -> Sequence[Event]:
        """Give, when the journal is new and may have been lost, all ends of the last day."""
        if not self._journal.is_new:
            return ()
        return self._read_ends(since_us=self._clock.now_us() - _LOST_US, legs=None)

    def _read_ends(self, *, since_us: int, legs: Collection[str] | None) -> Sequence[Event]:
        folder = self._settings.switch_cdrs
        if folder is None:
            return ()
        read = partial(
            read_switch_cdrs, folder, since_us=since_us, legs=legs, most_bytes=_MOST_CDR_BYTES
        )
        try:
            found = gevent.get_hub().threadpool.apply(read)
        except CallControlError as exc:
            self._log.warning("switch_cdrs_unreadable", reason=str(exc))
            return ()
        return [cdr.event() for cdr in found.cdrs]

    def _is_set_up(self) -> bool:
        """Say whether no call that was taken is still to be answered or refused."""
        return not self._listener.conversations and all(
            call.state is CallState.ANSWERED for call in self._live_calls
        )

    def _take(self, event: Event) -> None:
        """Take an event of the link. Switches: no."""
        self._metrics.link_lag_seconds.observe(max(0, self._link.lag_us) / 1_000_000)
        if event.name == "PLAYBACK_STOP":
            has_played(event, self._engine)
        elif event.name != "DTMF":
            self.see_end(event)
        elif self._has_adopted:
            heard(event, self._engine)

    def _compare(self) -> None:
        """Find the calls that ended while the link was down."""
        if not self._has_adopted:
            return
        try:
            resync(self._engine)
        except SessionError as exc:
            self._log.warning("resync_failed", reason=str(exc))
            if self._link.is_up:
                # The next regular one is far off, and calls may be over that we take for up.
                gevent.spawn_later(AGAIN_S, self._compare)


def look_at(call: Call) -> Look:
    """Look at what `in_progress` tells of a call and may change. Switches: no."""
    meter, last = call.meter, call.tries[-1] if call.tries else None
    traits = (
        call.state,
        call.draft,
        call.answered_us,
        call.tariff,
        call.level,
        call.level_now,
        call.withheld,
        meter,
        meter and (meter.changes, meter.free),
        len(call.tries),
        last and (last.attempt, last.answered_leg),
    )
    return Look(call.call_id, traits, partial(in_progress, call))


def in_progress(call: Call) -> CallInProgress:
    """Tell of a call what may be seen of it while it lasts. Switches: no."""
    draft = call.draft
    is_metered = call.meter is not None
    free = [[one.from_us, one.until_us] for one in call.meter.free] if call.meter else []
    withheld = [[one.kind, one.at_us] for one in call.withheld]
    return CallInProgress(
        call_id=call.call_id,
        switch_uuid=call.leg_uuid,
        state=call.state.value,
        received_us=call.received_us,
        number=draft.number,
        category=draft.category,
        customer=draft.customer,
        caller=None if draft.caller_withheld else draft.caller,
        answered_us=call.answered_us,
        meter_start_us=call.meter.start_us if call.meter else None,
        tariff=call.tariff.name if call.tariff else None,
        tariff_version=call.tariff.version if call.tariff else "",
        level=call.level_now if is_metered else None,
        level_at_start=call.level if is_metered else None,
        changes=tuple(
            {"level": one.level, "in_force_us": one.at_us, "by": one.by}
            for one in (call.meter.changes if call.meter else ())
        ),
        spared={"free": free, "withheld": withheld} if free or withheld else {},
        attempts=tuple(told for one in call.tries for told in tried(one)),
    )
