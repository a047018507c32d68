"""The meter of a call, and what it is told: changes of level, free time, what is withheld."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace

from callcontrol.calls.call import Call
from callcontrol.cdr import CdrChange
from callcontrol.cdr.free_time import free_times
from tariffs import STEP, FreeTime, Meter

HAD_ENDED = "the call had ended"


def meter_of(call: Call, start_us: int) -> Meter | None:
    """Make the meter of a call, as all the changes so far have left it.

    Args:
        call: for its tariff, the level it starts at and its changes.
        start_us: when charging starts, microseconds since the epoch.

    Returns:
        None for a call that costs nothing.
    """
    if call.tariff is None or call.level is None:
        return None
    meter = Meter(call.tariff, level=call.level, start_us=start_us, withheld=call.withheld)
    tell(meter, call.changes, free_times(call.announcements, start_us))
    return meter


def tell(
    meter: Meter,
    changes: Iterable[CdrChange],
    free: Iterable[FreeTime] = (),
    *,
    until_us: int | None = None,
) -> tuple[CdrChange, ...]:
    """Tell a meter the changes of a call, in order; gives what became of each.

    Args:
        meter: told nothing yet.
        changes: those that were refused are passed over. A step of the table that was told in
            time comes by itself, and is not among what became of them.
        free: when time cost nothing, in order.
        until_us: the end of the call: what was to be in force then or later never was.
    """
    turns = deque(_turns(free, until_us))
    outcome = []
    for one in changes:
        is_never_due = until_us is not None and one.asked_us >= until_us
        if one.came_by_itself or (one.by == STEP and is_never_due):
            continue
        if one.in_force_us is not None:
            if until_us is not None and one.in_force_us >= until_us:
                refused: str | None = HAD_ENDED
            else:
                _tell_turns(meter, turns, one.in_force_us)
                refusal = meter.change_level(one.level, one.in_force_us, by=one.by)
                refused = None if refusal is None else refusal.reason
            if refused is not None:
                one = replace(one, in_force_us=None, refused=refused)
        outcome.append(one)
    _tell_turns(meter, turns, None)
    return tuple(outcome)


def _turns(free: Iterable[FreeTime], until_us: int | None) -> Iterator[tuple[int, bool]]:
    """List when free time begins (True) and ends (False), before the end of the call."""
    for one in free:
        for at_us, is_free in ((one.from_us, True), (one.until_us, False)):
            if at_us is not None and (until_us is None or at_us < until_us):
                yield at_us, is_free


def _tell_turns(meter: Meter, turns: deque[tuple[int, bool]], until_us: int | None) -> None:
    while turns and (until_us is None or turns[0][0] <= until_us):
        at_us, is_free = turns.popleft()
        if is_free:
            meter.free_from(at_us)
        else:
            meter.free_until(at_us)
