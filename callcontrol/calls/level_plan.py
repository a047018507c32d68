"""The weekly plan of levels in running calls, where a number says that it holds for them too.

When another level comes by the plan, it is asked for at the very instant of the plan. What was
changed otherwise meanwhile (by keys, by a row) stays until then.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from callcontrol.calls.call import Call
from callcontrol.calls.engine import Engine
from callcontrol.calls.levels import PLAN, ask_level, number_of
from callcontrol.clock import at_of, us_of
from dialplan import ServiceNumber

_BEFORE = timedelta(microseconds=1)


def follow_plan(call: Call, engine: Engine) -> None:
    """Change an answered call's level with the weekly plan, from now on. Switches: no."""
    number = number_of(call, engine)
    if number is not None and number.level_week_live and call.meter is not None:
        _wait(call, number, at_of(engine.clock.now_us()), engine)


def unfollow_plan(call: Call, engine: Engine) -> None:
    """Follow the plan no longer. Switches: no."""
    engine.ticker.cancel((call.leg_uuid, PLAN))


def _wait(call: Call, number: ServiceNumber, since: datetime, engine: Engine) -> None:
    at = number.level_week.next_look(since, number.zone)
    if at is not None:
        engine.ticker.schedule(
            (call.leg_uuid, PLAN), us_of(at), lambda: _look(call, number, at, engine)
        )


def _look(call: Call, number: ServiceNumber, at: datetime, engine: Engine) -> None:
    level = number.level_at(at)
    if level != number.level_at(at - _BEFORE):
        ask_level(call, level, engine, by=PLAN, asked_us=us_of(at))
    _wait(call, number, at, engine)
