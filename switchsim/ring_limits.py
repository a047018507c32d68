"""How long destinations may take: the timeouts of a bridge string.

`leg_timeout` and `leg_progress_timeout` belong to one leg and end it with ALLOTTED_TIMEOUT and
PROGRESS_TIMEOUT; `originate_timeout`, or the caller's `call_timeout`, belong to the attempt and
end it with NO_ANSWER, in whole seconds of the clock and so up to a second early;
`progress_timeout` ends every leg that has not rung. A 180 satisfies the progress timeouts, a
100 does not.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from switchsim.called import CalledLeg
from switchsim.loop import SwitchClock
from switchsim.variables import leading_number

_SECOND_US = 1_000_000
_DEFAULT_S = 60
_TICK_S = 0.02


@dataclass(frozen=True, slots=True, kw_only=True)
class LegLimits:
    """Deadlines of one leg in µs since the epoch; None where there is none."""

    ring_us: int | None
    progress_us: int | None


def leg_limits(values: Mapping[str, str], now_us: int) -> LegLimits:
    """The deadlines of a leg that begins now."""
    return LegLimits(
        ring_us=_deadline(values.get("leg_timeout"), now_us),
        progress_us=_deadline(values.get("leg_progress_timeout"), now_us),
    )


class RingLimits:
    """The deadlines of one attempt and of its legs.

    Args:
        shared: the variables of the whole bridge string.
        call_timeout: the caller's variable of that name.
    """

    def __init__(
        self, clock: SwitchClock, shared: Mapping[str, str], call_timeout: str | None
    ) -> None:
        self._clock = clock
        now = clock.wall_us()
        limit = shared.get("originate_timeout") or call_timeout
        seconds = leading_number(limit) if limit else _DEFAULT_S
        self._overall_us = (now // _SECOND_US + seconds) * _SECOND_US
        self._progress_us = _deadline(shared.get("progress_timeout"), now)
        self._legs: dict[CalledLeg, LegLimits] = {}

    def add(self, leg: CalledLeg, limits: LegLimits) -> None:
        """A leg of this attempt and its own deadlines."""
        self._legs[leg] = limits

    @property
    def is_over(self) -> bool:
        """Whether the attempt as a whole has lasted long enough."""
        return self._clock.wall_us() >= self._overall_us

    def enforce(self) -> bool:
        """Ends legs whose time is up; True when `progress_timeout` ended one."""
        now = self._clock.wall_us()
        no_progress = False
        for leg, limits in self._legs.items():
            if not leg.is_up:
                continue
            waits = not (leg.is_ringing or leg.is_early)
            if waits and _passed(self._progress_us, now):
                no_progress = True
                leg.hang_up("PROGRESS_TIMEOUT")
            elif waits and _passed(limits.progress_us, now):
                leg.hang_up("PROGRESS_TIMEOUT")
            elif _passed(limits.ring_us, now):
                leg.hang_up("ALLOTTED_TIMEOUT")
        return no_progress

    def patience_s(self) -> float:
        """Seconds until the next deadline."""
        now = self._clock.wall_us()
        moments = [self._overall_us, self._progress_us or 0]
        for leg, limits in self._legs.items():
            if leg.is_up:
                moments += [limits.ring_us or 0, limits.progress_us or 0]
        ahead = [moment - now for moment in moments if moment > now]
        return max(_TICK_S, min(ahead, default=0) / 1e6)


def _deadline(text: str | None, now_us: int) -> int | None:
    return now_us + leading_number(text) * _SECOND_US if text else None


def _passed(deadline_us: int | None, now_us: int) -> bool:
    return deadline_us is not None and now_us >= deadline_us
