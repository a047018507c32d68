"""LevelRequests: rows that ask for another level in running calls, from memory to the calls.

A row asks for one call, or for all calls of a number, at once or at an instant to come. It is
taken when Postgres tells of it and waits here, so that its instant is kept with Postgres down.
Of several engines each deals with its own calls. It is dealt with once: a change of a call
names the row it came from, in the journal too, so that an engine that takes the call over
knows.

All calls of a number are those that arrived before the instant: later ones were decided by the
number as it is by then. One that is still ringing changes at its answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from gevent.event import AsyncResult

from callcontrol.calls.call import Call
from callcontrol.calls.engine import Engine
from callcontrol.calls.levels import ask_level
from callcontrol.cdr import CdrChange
from callcontrol.level_request import LevelOutcome, LevelRequest

# A row dealt with later than this counts from then, and not from its own instant: a call is
# never charged for a past in which the change was not known.
LATE_US = 1_000_000

# A row that is found this late, because no engine ran, is not dealt with any more.
STALE_US = 3_600_000_000

_KEY = "level request"


class LevelRequests:
    """The requests an engine knows of.

    Args:
        engine: the calls.
        on_outcome: takes what came of a request in a call; must not wait.
    """

    def __init__(self, engine: Engine, on_outcome: Callable[[LevelOutcome], object]) -> None:
        self._engine = engine
        self._on_outcome = on_outcome
        self._known: dict[int, LevelRequest] = {}

    def take(self, requests: Iterable[LevelRequest]) -> None:
        """Take requests, new or told again; what is due is dealt with now. Switches: no."""
        now_us = self._engine.clock.now_us()
        self._forget(now_us)
        for request in requests:
            if request.id in self._known or request.due_us < now_us - STALE_US:
                continue
            self._known[request.id] = request
            if request.due_us <= now_us:
                self._deal_with(request)
            else:
                self._engine.ticker.schedule(
                    (_KEY, request.id), request.due_us, partial(self._deal_with, request)
                )

    def withdraw(self, request_id: int) -> None:
        """Forget a request that has not been dealt with. Switches: no."""
        self._known.pop(request_id, None)
        self._engine.ticker.cancel((_KEY, request_id))

    def look_again(self) -> None:
        """Deal with what was due already in calls that were taken over since. Switches: no."""
        now_us = self._engine.clock.now_us()
        self._forget(now_us)
        for request in self._known.values():
            if request.due_us <= now_us:
                self._deal_with(request, is_again=True)

    def _deal_with(self, request: LevelRequest, *, is_again: bool = False) -> None:
        """Ask every call it is for. Switches: no."""
        now_us = self._engine.clock.now_us()
        at_us = now_us
        if request.effective_us is not None and now_us - request.effective_us <= LATE_US:
            at_us = request.effective_us
        for call in self._engine.live_calls:
            if not _is_for(request, call) or (is_again and not call.is_adopted):
                continue
            if any(one.change.request == request.id for one in call.asked):
                continue
            if (change := _dealt_with(request, call)) is not None:
                self._tell(call, change)
                continue
            outcome = ask_level(
                call,
                request.level,
                self._engine,
                by=request.by,
                asked_us=request.asked_us,
                at_us=at_us,
                request=request.id,
            )
            outcome.rawlink(partial(self._told, call))

    def _told(self, call: Call, outcome: AsyncResult[CdrChange]) -> None:
        """Take what came of one change; runs in the hub."""
        if (change := outcome.get_nowait()) is not None:
            self._tell(call, change)

    def _tell(self, call: Call, change: CdrChange) -> None:
        if change.request is not None:
            self._on_outcome(
                LevelOutcome(
                    request=change.request,
                    call_id=call.call_id,
                    in_force_us=change.in_force_us,
                    refused=change.refused,
                )
            )

    def _forget(self, now_us: int) -> None:
        """Forget what is so old that it would not be dealt with if it were told again."""
        stale = [one for one in self._known.values() if one.due_us < now_us - STALE_US]
        for request in stale:
            del self._known[request.id]


def _is_for(request: LevelRequest, call: Call) -> bool:
    if request.call_id is not None:
        return call.call_id == request.call_id
    return (
        call.draft.number == request.number
        and call.level is not None
        and call.received_us <= request.due_us
    )


def _dealt_with(request: LevelRequest, call: Call) -> CdrChange | None:
    """Give what came of the request in this call, if an engine before this one knew of it."""
    return next((one for one in call.changes if one.request == request.id), None)
