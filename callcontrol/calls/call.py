"""Call: one caller's leg and all that is done for it, while it lasts."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NewType

import gevent
from gevent.event import AsyncResult

from callcontrol.calls.level_keys import LevelKeys
from callcontrol.calls.state import CallState, is_legal
from callcontrol.cdr import CallId, Cdr, CdrAnnouncement, CdrChange
from callcontrol.esl.event import Event
from dialplan import Attempt, Caller, Connect, Dial, Disposition, Gateway, Release, Scope
from tariffs import Coming, Meter, Settlement, Tariff, Withheld

LegUuid = NewType("LegUuid", str)


@dataclass(slots=True, kw_only=True, eq=False)
class Try:
    """What was dialled at one go, and what the switch told of it.

    Attributes:
        dial: the branches that rang together.
        leg_uuids: the uuid we chose for each branch's leg, in the order of the branches.
        started_us: when the switch began; microseconds since the epoch.
        ringing_us: when a destination first rang; only the first try of a call tells.
        answered_us: when the caller's leg was answered by it; None when it was not.
        ended_us: when it failed; None while it lasts, and for the one that was answered.
        sip_code: what the destination answered, where it did.
        attempt: how it ended, for the dialplan; None while it lasts.
        answered_leg: the switch's uuid of the leg that was bridged.
        application_uuid: what the switch calls this execution of `bridge`.
    """

    dial: Dial
    leg_uuids: tuple[LegUuid, ...]
    started_us: int
    ringing_us: int | None = None
    answered_us: int | None = None
    ended_us: int | None = None
    sip_code: int | None = None
    attempt: Attempt | None = None
    answered_leg: str | None = None
    application_uuid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Asked:
    """A change of level that waits to be dealt with.

    Attributes:
        change: what is asked.
        at_us: from when it shall hold, microseconds since the epoch.
        outcome: what came of it.
    """

    change: CdrChange
    at_us: int
    outcome: AsyncResult[CdrChange] = field(default_factory=AsyncResult)


@dataclass(slots=True, kw_only=True, eq=False)
class Call:
    """A call in progress.

    Attributes:
        call_id: ours; computed from the two that follow.
        leg_uuid: the switch's uuid of the caller's leg.
        received_us: when the switch created that leg; `*_us` are microseconds since the epoch.
        switch: the switch's name.
        dialled: the called number as it arrived.
        caller: who calls.
        accepted_s: when the engine took it, on the monotonic clock.
        seen_us: the last instant at which the switch is known to have had the leg.
        routed_us, ringing_us, answered_us: when that happened; None until it has.
        trunk: the address it was signalled from.
        is_asserted: that trunk is trusted to say who calls.
        origin: code of the operator the caller belongs to; None when it is not known.
        takes_advice: the network it came from takes advice of charge.
        decision: what the dialplan said; None until it has.
        gateways: by name, as the call's reference has them.
        tariff: the table in force when the call arrived; None when there is none.
        settlement: the terms of the customer's side; None when there are none.
        tries: everything dialled, in order.
        level: the level it starts at; None for a call that is not let through.
        level_now: the level in force; None while nothing is metered.
        changes: of level, asked for and dealt with, in order: in force or refused. The journal
            has them too, and the record is priced by them.
        asked: changes that wait; the first of them may be being dealt with.
        changing: deals with what is asked; None while nothing is.
        told_here: prices are spoken by us; what needs telling and was not told is not charged.
        withheld: what the table brought by itself, and was not told in time.
        to_tell: tells the caller of what comes next, before anything else is dealt with.
        on_coming: told what the table brings next by itself; must not wait.
        foretold: what of that was told last, or was to be.
        told_us: the last instant the meter was told; nothing asked later holds before it.
        keys: what the destination has pressed, as far as it may yet become a level.
        on_key: takes each key that the caller presses while the call talks; must not wait.
        on_played: told of the end of each file played to the caller meanwhile; must not wait.
        held_us: when, as far as we know, the switch would end the call for its maximum.
        is_hold_stale: the switch could not be told of that.
        draft: the record as far as it is known.
        is_adopted: another engine process set the call up.
        meter: runs from the answer; None for a call that is not answered, or costs nothing.
        failed: how the record shall call it that no target answered; None while one may.
        released: the cause we released the call with; None when we did not.
        sip_code: the SIP answer we gave in place of the cause's own; None when we did not.
        ended: the switch's word that the leg is gone (CHANNEL_HANGUP_COMPLETE), or None when
            the switch no longer knows the leg and its end was not seen.
        scopes: what the call counts against in the limits of concurrent calls.
        announcements: what was played to the caller, in order.
        flags: what is odd about it, for the record.
    """

    call_id: CallId
    leg_uuid: LegUuid
    received_us: int
    accepted_s: float
    seen_us: int
    switch: str
    dialled: str
    caller: Caller
    routed_us: int | None = None
    ringing_us: int | None = None
    answered_us: int | None = None
    trunk: str = ""
    is_asserted: bool = False
    origin: str | None = None
    takes_advice: bool = False
    decision: Connect | Release | None = None
    gateways: Mapping[str, Gateway] = field(default_factory=dict)
    tariff: Tariff | None = None
    settlement: Settlement | None = None
    level: int | None = None
    is_adopted: bool = False
    tries: list[Try] = field(default_factory=list)
    meter: Meter | None = None
    failed: Disposition | None = None
    released: str | None = None
    sip_code: int | None = None
    ended: AsyncResult[Event | None] = field(default_factory=AsyncResult)
    level_now: int | None = None
    changes: list[CdrChange] = field(default_factory=list)
    asked: deque[Asked] = field(default_factory=deque)
    changing: gevent.Greenlet[..., None] | None = None
    told_here: bool = False
    withheld: tuple[Withheld, ...] = ()
    to_tell: Callable[[], None] | None = None
    on_coming: Callable[[Coming | None], None] | None = None
    foretold: Coming | None = None
    told_us: int = 0
    keys: LevelKeys | None = None
    on_key: Callable[[Event], None] | None = None
    on_played: Callable[[Event], None] | None = None
    held_us: int | None = None
    is_hold_stale: bool = False
    scopes: tuple[Scope, ...] = ()
    announcements: list[CdrAnnouncement] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    state: CallState = CallState.RECEIVED
    draft: Cdr = field(init=False)

    def move_to(self, state: CallState) -> None:
        """Go on to another state.

        Raises:
            ValueError: the move is not in the table.
        """
        if not is_legal(self.state, state):
            raise ValueError(f"a call that is {self.state} cannot become {state}")
        self.state = state
