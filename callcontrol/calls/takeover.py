"""Adopts the calls that an engine process before this one left running on the switch.

The journal says which calls were open and what is known of them; the switch says which of those
it still has. A live one is watched, metered and recorded like any other: what it costs depends
on the switch's own instants and on nothing that died. The end of one that is gone may yet be
told: its event is on its way, or another process of the service has seen it. If nobody tells,
the call is closed at the last instant at which it is proved to have been up, and marked
`reconciled`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress

import gevent

from callcontrol.calls.call import Call, LegUuid
from callcontrol.calls.engine import Engine
from callcontrol.calls.levels import CHANGE, deal_with_changes
from callcontrol.calls.lifecycle import TEST_CALL, record
from callcontrol.calls.state import CallState
from callcontrol.calls.watch import watch
from callcontrol.cdr import Cdr, CdrChange
from callcontrol.cdr.journal_file import OpenCall
from callcontrol.clock import at_of
from callcontrol.errors import CommandRejected, SessionError
from callcontrol.reference import Reference
from dialplan import E164, Caller, scopes_of
from tariffs import Tariff

# How long the end of a call that the switch no longer has may still be on its way to us.
_GRACE_S = 5.0
# How often the switch is asked whether a call that rang when it was taken over is answered.
_ASK_S = 2.0


def adopt(open_calls: Sequence[OpenCall], engine: Engine, *, grace_s: float = _GRACE_S) -> int:
    """Take over the calls that were open; gives how many of them are up.

    Args:
        open_calls: what the journal held when this process began.
        engine: with its link up.
        grace_s: how long the end of a call that is gone is waited for; not here.

    Raises:
        SessionError: the switch does not say which legs it has.

    Switches: waits for the switch, at most the deadline of a command for each call.
    """
    alive = 0
    for open_call in open_calls:
        call = _call_of(open_call, engine)
        if call is None or not engine.live_calls.add(call):
            continue
        _count_in(call, engine)
        alive += _take_over(call, engine, grace_s)
    return alive


def _call_of(open_call: OpenCall, engine: Engine) -> Call | None:
    """Make a call of what the journal holds; None, with a warning, when it holds too little."""
    try:
        draft = Cdr.from_json(str(open_call.merged.get("draft")))
    except ValueError as exc:
        engine.log.warning("open_call_unreadable", call_id=open_call.call_id, reason=str(exc))
        return None
    reference = engine.reference()
    tariff = _tariff_of(draft, reference)
    call = Call(
        call_id=draft.call_id,
        leg_uuid=LegUuid(draft.switch_uuid),
        received_us=draft.received_us,
        accepted_s=engine.clock.monotonic_s(),
        seen_us=_seen_us(open_call, draft),
        switch=draft.switch,
        dialled=draft.dialled,
        caller=Caller(
            raw=draft.caller_raw,
            number=None if draft.caller is None else E164(draft.caller),
            withheld=draft.caller_withheld,
        ),
        ringing_us=draft.ringing_us,
        answered_us=draft.answered_us,
        level=draft.level_at_start,
        tariff=tariff,
        is_adopted=True,
        flags=[flag for flag in draft.flags if flag == TEST_CALL],
        state=CallState.DIALLING,
    )
    call.changes = _changes(open_call, call, engine)
    if draft.number is not None:
        call.settlement = reference.settlement_of(E164(draft.number))
    if tariff is not None and tariff.version != draft.tariff_version:
        call.flags.append("tariff_version_changed")
    call.draft = draft
    return call


def _seen_us(open_call: OpenCall, draft: Cdr) -> int:
    """Give the last instant at which the call is proved to have been up."""
    noted = open_call.merged.get("seen_us")
    return max(draft.answered_us or draft.received_us, noted if isinstance(noted, int) else 0)


def _changes(open_call: OpenCall, call: Call, engine: Engine) -> list[CdrChange]:
    """Read the changes of level so far; what is noted of one later takes the place of it."""
    facts = {
        int(name.removeprefix(CHANGE)): fact
        for name, fact in open_call.merged.items()
        if name.startswith(CHANGE)
    }
    changes = []
    for number in sorted(facts):
        try:
            changes.append(CdrChange.of_fact(facts[number]))
        except ValueError as exc:
            call.flags.append("change_unreadable")
            engine.log.warning("change_unreadable", call_id=call.call_id, reason=str(exc))
    return changes


def _tariff_of(draft: Cdr, reference: Reference) -> Tariff | None:
    """Find the very table the call began with; else the one that holds for its date."""
    if draft.tariff is None:
        return None
    tables = reference.tariffs.get(draft.tariff, ())
    same = (table for table in tables if table.version == draft.tariff_version)
    return next(same, None) or reference.tariff_at(draft.tariff, at_of(draft.received_us))


def _count_in(call: Call, engine: Engine) -> None:
    """Count a call that was let through for the limits of its number and customers."""
    directory = engine.reference().directory
    number = directory.numbers.get(E164(call.draft.number or ""))
    if number is not None and call.level is not None:
        engine.live_calls.count_in(call, scopes_of(directory, number))


def _take_over(call: Call, engine: Engine, grace_s: float) -> bool:
    """Watch a call that is up, or wait for the end of one that is not; says which."""
    answered_us = _answered_us(call, engine)
    if answered_us is None:
        gevent.spawn_later(grace_s, _give_up, call)
    else:
        call.seen_us = max(call.seen_us, engine.clock.now_us())
        _notice_answer(call, answered_us, engine)
    engine.log.info("call_adopted", call_id=call.call_id, is_up=answered_us is not None)
    gevent.spawn(_see_out, call, engine)
    return answered_us is not None


def _give_up(call: Call) -> None:
    if not call.ended.ready():
        call.ended.set(None)


def _see_out(call: Call, engine: Engine) -> None:
    """Wait for the end of an adopted call and record it; resync ends the wait at the latest.

    One that still rings is asked for, as the link does not tell of answers.
    """
    while call.state is not CallState.ANSWERED and not call.ended.wait(_ASK_S):
        if call.ended.ready():
            break
        with suppress(SessionError):
            _notice_answer(call, _answered_us(call, engine), engine)
    call.ended.wait()
    record(call, engine)


def _notice_answer(call: Call, answered_us: int | None, engine: Engine) -> None:
    if answered_us and not call.ended.ready():
        call.answered_us = answered_us
        call.move_to(CallState.ANSWERED)
        watch(call, engine)
        deal_with_changes(call, engine)


def _answered_us(call: Call, engine: Engine) -> int | None:
    """Ask the switch for a leg: when it was answered, 0 when it was not, None: it is gone."""
    try:
        answer = engine.link.api(
            "uuid_dump", call.leg_uuid, "json", deadline_s=engine.settings.command_deadline_s
        )
        return int(json.loads(answer)["Caller-Channel-Answered-Time"])
    except CommandRejected:
        return None
    except (ValueError, TypeError, KeyError):
        # Broken text of a caller may spoil the dump; the leg is there, and what we know holds.
        return call.answered_us or 0
