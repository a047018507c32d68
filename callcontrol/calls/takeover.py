"""Adopts the calls that an engine process before this one left running on the switch.

The journal says which calls were open and what is known of them; the switch says which of those
it still has. A live one is watched, metered and recorded like any other: what it costs depends
on the switch's own instants and on nothing that died. The end of one that is gone may yet be
told: its event is on its way, another process of the service has seen it, or the switch has
written it into its own records. If nobody tells, the call is closed at the last instant at
which it is proved to have been up, and marked `reconciled`.

Should the journal be lost, the switch still has what it was given to keep of each call.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import gevent

from callcontrol.calls.advice import takes_advice
from callcontrol.calls.call import Call, LegUuid
from callcontrol.calls.coming import foresee
from callcontrol.calls.engine import Engine
from callcontrol.calls.kept_facts import ENGINE, draft_from, owned
from callcontrol.calls.level_plan import follow_plan
from callcontrol.calls.levels import CHANGE, deal_with_changes
from callcontrol.calls.lifecycle import record
from callcontrol.calls.resync import channels_of, close_unseen
from callcontrol.calls.state import CallState
from callcontrol.calls.watch import watch
from callcontrol.cdr import Cdr, CdrAnnouncement, CdrChange
from callcontrol.cdr.journal_file import OpenCall
from callcontrol.clock import at_of
from callcontrol.errors import CommandRejected, PromptError, SessionError
from callcontrol.esl.event import Event
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
    gone = []
    taken = 0
    for open_call in open_calls:
        call = _call_of(open_call, engine)
        if call is None or not engine.live_calls.add(call):
            continue
        taken += 1
        _count_in(call, engine)
        if not _take_over(call, engine):
            gone.append(call)
    # Most ends were written down before this process began; the last ones may be on their way.
    close_unseen(gone, engine, is_last=False)
    late = [call for call in gone if not call.ended.ready()]
    if late:
        gevent.spawn_later(grace_s, close_unseen, late, engine)
    return taken - len(gone)


def unknown_calls(engine: Engine, name: str) -> list[OpenCall]:
    """Find the calls on the switch that an engine set up and that nobody has a note of.

    A journal lost with its disk is one reason, a note that was not on the disk yet when the
    process was killed another. They are noted now, so that they are known from here on.

    Args:
        engine: of this process.
        name: whose calls are wanted: this engine's, or those of one that is no more.

    Raises:
        SessionError: the switch does not say which legs it has.

    Switches: waits for the switch, at most the deadline of a command for each leg.
    """
    found = []
    for row in channels_of(engine):
        leg_uuid = row["uuid"]
        if row.get("direction") != "inbound" or engine.live_calls.find(leg_uuid):
            continue
        leg = _leg(leg_uuid, name, engine)
        draft = leg and draft_from(leg, name, engine.trunks)
        if draft:
            found.append(_noted(draft, engine))
    return found


def record_written(ends: Sequence[Event], engine: Engine) -> None:
    """Record those of this engine's calls whose ends the switch has written down.

    Only for a process whose journal is new, and may have been lost. A call whose record is in
    Postgres has the same id there, and stays as it is.

    Switches: waits for the disk at each call. Should the process end meanwhile, the rest has
    been noted.
    """
    calls = []
    for end in ends:
        draft = draft_from(end, engine.settings.engine, engine.trunks)
        call = draft and _call_of(_noted(draft, engine), engine)
        if call and engine.live_calls.add(call):
            call.ended.set(end)
            calls.append(call)
    for call in calls:
        record(call, engine)


def _noted(draft: Cdr, engine: Engine) -> OpenCall:
    changes = enumerate(draft.changes)
    facts: dict[str, object] = {
        "draft": draft.to_json(),
        **{f"{CHANGE}{number}": change.to_fact() for number, change in changes},
    }
    engine.journal.opened(draft.call_id, facts)
    engine.log.warning("call_found_on_switch", call_id=draft.call_id)
    return OpenCall(call_id=draft.call_id, facts=(facts,))


def _leg(leg_uuid: str, name: str, engine: Engine) -> Event | None:
    """Ask the switch for all it knows of a leg; None for one that is not that engine's."""
    deadline_s = engine.settings.command_deadline_s
    try:
        owner = engine.link.api("uuid_getvar", leg_uuid, ENGINE, deadline_s=deadline_s)
        if owner.strip() != name:
            return None
        dump = engine.link.api("uuid_dump", leg_uuid, deadline_s=deadline_s)
    except CommandRejected:
        return None
    return Event.of_dump(dump)


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
        told_here=engine.settings.announce_prices == "here",
        announcements=[_seen_out(one, draft, engine) for one in draft.announcements],
        state=CallState.DIALLING,
        flags=list(draft.flags),
    )
    call.changes = _changes(open_call, call, engine)
    call.takes_advice = _takes_advice(draft, engine)
    if draft.number is not None:
        call.settlement = reference.settlement_of(E164(draft.number))
    if tariff is not None and tariff.version != draft.tariff_version:
        call.flags.append("tariff_version_changed")
    call.draft = replace(draft, announcements=tuple(call.announcements))
    return call


def _takes_advice(draft: Cdr, engine: Engine) -> bool:
    """Say whether the network it came from takes advice; the switch knows its trunk."""
    operators = engine.reference().operators.all
    if not any(one.advice_of_charge and one.code == draft.origin for one in operators):
        return False
    try:
        trunk = engine.link.api(
            "uuid_getvar",
            draft.switch_uuid,
            "sip_network_ip",
            deadline_s=engine.settings.command_deadline_s,
        )
    except SessionError:
        return False
    return takes_advice(trunk.strip(), engine.reference())


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


def _seen_out(one: CdrAnnouncement, draft: Cdr, engine: Engine) -> CdrAnnouncement:
    """Give an announcement that nobody saw the end of the end that its file's length tells.

    The switch plays it on without us; left open, the rest of the call would be free.
    """
    if one.ended_us is not None or one.level is None or draft.answered_us is None:
        return one
    with suppress(PromptError):
        if prompt := engine.prompts.read(one.name):
            ended_us = one.started_us + prompt.length_us
            return replace(one, ended_us=ended_us, is_cut_off=True)
    ended_us = max(one.started_us, engine.clock.now_us())
    return replace(one, ended_us=ended_us, is_cut_off=True)


def _take_over(call: Call, engine: Engine) -> bool:
    """Watch a call that is up, and wait for the end of it in any case; says whether it is."""
    answered_us = _answered_us(call, engine)
    if answered_us is not None:
        call.seen_us = max(call.seen_us, engine.clock.now_us())
        _notice_answer(call, answered_us, engine)
        if call.draft.engine != engine.settings.engine:
            # Should that engine come back, this call is not its own any more.
            with suppress(SessionError):
                engine.link.post(owned(call.leg_uuid, engine.settings.engine))
    engine.log.info("call_adopted", call_id=call.call_id, is_up=answered_us is not None)
    gevent.spawn(_see_out, call, engine)
    return answered_us is not None


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
        foresee(call, engine)
        follow_plan(call, engine)
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
