"""Process: builds every object once, joins them, starts and stops them in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from ipaddress import ip_network

import gevent
from structlog.typing import FilteringBoundLogger

from callcontrol.calls.call import Call
from callcontrol.calls.engine import Engine
from callcontrol.calls.lifecycle import run_call
from callcontrol.calls.live_calls import LiveCalls
from callcontrol.calls.resync import keep_in_step, resync
from callcontrol.calls.state import CallState
from callcontrol.calls.takeover import adopt
from callcontrol.cdr import Journal
from callcontrol.clock import SystemClock
from callcontrol.config import Settings
from callcontrol.errors import ConfigError, SessionError
from callcontrol.esl import command
from callcontrol.esl.control import Control
from callcontrol.esl.event import Event
from callcontrol.esl.listener import Listener
from callcontrol.health import HealthServer
from callcontrol.metering.ticker import Ticker
from callcontrol.metrics import Metrics
from callcontrol.store import Store
from callcontrol.store.calls_table import CallInProgress
from callcontrol.store.live_view import LiveView
from callcontrol.store.reference_rows import ReferenceFeed
from callcontrol.store.shipper import Shipper

# Only the callers' legs: their ends are all that the engine takes from the link.
_SUBSCRIPTIONS = (
    command.event_plain("CHANNEL_HANGUP_COMPLETE"),
    command.filter_("Call-Direction", "inbound"),
)

# The ends of calls may be lost with the event stream; a comparison this often finds them.
_RESYNC_S = 30.0
_GAUGES_S = 1.0


class Process:
    """One engine process.

    Args:
        settings: what it is told.
        log: the process's logger.
    """

    def __init__(self, settings: Settings, *, log: FilteringBoundLogger) -> None:
        self._settings = settings
        self._log = log
        self._started = ExitStack()
        clock = SystemClock()
        self._metrics = Metrics()
        self._live_calls = LiveCalls()
        self._store = Store(settings.dsn, name=settings.engine)
        self._feed = ReferenceFeed(
            self._store,
            prefixes=settings.number_prefixes,
            check_s=settings.reference_check_s,
            metrics=self._metrics,
            log=log,
        )
        self._link = Control(
            settings.switch_host,
            settings.switch_port,
            settings.password(),
            on_event=self._take,
            on_up=self._compare,
            subscribe=_SUBSCRIPTIONS,
            clock=clock,
            log=log,
        )
        self._journal = Journal(settings.journal, clock=clock)
        self._started.callback(self._journal.close)
        self._left_open = self._journal.open_calls()
        self._engine = Engine(
            settings=settings,
            clock=clock,
            reference=self._feed.current,
            journal=self._journal,
            link=self._link,
            live_calls=self._live_calls,
            ticker=Ticker(clock, log),
            metrics=self._metrics,
            log=log,
            trunks=tuple(ip_network(network) for network in settings.trusted_trunks),
        )
        self._shipper = Shipper(
            self._journal,
            self._store,
            batch=settings.ship_batch,
            metrics=self._metrics,
            log=log,
        )
        self._live_view = LiveView(
            self._store,
            settings.engine,
            lambda: [in_progress(call) for call in self._live_calls],
            log=log,
        )
        # Calls above the limit are refused by the dialplan's rule and recorded; the listener's
        # own limit only bounds what a flood of connections may cost.
        self._listener = Listener(
            lambda session: run_call(session, self._engine),
            host=settings.listen_host,
            port=settings.listen_port,
            allowed_peers=settings.allowed_peers,
            max_sessions=2 * settings.max_calls + 100,
            log=log,
        )
        self._health = HealthServer(
            settings.metrics_host,
            settings.metrics_port,
            registry=self._metrics.registry,
            ready=self.ready,
        )

    def start(self) -> None:
        """Start everything, what calls need first and the port they arrive at last.

        Raises:
            CallControlError: something cannot be had; what was started is stopped again.

        Switches: waits for Postgres and the switch, for some seconds at most.
        """
        try:
            for start, stop in self._parts():
                start()
                self._started.callback(stop)
        except BaseException:
            self._started.close()
            raise
        host, port = self._listener.address
        self._log.info(
            "engine_started",
            engine=self._settings.engine,
            listens=f"{host}:{port}",
            metrics=f"{self._settings.metrics_host}:{self._health.port}",
            numbers=len(self._feed.current().directory.numbers),
        )

    def stop(self) -> None:
        """Stop politely: no new calls, those being set up are finished, records are shipped.

        Switches: waits for calls being set up, at most drain_s, and for Postgres.
        """
        self._log.info("engine_stopping", calls=len(self._live_calls))
        self._engine.draining = True
        self._listener.drain(0)
        self._live_calls.wait_until(self._is_set_up, self._settings.drain_s)
        self._started.close()
        self._log.info("engine_stopped", calls=len(self._live_calls))

    def ready(self) -> Mapping[str, bool]:
        """Say what must be true to take calls, and whether it is."""
        return {
            "link to the switch": self._link.is_up,
            "journal": self._journal.fault is None,
            "reference": bool(self._feed.current().directory.numbers),
            "not draining": not self._engine.draining,
        }

    def _parts(self) -> list[tuple[Callable[[], object], Callable[[], object]]]:
        gauges = gevent.Greenlet(self._watch)
        in_step = gevent.Greenlet(keep_in_step, self._engine, _RESYNC_S)
        return [
            (self._store.open, self._store.close),
            (self._feed.start, self._feed.stop),
            (self._shipper.start, self._shipper.stop),
            (self._engine.ticker.start, self._engine.ticker.stop),
            (self._open_link, self._link.stop),
            (self._adopt, _nothing),
            (in_step.start, in_step.kill),
            (gauges.start, gauges.kill),
            (self._live_view.start, self._live_view.stop),
            (self._health.start, self._health.stop),
            (self._listener.start, self._listener.stop),
        ]

    def _open_link(self) -> None:
        try:
            self._link.open()
        except SessionError as exc:
            raise ConfigError(f"CALLCONTROL_SWITCH_HOST, _PORT, _PASSWORD: {exc}") from exc

    def _adopt(self) -> None:
        """Take over what an earlier process of this journal left running."""
        adopted = adopt(self._left_open, self._engine)
        if self._left_open:
            self._log.info("calls_adopted", found=len(self._left_open), up=adopted)

    def _is_set_up(self) -> bool:
        return all(call.state is CallState.ANSWERED for call in self._live_calls)

    def _take(self, event: Event) -> None:
        """Tell a call that its leg is gone. Switches: no."""
        self._metrics.link_lag_seconds.observe(max(0, self._link.lag_us) / 1_000_000)
        call = self._live_calls.find(event.uuid)
        if call is not None and not call.ended.ready():
            call.ended.set(event)

    def _compare(self) -> None:
        """Find the calls that ended while the link was down."""
        try:
            resync(self._engine)
        except SessionError as exc:
            self._log.warning("resync_failed", reason=str(exc))

    def _watch(self) -> None:
        while True:
            self._metrics.link_up.set(self._link.is_up)
            gevent.sleep(_GAUGES_S)


def in_progress(call: Call) -> CallInProgress:
    """Tell of a call what may be seen of it while it lasts. Switches: no."""
    draft = call.draft
    is_metered = call.meter is not None
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
        meter_start_us=call.answered_us if is_metered else None,
        tariff=call.tariff.name if call.tariff else None,
        tariff_version=call.tariff.version if call.tariff else "",
        level=call.level if is_metered else None,
    )


def _nothing() -> None:
    pass
