"""Tells the caller of a running call what a change will cost, and hears whether it is accepted.

It is played to the caller alone, inside the bridge, which goes on. While it plays time is free.
A change holds from the end of it; where consent is due, from the key that accepts it. Whatever
goes wrong, there is no change: a price that was not said is not charged.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import gevent
from gevent.event import AsyncResult

from callcontrol.calls.call import Call
from callcontrol.calls.engine import Engine
from callcontrol.calls.meters import HAD_ENDED
from callcontrol.calls.watch import follow, rearm, tell_again
from callcontrol.calls.withheld import NO_CONSENT, NOT_TOLD
from callcontrol.cdr import CdrAnnouncement
from callcontrol.errors import PromptError, SessionError, WireError
from callcontrol.esl.event import Event
from callcontrol.prompts import ACCEPT_KEY, Needed, Prompt, needed_before_change

# What the switch may take beyond the length of what it plays.
_GRACE_S = 3.0
_PLAYED = "done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What came of telling the caller of a change.

    Attributes:
        in_force_us: the change holds from here on, microseconds since the epoch.
        refused: why it does not hold at all, such as that the caller said no; None: it does.
    """

    in_force_us: int
    refused: str | None = None


def told_of_change(call: Call, level: int, at_us: int, engine: Engine) -> Told:
    """Tell the caller of another level before it counts, and ask for consent where it is due.

    Args:
        call: in talk, and nothing else is told it meanwhile.
        level: the number asked for, one of the table's.
        at_us: from when it would hold, not before anything told; microseconds since the epoch.
        engine: everything else.

    Returns:
        In force at once where nothing need be said.

    Switches: waits for the switch and for the caller, at most the announcement, the time for a
    key, and a little; ends when the call does.
    """
    if engine.settings.announce_prices == "elsewhere":
        return Told(in_force_us=at_us)
    if call.tariff is None or call.meter is None or level == call.meter.level_at(at_us):
        return Told(in_force_us=at_us)
    needed = needed_before_change(
        call.tariff,
        level,
        at_us,
        in_force=call.meter.level_at(at_us),
        is_new=call.meter.is_new(level, at_us),
    )
    return Told(in_force_us=at_us) if needed is None else say(call, needed, engine)


def say(call: Call, needed: Needed, engine: Engine, *, due_us: int | None = None) -> Told:
    """Say a price in a running call, and hear the caller's answer where that is due.

    Args:
        call: as `told_of_change`.
        needed: what is to be said.
        engine: everything else.
        due_us: when the fixed charge that it tells falls due: no key is waited for beyond it.

    Switches: as `told_of_change`.
    """
    try:
        prompt = engine.prompts.find(needed)
        why = f"{engine.prompts.spoken_name(needed)} is missing"
    except PromptError as exc:
        prompt, why = None, str(exc)
    now_us = max(engine.clock.now_us(), call.told_us)
    if prompt is None:
        return _not_told(call, now_us, why, engine)
    pressed: AsyncResult[Event] = AsyncResult()
    try:
        return _say(call, needed, prompt, now_us, due_us, pressed, engine)
    finally:
        call.on_key = None


def _say(
    call: Call,
    needed: Needed,
    prompt: Prompt,
    now_us: int,
    due_us: int | None,
    pressed: AsyncResult[Event],
    engine: Engine,
) -> Told:
    playing = CdrAnnouncement(
        name=prompt.name,
        version=prompt.version,
        level=needed.level,
        started_us=now_us,
        due_us=due_us,
    )
    ended_us = _play(call, playing, prompt, pressed, engine)
    if isinstance(ended_us, str):
        return _not_told(call, now_us, ended_us, engine)
    if call.ended.ready():
        return Told(in_force_us=ended_us, refused=HAD_ENDED)
    if not needed.duty.consent:
        return Told(in_force_us=ended_us)
    wait_s = float(engine.settings.consent_wait_s)
    if due_us is not None:
        wait_s = min(wait_s, max(0, due_us - engine.clock.now_us()) / 1_000_000)
    _wait_for(pressed, call, wait_s)
    if call.ended.ready():
        return Told(in_force_us=ended_us, refused=HAD_ENDED)
    event = pressed.get() if pressed.ready() else None
    key = event.header("DTMF-Digit") if event else None
    call.announcements[-1] = replace(call.announcements[-1], consent_key=key)
    _note(call, engine)
    if event is None or key != ACCEPT_KEY:
        why = f"{NO_CONSENT}: {f'key {key}' if key else 'no key'}"
        return Told(in_force_us=ended_us, refused=why)
    return Told(in_force_us=max(ended_us, _instant(event) or engine.clock.now_us()))


def has_played(event: Event, engine: Engine) -> None:
    """Take the end of something that was played to a leg. Switches: no."""
    call = engine.live_calls.find(event.uuid)
    if call is not None and call.on_played is not None:
        call.on_played(event)


def _play(
    call: Call,
    playing: CdrAnnouncement,
    prompt: Prompt,
    pressed: AsyncResult[Event],
    engine: Engine,
) -> int | str:
    """Play it to the caller alone; gives when it ended, or why it was not heard whole."""
    stopped: AsyncResult[Event] = AsyncResult()

    def take(event: Event) -> None:
        if event.header("Playback-File-Path") == prompt.file and not stopped.ready():
            stopped.set(event)
            # At once: the key of a quick caller may come with the very same packet.
            call.on_key = lambda key: None if pressed.ready() else pressed.set(key)

    call.on_played = take
    call.announcements.append(playing)
    _note(call, engine)
    try:
        deadline_s = engine.settings.command_deadline_s
        engine.link.api(
            "uuid_broadcast", call.leg_uuid, prompt.file, "aleg", deadline_s=deadline_s
        )
        _wait_for(stopped, call, prompt.length_us / 1_000_000 + _GRACE_S)
    except SessionError as exc:
        call.announcements.pop()
        _note(call, engine)
        # Meanwhile it may have been told to a meter that was made anew.
        tell_again(call)
        return str(exc)
    finally:
        call.on_played = None
    if call.ended.ready():
        return playing.started_us
    event = stopped.get() if stopped.ready() else None
    told_us = _instant(event) if event else None
    ended_us = max(playing.started_us, told_us or engine.clock.now_us())
    is_whole = event is not None and event.header("Playback-Status") == _PLAYED
    call.announcements[-1] = replace(playing, ended_us=ended_us, is_cut_off=not is_whole)
    _note(call, engine)
    _was_free(call, ended_us, engine)
    if not is_whole:
        return f"{prompt.file} was not played to its end"
    return ended_us


def _was_free(call: Call, until_us: int, engine: Engine) -> None:
    """Let the meter and the watch over the maximum know of free time that has ended."""
    if call.meter is None or until_us <= call.meter.start_us:
        return
    tell_again(call)
    call.told_us = max(call.told_us, until_us)
    follow(call, engine)
    rearm(call, engine)


def _wait_for(what: AsyncResult[Any], call: Call, deadline_s: float) -> None:
    gevent.wait([what, call.ended], timeout=deadline_s, count=1)


def _instant(event: Event) -> int | None:
    try:
        return event.event_us
    except WireError:
        return None


def _note(call: Call, engine: Engine) -> None:
    call.draft = replace(call.draft, announcements=tuple(call.announcements))
    engine.journal.noted(call.call_id, {"draft": call.draft.to_json()})


def _not_told(call: Call, at_us: int, why: str, engine: Engine) -> Told:
    engine.log.warning("price_not_announced", call_id=call.call_id, reason=why)
    return Told(in_force_us=at_us, refused=NOT_TOLD)
