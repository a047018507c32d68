"""Tells the caller the price before the call is charged, and asks for consent where it is due.

It is said in early media, before anybody is dialled: so it is free, and a destination is never
rung for a caller who does not want the price. The caller pays from the answer on, and never
before the legal wait after the end of the announcement is over.

A key counts only once the price has been said to its end: nobody consents to what was not
heard. No key, or another one, is no consent, and then there is no call.
"""

from __future__ import annotations

from dataclasses import replace

from callcontrol.calls.call import Call
from callcontrol.calls.early_media import is_played, run_application
from callcontrol.calls.engine import Engine
from callcontrol.calls.hangup import OUT_OF_ORDER, released_instead
from callcontrol.calls.withheld import NO_CONSENT, NOT_TOLD
from callcontrol.cdr import CdrAnnouncement
from callcontrol.errors import CommandTimeout, PromptError
from callcontrol.esl import command
from callcontrol.esl.session import Session
from callcontrol.prompts import ACCEPT_KEY, Needed, Prompt, needed_before_charging
from dialplan import Connect, Disposition, Release

_KEY = "cc_consent_key"
# What the switch may take beyond the length of what it plays, or the time for a key.
_GRACE_S = 5.0
# Asked for after the announcement, so that nothing is left to be cut short by a key.
_SILENCE = "silence_stream://20"
# What the caller hears while the destination rings; the ringing of Switzerland.
_RINGING = "%(1000,4000,425)"


def unspoken_price(call: Call, decision: Connect, engine: Engine) -> Release | None:
    """Say that a call cannot be connected, because its price could not be spoken; or None.

    Args:
        call: with its tariff.
        decision: for the level it starts at.
        engine: everything else.

    Switches: no; reads the prompt's file when it is new.
    """
    needed = _needed(call, decision, engine)
    if needed is None or isinstance(prompt := _prompt(needed, engine), Prompt):
        return None
    return _not_told(call, decision, prompt, engine)


def tell_price(
    session: Session, call: Call, decision: Connect, engine: Engine
) -> Release | None:
    """Say what must be said before a call is charged, and hear the caller's answer.

    Args:
        session: the call's own socket.
        call: not answered; its announcements are added to.
        decision: for the level it starts at.
        engine: everything else.

    Returns:
        How the call is to be released instead of connected; None: it may go on.

    Raises:
        SessionGone: the caller has left.

    Switches: waits for the switch, at most the announcement, the time for a key, and a little.
    """
    if (needed := _needed(call, decision, engine)) is None:
        return None
    prompt = _prompt(needed, engine)
    if isinstance(prompt, str):
        return _not_told(call, decision, prompt, engine)
    # The switch's dialplan has armed a hangup against an engine that takes a call and dies.
    session.post(
        command.api("sched_del", call.leg_uuid),
        command.api("uuid_setvar", call.leg_uuid, "playback_terminators", "none"),
        command.api("uuid_setvar", call.leg_uuid, "ringback", _RINGING),
    )
    try:
        if not _said(session, call, needed, prompt, engine):
            return _not_told(call, decision, f"{prompt.file} was not played", engine)
        if not needed.duty.consent:
            return None
        key = _key(session, call, engine)
    except CommandTimeout as exc:
        return _not_told(call, decision, str(exc), engine)
    call.announcements[-1] = replace(call.announcements[-1], consent_key=key)
    if key == ACCEPT_KEY:
        return None
    why = f"{NO_CONSENT}: {f'key {key}' if key else 'no key'}"
    engine.log.info("consent_refused", call_id=call.call_id, reason=why)
    return released_instead(decision, why, "CALL_REJECTED", Disposition.REJECTED)


def _needed(call: Call, decision: Connect, engine: Engine) -> Needed | None:
    if engine.settings.announce_prices == "elsewhere":
        return None
    if call.tariff is None or decision.level is None:
        return None
    return needed_before_charging(call.tariff, decision.level, call.received_us)


def _prompt(needed: Needed, engine: Engine) -> Prompt | str:
    """Find the file, or say why there is none."""
    try:
        found = engine.prompts.find(needed)
        return found or f"{engine.prompts.spoken_name(needed)} is missing"
    except PromptError as exc:
        return str(exc)


def _said(session: Session, call: Call, needed: Needed, prompt: Prompt, engine: Engine) -> bool:
    """Play the announcement and note it; says whether it was heard to its end."""
    opened = run_application(
        session, call, "pre_answer", deadline_s=engine.settings.command_deadline_s
    )
    playing = CdrAnnouncement(
        name=prompt.name,
        version=prompt.version,
        level=needed.level,
        started_us=opened.event_us or engine.clock.now_us(),
    )
    call.announcements.append(playing)
    deadline_s = prompt.length_us / 1_000_000 + _GRACE_S
    played = run_application(session, call, "playback", prompt.file, deadline_s=deadline_s)
    if not is_played(played):
        call.announcements.pop()
        return False
    ended_us = played.event_us or engine.clock.now_us()
    call.announcements[-1] = replace(
        playing, ended_us=ended_us, charged_from_us=ended_us + needed.duty.wait_us
    )
    return True


def _key(session: Session, call: Call, engine: Engine) -> str | None:
    """Wait for one key of the caller."""
    wait_s = engine.settings.consent_wait_s
    # least most tries patience terminators prompt invalid variable pattern
    argument = f"1 1 1 {wait_s * 1000} none {_SILENCE} {_SILENCE} {_KEY} [0-9*#]"
    done = run_application(
        session, call, "play_and_get_digits", argument, deadline_s=wait_s + _GRACE_S
    )
    return done.variable(_KEY) or None


def _not_told(call: Call, decision: Connect, why: str, engine: Engine) -> Release:
    engine.log.warning("price_not_announced", call_id=call.call_id, reason=why)
    return released_instead(decision, NOT_TOLD, OUT_OF_ORDER, Disposition.FAILED)
