"""Compares our calls with the switch's own list: the event stream may lose the end of a call.

Done each time the link to the switch comes up, and every so often while it is. A call whose leg
the switch no longer knows, and whose end does not arrive within a moment, is closed by what the
switch has written down itself; failing that, at the last instant at which the switch is known
to have had it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import gevent

from callcontrol.calls.call import Call
from callcontrol.calls.engine import Engine
from callcontrol.calls.watch import rearm
from callcontrol.cdr import CallId
from callcontrol.errors import SessionError, WireError

# An event that is on its way arrives within this time.
_GRACE_S = 2.0
# So many calls are noted in the journal at a time, about a millisecond of its thread.
_AT_A_TIME = 100
_PAUSE_S = 0.005
AGAIN_S = 2.0
"""After a comparison that failed, when the next one is due."""


def resync(engine: Engine, *, grace_s: float = _GRACE_S) -> int:
    """Close the calls that the switch no longer has; gives how many those were.

    Args:
        engine: the calls and the link.
        grace_s: how long the end of a call that is missing may still be on its way.

    Raises:
        SessionError: the switch did not give its list.

    Switches: waits for the switch, at most the deadline of each command and the grace.
    """
    # Only calls that were here before the switch was asked can be missing from its answer.
    ours = list(engine.live_calls)
    asked_us = engine.clock.now_us()
    alive = legs_of(engine)
    seen, missing = [], []
    for call in ours:
        if call.leg_uuid in alive:
            call.seen_us = max(call.seen_us, asked_us)
            if call.is_hold_stale:
                rearm(call, engine)
            if call.answered_us is not None:
                seen.append(call.call_id)
        elif not call.ended.ready():
            missing.append(call)
    _note(seen, asked_us, engine)
    if missing:
        gevent.wait([call.ended for call in missing], timeout=grace_s)
    lost = [call for call in missing if not call.ended.ready() and not _has(call, engine)]
    close_unseen(lost, engine)
    return len(lost)


def _note(seen: Sequence[CallId], at_us: int, engine: Engine) -> None:
    """Note that calls are proved up to an instant, should no process be there when they end.

    Switches: between some and some, so that a call which arrives finds the journal free.
    """
    for first in range(0, len(seen), _AT_A_TIME):
        if first:
            gevent.sleep(_PAUSE_S)
        engine.journal.seen(seen[first : first + _AT_A_TIME], at_us)


def close_unseen(calls: Sequence[Call], engine: Engine, *, is_last: bool = True) -> None:
    """Close calls whose legs are gone: by the switch's own records, else where last seen.

    Args:
        calls: none of them up.
        engine: everything else.
        is_last: the end of a call that is in no record is waited for no longer.

    Switches: waits for the disk that the switch's records are on.
    """
    since_us = min((call.received_us for call in calls), default=0)
    written = engine.written_ends([call.leg_uuid for call in calls], since_us) if calls else {}
    for call in calls:
        end = written.get(call.leg_uuid)
        if call.ended.ready() or (end is None and not is_last):
            continue
        if end is None:
            engine.log.warning("call_end_missed", call_id=call.call_id)
        engine.metrics.ends_missed.inc()
        call.ended.set(end)


def _has(call: Call, engine: Engine) -> bool:
    """Ask the switch for one leg: its list of all is up to a third of a second behind."""
    deadline_s = engine.settings.command_deadline_s
    return engine.link.api("uuid_exists", call.leg_uuid, deadline_s=deadline_s) != "false"


def legs_of(engine: Engine) -> frozenset[str]:
    """Ask the switch for the uuids of all its legs; as `channels_of`."""
    return frozenset(row["uuid"] for row in channels_of(engine))


def channels_of(engine: Engine) -> list[dict[str, str]]:
    """Ask the switch for the list of its legs, each with its uuid and what else it tells.

    Raises:
        SessionError: it did not answer, or not with a list.

    Switches: waits for the switch, at most the deadline of a command.
    """
    deadline_s = engine.settings.command_deadline_s
    answer = engine.link.api("show", "channels", "as", "json", deadline_s=deadline_s)
    try:
        return [{**row, "uuid": row["uuid"]} for row in json.loads(answer).get("rows", ())]
    except (ValueError, TypeError, KeyError, AttributeError) as exc:
        raise WireError(f"no list of channels: {answer[:80]!r}") from exc


def keep_in_step(engine: Engine, every_s: float, *, again_s: float = AGAIN_S) -> None:
    """Compare every so often, and soon again when that failed; for ever. Switches: always."""
    wait_s = every_s
    while True:
        gevent.sleep(wait_s)
        wait_s = every_s
        if not engine.link.is_up:
            continue
        try:
            resync(engine)
        except SessionError as exc:
            engine.log.warning("resync_failed", reason=str(exc))
            wait_s = again_s
