"""Shows in Postgres, a moment late, which calls an engine has in progress.

What a reader needs to price a running call is its tariff, its level and the start of its meter;
those change rarely, so a call is written when it arrives, when it is answered, when its level
changes and when it ends, never for the mere passing of time. Nothing waits for this: while
Postgres is away nothing is shown, and when it is back everything is written anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import gevent
from structlog.typing import FilteringBoundLogger

from callcontrol.cdr import CallId
from callcontrol.errors import StoreError
from callcontrol.store.calls_table import CallInProgress, forget_calls, replace_calls
from callcontrol.store.pool import Store

_DEADLINE_S = 5.0


class Look(NamedTuple):
    """What is seen of a call without telling all of it.

    Attributes:
        call_id: the call's.
        traits: whatever is told of the call and may change; equal while nothing has.
        tell: tells all of it.
    """

    call_id: CallId
    traits: object
    tell: Callable[[], CallInProgress]


class LiveView:
    """Writes the calls in progress of one engine.

    Args:
        store: where to.
        engine: the engine's name.
        calls: looks at each call as it is now.
        every_s: seconds between looks.
        log: told once when Postgres does not take it.
    """

    def __init__(
        self,
        store: Store,
        engine: str,
        calls: Callable[[], Iterable[Look]],
        *,
        every_s: float = 1.0,
        log: FilteringBoundLogger,
    ) -> None:
        self._store = store
        self._engine = engine
        self._calls = calls
        self._every_s = every_s
        self._log = log
        self._shown: dict[CallId, object] | None = None  # the traits of each
        self._greenlet = gevent.Greenlet(self._run)

    def start(self) -> None:
        """Begin to show. Switches: no."""
        self._greenlet.start()

    def stop(self) -> None:
        """Show the state of things once more, then no longer.

        Switches: waits for Postgres, at most 5 s.
        """
        self._greenlet.kill()
        self.show()

    def show(self) -> None:
        """Write what is new since the last time. Switches: waits for Postgres, at most 5 s."""
        before = self._shown or {}
        now, new = {}, []
        for call_id, traits, tell in self._calls():
            known = before.get(call_id)
            if known == traits:
                now[call_id] = known  # the new ones go at once, and burden no collection
            else:
                now[call_id] = traits
                new.append(tell())
        gone = list(before.keys() - now.keys())
        try:
            if self._shown is None:
                self._store.call(forget_calls, self._engine, deadline_s=_DEADLINE_S)
            if new or gone:
                self._store.call(replace_calls, self._engine, new, gone, deadline_s=_DEADLINE_S)
            self._shown = now
        except StoreError as exc:
            if self._shown is not None:
                self._log.warning("live_view_stopped", reason=str(exc))
            self._shown = None

    def _run(self) -> None:
        while True:
            self.show()
            gevent.sleep(self._every_s)
