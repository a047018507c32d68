"""The calls in progress: add, find, count, drain. All that calls share and change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

import gevent
from gevent.event import Event as Signal

from callcontrol.calls.call import Call
from callcontrol.turns import give_turn
from dialplan import PLATFORM, Scope

_AT_A_TIME = 25


class LiveCalls:
    """Every call between its arrival and its record, by the switch's uuid of the caller's leg.

    Nothing but `in_turns` switches greenlets, so each method is one step to everybody else.

    Args:
        on_counts: told each count of ours that changes; must not wait.
    """

    def __init__(self, on_counts: Callable[[Scope, int], None] | None = None) -> None:
        self._elsewhere: dict[tuple[str, str], int] = {}
        self._on_counts = on_counts or _nobody_told
        self._by_leg: dict[str, Call] = {}
        self._counts: Counter[Scope] = Counter()
        self._changed = Signal()

    def __len__(self) -> int:
        """Count the calls in progress."""
        return len(self._by_leg)

    def __iter__(self) -> Iterator[Call]:
        """Go through a copy, so that calls may come and go meanwhile."""
        return iter(list(self._by_leg.values()))

    def in_turns(self) -> Iterator[Call]:
        """Go through the calls that are still there when it is their turn.

        For what looks at each again and again: pricing one takes some 20 µs, so that ten
        thousand would keep all others waiting for a fifth of a second.

        Switches: others have their turn after every few.
        """
        for count, call in enumerate(self):
            if count and count % _AT_A_TIME == 0:
                give_turn()
            if call.leg_uuid in self._by_leg:
                yield call

    def add(self, call: Call) -> bool:
        """Take a call in; says no when its leg has a call already."""
        if call.leg_uuid in self._by_leg:
            return False
        self._by_leg[call.leg_uuid] = call
        self._count(PLATFORM, 1)
        return True

    def count_in(self, call: Call, scopes: Iterable[Scope]) -> None:
        """Count a call that was let through, for the limits of its number and customers."""
        call.scopes = tuple(scopes)
        for scope in call.scopes:
            self._count(scope, 1)

    def remove(self, call: Call) -> None:
        """Forget a call."""
        if self._by_leg.get(call.leg_uuid) is call:
            del self._by_leg[call.leg_uuid]
            self._count(PLATFORM, -1)
        for scope in call.scopes:
            self._count(scope, -1)
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
        """Count the calls let through that count against a number or a customer.

        Of the platform: all calls, let through or not. Those of other processes are included.
        """
        return self._counts[scope] + self._elsewhere.get(scope, 0)

    def count_elsewhere(self, scope: tuple[str, str], count: int) -> None:
        """Take how many calls other processes of the service have in progress."""
        self._elsewhere[scope] = count
        if not count:
            del self._elsewhere[scope]

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

    def _count(self, scope: Scope, more: int) -> None:
        self._counts[scope] += more
        self._on_counts(scope, self._counts[scope])
        if not self._counts[scope]:
            del self._counts[scope]


def _nobody_told(_scope: Scope, _count: int) -> None:
    pass
