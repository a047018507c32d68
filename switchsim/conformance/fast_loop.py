"""A loop whose time stands still while anything is to be done, and skips what nobody waits for.

A replay in which everybody lives in one thread takes as long as its work takes, however long
the recorded call was; and no busy machine makes a second of it longer.
"""

import math
import selectors
import time

from sippy.Core.EventDispatcher import ED2
from sippy.Time.MonoTime import MonoTime

from switchsim.loop import Loop, SwitchClock

# The kernel hands a datagram over at once, or, on a busy machine, a moment later.
_HANDED_OVER_S = 0.0003


class SteppedClock(SwitchClock):
    """Moves when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self._us = time.time_ns() // 1000

    def wall_us(self) -> int:
        """The time, in µs since the epoch."""
        return self._us

    def step(self, seconds: float) -> None:
        """Moves on by so much."""
        self._us += math.ceil(seconds * 1e6)


class FastLoop(Loop):
    """Moves its clock to the next timer when no socket has anything to say."""

    def __init__(self) -> None:
        self._stepped = SteppedClock()
        super().__init__(self._stepped)

    def _now_s(self) -> float:
        return self._stepped.wall_us() / 1e6

    def _wait(self, patience_s: float | None) -> list[tuple[selectors.SelectorKey, int]]:
        if patience_s is None:
            return super()._wait(None)
        ready = super()._wait(min(patience_s, _HANDED_OVER_S))
        if not ready:
            self._stepped.step(patience_s)
        return ready

    def _patience_s(self) -> float | None:
        self._take_sippys_timers()
        return super()._patience_s()

    def _run_sippys_timers(self) -> None:
        self._take_sippys_timers()
        super()._run_sippys_timers()

    def _take_sippys_timers(self) -> None:
        # sippy reads the real clock when it sets a timer: it is counted from ours instead.
        fresh = [timer for timer in ED2.tlisteners if timer.itime is not None]
        for timer in fresh:
            length_s = timer.etime.monot - timer.itime.monot
            timer.etime = MonoTime(monot=self._now_s() + length_s)
            timer.itime = None
        if fresh:
            ED2.tlisteners.sort()
