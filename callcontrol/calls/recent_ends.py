"""The ends of legs that no call of this process has, kept for a while.

Over its link every process sees the ends of all callers' legs. Those of others' legs it keeps
for a minute: for itself, when it is about to take over the calls of its predecessor, and for
another process of its service, which may have missed them while it was down.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from callcontrol.clock import Clock
from callcontrol.esl.event import Event


class RecentEnds:
    """The switch's last words on legs, by the leg's uuid.

    Args:
        clock: for their age.
        keep_s: how long one is kept, in seconds.
        most: how many are kept; each takes about 14 kB.
    """

    def __init__(self, clock: Clock, *, keep_s: float = 60.0, most: int = 2000) -> None:
        self._clock = clock
        self._keep_s = keep_s
        self._most = most
        self._ends: dict[str, tuple[float, Event]] = {}

    def add(self, end: Event) -> None:
        """Keep one, and let go of what is too old or too much."""
        now_s = self._clock.monotonic_s()
        self._ends[end.uuid] = (now_s, end)
        while True:
            oldest = next(iter(self._ends))
            is_old = self._ends[oldest][0] < now_s - self._keep_s
            if not is_old and len(self._ends) <= self._most:
                return
            del self._ends[oldest]

    def __iter__(self) -> Iterator[Event]:
        """Go through a copy of them, oldest first."""
        return iter([end for _, end in self._ends.values()])

    def of(self, leg_uuids: Iterable[str]) -> dict[str, Event]:
        """Give those of these legs that are known."""
        return {uuid: self._ends[uuid][1] for uuid in leg_uuids if uuid in self._ends}
