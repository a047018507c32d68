"""The calls in progress: add, find, count, drain. All that calls share and change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

import gevent
from gevent.event import Event as Signal

from callcontrol.calls.call import Call
from dialplan import Scope


class LiveCalls:
    """Every call between its arrival and its record, by the switch's uuid of the caller's leg.

    Nothing here switches greenlets, so each method is one step to everybody else.
    """

    def __init__(self) -> None:
        self._by_leg: dict[str, Call] = {}
        self._counts: Counter[Scope] = Counter()
        self._changed = Signal()

    def __len__(self) -> int:
        """Count the calls in progress."""
        return len(self._by_leg)

    def __iter__(self) -> Iterator[Call]:
        """Go through a copy, so that calls may come and go meanwhile."""
        return iter(list(self._by_leg.values()))

    def add(self, call: Call) -> bool:
        """Take a call in; says no when its leg has a call already."""
        if call.leg_uuid in self._by_leg:
            return False
        self._by_leg[call.leg_uuid] = call
        return True

    def count_in(self, call: Call, scopes: Iterable[Scope]) -> None:
        """Count a call that was let through, for the limits of its number and customers."""
        call.scopes = tuple(scopes)
        self._counts.update(call.scopes)

    def remove(self, call: Call) -> None:
        """Forget a call."""
        if self._by_leg.get(call.leg_uuid) is call:
            del self._by_leg[call.leg_uuid]
        for scope in call.scopes:
            self._counts[scope] -= 1
            if not self._counts[scope]:
                del self._counts[scope]
        call.scopes = ()
        self.changed()

    def changed(self) -> None:
        """Wake who waits for calls to have come further."""
        self._changed.set()
        self._changed.clear()

    def find(self, leg_uuid: str) -> Call | None:
        """Give the call of a leg."""
        return self._by_leg.get(leg_uuid)

    def in_progress(self, scope: Scope) -> int:
        """Count the calls let through that count against a number or a customer."""
        return self._counts[scope]

    def wait_until(self, holds: Callable[[], bool], deadline_s: float) -> bool:
        """Wait until something holds that calls coming to an end may bring about.

        Returns:
            Whether it holds.

        Switches: waits for calls, at most deadline_s.
        """
        with gevent.Timeout(deadline_s) as deadline:
            try:
                while not holds():
                    self._changed.wait()
            except gevent.Timeout as exc:
                if exc is not deadline:
                    raise
        return holds()
