"""The ladder of a call in progress, as far as its engine has told of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from callcontrol.cli.ladder import Ladder, Rung, clean
from callcontrol.clock import at_of
from callcontrol.store.calls_table import CallInProgress
from dialplan import DEFAULT_ZONE, E164, is_e164, printed, wall_clock
from tariffs import Rated


def running_ladder(
    call: CallInProgress, engine: str, rated: Rated | None, now_us: int
) -> Ladder:
    """Make the ladder of a call that goes on.

    Args:
        call: the call.
        engine: whose it is.
        rated: what it would cost if it ended now; None when nothing is metered.
        now_us: microseconds since the epoch.
    """
    number = printed(E164(call.number)) if call.number else "unknown number"
    local = wall_clock(at_of(call.received_us), DEFAULT_ZONE).isoformat(" ", "milliseconds")
    of = f" of {call.customer}" if call.customer else ""
    return Ladder(
        title=(
            f"{number}{of}, {local}, engine {engine}, in progress",
            f"call {call.call_id}, leg {call.switch_uuid}",
        ),
        start_us=call.received_us,
        rungs=tuple(_rungs(call, rated, now_us)),
        totals=(*map(_tried, call.attempts), *(() if rated is None else (_so_far(rated),))),
    )


def _rungs(call: CallInProgress, rated: Rated | None, now_us: int) -> Iterator[Rung]:
    # The live view never has a number that is withheld.
    caller = printed(E164(call.caller)) if call.caller else "withheld, or no number"
    yield Rung(at_us=call.received_us, way="caller>", text=f"call from {caller}")
    if call.answered_us is not None:
        yield Rung(at_us=call.answered_us, way="caller<", text="answered")
    if call.meter_start_us is not None:
        text = f"metered, level {call.level_at_start}"
        yield Rung(at_us=call.meter_start_us, way="engine", text=text)
    for segment in rated.segments[1:] if rated else ():
        text = f"level {segment.level} in force"
        yield Rung(at_us=segment.from_us, way="engine", text=text)
    yield Rung(at_us=now_us, way="engine", text=f"now: {call.state}")


def _tried(attempt: dict[str, Any]) -> str:
    target, gateway = str(attempt["target"]), attempt.get("gateway")
    where = printed(E164(target)) if is_e164(target) else clean(target)
    by = f" by {gateway}" if gateway else ""
    return f"tried {where}{by}: {attempt.get('outcome')}"


def _so_far(rated: Rated) -> str:
    seconds = rated.metered_us // 1_000_000
    return f"so far {rated.currency} {rated.charge}, metered {seconds} s"
