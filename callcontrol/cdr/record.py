"""Cdr: the frozen record of one call, its fields and their units, and its JSON both ways.

One record per call, also of a refused one. Everything in it is plain data: the record must be
readable in ten years, so its parts are its own and not those of the packages that made them.

Units: `*_us` are microseconds since the epoch on the switch's clock; amounts of money are
exact, `Decimal` where they are in whole centimes and `Fraction` where a third of one may occur
(a minute of 1.00 is 1/60 a second). Nothing here checks its values: a record that looks wrong
is still the only record of that call. The database refuses what cannot be (a negative charge),
and the journal then sets the record aside with the reason, where somebody can see it.

Text is kept as it came, whatever came: see `Cdr.to_json`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Literal

from callcontrol.cdr import codec
from callcontrol.cdr.call_id import CallId
from tariffs import STEP

Disposition = Literal[
    "answered",
    "blocked",
    "closed",
    "busy",
    "no_answer",
    "abandoned",
    "unreachable",
    "rejected",
    "failed",
    "congestion",
]
ReleasedBy = Literal["caller", "destination", "engine", "switch", "unknown"]
ClosedHow = Literal["normal", "recovered", "reconciled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CdrAttempt:
    """One try of one target through one gateway.

    Attributes:
        step: the route's step, from 1.
        target: E.164 number or SIP URI.
        gateway: the gateway's name; none for a SIP URI reached directly.
        started_us, ringing_us, answered_us, ended_us: microseconds since the epoch; none where
            that moment never came. ended_us of the attempt that was answered is the call's end.
        cause: the hangup cause's name, as the switch gave it.
        q850: its Q.850 number, 1 to 127, when it has one.
        sip_code: the SIP status the target answered with, when it did.
        is_answered: this is the attempt that carried the call.
        leg_uuid: the switch's uuid of the outgoing leg.
    """

    step: int
    target: str
    started_us: int
    gateway: str | None = None
    ringing_us: int | None = None
    answered_us: int | None = None
    ended_us: int | None = None
    cause: str | None = None
    q850: int | None = None
    sip_code: int | None = None
    is_answered: bool = False
    leg_uuid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CdrSegment:
    """A stretch of the metered time at one level.

    Attributes:
        seconds: seconds charged (whole increments).
        amount: price of those seconds, exact and unrounded.
    """

    level: int
    from_us: int
    to_us: int
    seconds: int
    amount: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class CdrLine:
    """One line of the price: the charge before rounding is the sum of the lines.

    Attributes:
        kind: `time` has from_us, to_us and seconds; `per_call` and `fixed` have at_us.
        amount: exact and unrounded; of a fixed charge that was withheld, because the caller
            was not told of it or did not consent, nothing.
    """

    kind: Literal["time", "per_call", "fixed"]
    level: int
    amount: Fraction
    at_us: int | None = None
    from_us: int | None = None
    to_us: int | None = None
    seconds: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CdrChange:
    """A change of level that was asked for during the call, applied or refused.

    Attributes:
        level: the level asked for.
        asked_us: when it was asked.
        in_force_us: from when it held; none when it was refused.
        by: who or what asked: `destination`, `step`, `plan`, an operator's name.
        refused: why not; none when it was applied.
        request: the number of the row that asked; none when it was not a row.
    """

    level: int
    asked_us: int
    by: str
    in_force_us: int | None = None
    refused: str | None = None
    request: int | None = None

    @property
    def came_by_itself(self) -> bool:
        """Whether it is a step of the table that was in force when it was due."""
        return self.by == STEP and self.in_force_us == self.asked_us

    def to_fact(self) -> object:
        """Write it as plain JSON values, to be noted of a call that is open."""
        return codec.plain(self)

    @classmethod
    def of_fact(cls, fact: object) -> CdrChange:
        """Read back what `to_fact` wrote.

        Raises:
            ValueError: it is something else.
        """
        return codec.build(cls, fact)


@dataclass(frozen=True, slots=True, kw_only=True)
class CdrAnnouncement:
    """Something spoken to the caller.

    Attributes:
        name: what was played.
        version: which file it was: the beginning of the SHA-256 of its bytes; empty for a
            message that tells no price.
        level: the level whose price it told, when it told one.
        ended_us: when it had been played; none when the call ended before.
        consent_key: the key the caller pressed when asked to consent; none when none was
            pressed, or none was asked for.
        charged_from_us: nothing was charged before it; none when the call is not charged after
            this announcement.
        due_us: when the fixed charge that it told was to fall due; none for any other.
        is_cut_off: it was not played to its end, or nobody saw that it was.
    """

    name: str
    started_us: int
    version: str = ""
    level: int | None = None
    ended_us: int | None = None
    consent_key: str | None = None
    charged_from_us: int | None = None
    due_us: int | None = None
    is_cut_off: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CdrCharge:
    """What the caller owes.

    Attributes:
        gross: rounded once, the maximum applied; net + vat is exactly this.
        exact: the sum of the lines, before rounding and maximum.
        rounding: what rounding added.
        is_capped: the maximum charge of a call was reached.
    """

    gross: Decimal
    net: Decimal
    vat: Decimal
    vat_rate: Decimal
    exact: Fraction
    rounding: Fraction = Fraction(0)
    is_capped: bool = False
    currency: str = "CHF"


@dataclass(frozen=True, slots=True, kw_only=True)
class CdrSettlement:
    """The customer's side of the call; exact, to be rounded where calls are summed.

    Attributes:
        share: the customer's part of the net charge.
        transport: what carrying the call costs the customer.
        payout: share minus transport; negative when the customer pays.
        kind: kind of line the transport was priced by: `voip`, `fixed`, `mobile`…
    """

    share: Fraction
    transport: Fraction
    payout: Fraction
    kind: str
    currency: str = "CHF"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cdr:
    """One call, from the switch's channel to the last centime.

    Attributes:
        call_id: ours, from `call_id_for(switch_uuid, received_us)`.
        switch_uuid: the switch's uuid of the caller's leg.
        switch, engine: names of the switch and of the engine that recorded.
        dialled: the called number as it arrived.
        number: the service number in E.164; none when it is not one of ours.
        category: `0800`, `0901`…; none when the number is not one of ours.
        customer: the customer's id.
        caller: E.164; none when it cannot be read as a number.
        caller_raw: as it arrived, whatever it is.
        caller_withheld: the caller asked not to be shown: for the operator's eyes only.
        received_us, routed_us, ringing_us, answered_us, released_us: microseconds since the
            epoch; none where that moment never came. received_us names the call, see call_id.
        metered_us: how long the meter ran, in microseconds.
        hangup_cause: by name; q850 when the cause has such a number; sip_code as the caller
            was answered.
        rule: the rule of the decision, such as `weekly:mon-fri 08:00-18:00`.
        level_at_start: none when nothing was metered.
        origin: code of the operator the caller belongs to; none when it is not known.
        tariff, tariff_version: the tariff table the meter used.
        tariff_class: how the caller's operator learns the charge: `online`, `offline-a` or
            `offline-b`; of the latter two it is sent a charge record.
        other_leg_uuid: the switch's uuid of the leg that was answered.
        closed_how: `recovered` by an engine that took the call over, or from the switch's own
            record when no event told the end; `reconciled` when nothing told it and the call
            was closed at its last proven instant.
        flags: what is odd about this record, each one word, such as `clock_ran_backwards`.
    """

    call_id: CallId
    switch_uuid: str
    switch: str
    engine: str
    dialled: str
    caller_raw: str
    caller_withheld: bool
    received_us: int
    disposition: Disposition
    released_by: ReleasedBy
    hangup_cause: str
    rule: str
    number: str | None = None
    category: str | None = None
    customer: str | None = None
    caller: str | None = None
    origin: str | None = None
    routed_us: int | None = None
    ringing_us: int | None = None
    answered_us: int | None = None
    released_us: int | None = None
    metered_us: int = 0
    q850: int | None = None
    sip_code: int | None = None
    presentation: str | None = None
    level_at_start: int | None = None
    tariff: str | None = None
    tariff_version: str = ""
    tariff_class: str | None = None
    other_leg_uuid: str | None = None
    attempts: tuple[CdrAttempt, ...] = ()
    segments: tuple[CdrSegment, ...] = ()
    lines: tuple[CdrLine, ...] = ()
    changes: tuple[CdrChange, ...] = ()
    announcements: tuple[CdrAnnouncement, ...] = ()
    charge: CdrCharge | None = None
    settlement: CdrSettlement | None = None
    closed_how: ClosedHow = "normal"
    flags: tuple[str, ...] = ()

    def to_json(self) -> str:
        r"""Write the record as one line of JSON that `from_json` reads back equal.

        Amounts are strings. Text that is not text (a NUL, half a surrogate pair left over from
        bytes that were no UTF-8) is written as a `\u` escape and so survives any storage.
        """
        return codec.compact(self)

    @classmethod
    def from_json(cls, text: str) -> Cdr:
        """Read a record back.

        A field this version does not know is an error: dropping it would lose part of a record.

        Raises:
            ValueError: not a record; the sentence names the field.
        """
        try:
            return codec.build(cls, json.loads(text))
        except RecursionError as exc:
            raise ValueError("nested too deeply to be a record") from exc
