"""Compares what the switch wrote down itself with what we recorded, call by call.

A call's id follows from the leg's uuid and its creation, both of which the switch writes; so
its line and our record find each other by id, whoever wrote either. Charges are computed anew
from the switch's instants, by the same table and the same changes of level. Pure: what is
compared is passed in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Literal

from callcontrol.cdr import CallId, Cdr, call_id_for
from callcontrol.cdr.free_time import free_times
from callcontrol.cdr.metered import charged_from_us, told_changes, withheld_in
from callcontrol.esl.switch_cdrs import SwitchCdr
from tariffs import Change, Meter, Tariff, TariffError

Kind = Literal[
    "missing",
    "no_engine",
    "open",
    "extra",
    "set_aside",
    "twice",
    "times",
    "charge",
    "unmetered",
]

MEANING: Mapping[Kind, str] = {
    "missing": "the switch had the call, and there is no record of it",
    "no_engine": "the switch refused the call because no engine served it, and nobody noted it",
    "open": "the call is over, and still open in a journal",
    "extra": "there is a record, and the switch wrote nothing of the call",
    "set_aside": "Postgres refused the record, and it waits in a journal",
    "twice": "one leg of the switch has more than one record",
    "times": "the record's instants are not the switch's",
    "charge": "the charge is not what the switch's instants come to",
    "unmetered": "the switch has the call up, and no engine has it",
}

TariffOf = Callable[[str, str], Tariff | None]
"""Gives the table of a tariff's name and version, while there is one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that is not the same on both sides.

    Attributes:
        kind: what; MEANING has a sentence for each.
        call_id: the call.
        leg_uuid: the switch's uuid of the caller's leg.
        says: the particulars; never who called.
    """

    kind: Kind
    call_id: CallId
    leg_uuid: str
    says: str = ""


@dataclass(slots=True, kw_only=True)
class Reconciliation:
    """A comparison, taken in by the piece.

    Args:
        tariff_of: finds the table a record was charged by.
        whole_since_us: from when on the switch's lines are whole.
        until_us: legs that ended at or after this instant may not be recorded yet.
        open_calls: ids of the calls that the journals hold open.

    Attributes:
        differences: what was found so far.
        calls, records: how many were compared.
        unchecked: charges that could not be computed anew: their table is no longer there.
    """

    tariff_of: TariffOf
    whole_since_us: int
    until_us: int
    open_calls: frozenset[str] = frozenset()
    differences: list[Difference] = field(default_factory=list)
    calls: int = 0
    records: int = 0
    unchecked: int = 0
    _switches: set[str] = field(default_factory=set)
    _records_of: dict[str, CallId] = field(default_factory=dict)

    def compare(self, written: Iterable[SwitchCdr], records: Iterable[Cdr]) -> None:
        """Compare all calls created within some time.

        Args:
            written: the legs that the switch wrote down, created within that time.
            records: ours, of calls received within it; one that is given twice counts once.
        """
        by_id = {record.call_id: record for record in records}
        self.records += len(by_id)
        without: set[str] = set(by_id)
        for leg in written:
            if leg.ended_us >= self.until_us:
                without.discard(_id_of(leg))
                continue
            self.calls += 1
            record = by_id.get(_id_of(leg))
            if record is None:
                self._unrecorded(leg)
            else:
                without.discard(record.call_id)
                self._switches.add(record.switch)
                self._same(leg, record)
        for record in by_id.values():
            self._once(record)
            is_due = (
                record.received_us >= self.whole_since_us
                and (record.released_us or record.received_us) < self.until_us
            )
            # Of another switch there are no lines here.
            is_ours = not self._switches or record.switch in self._switches
            if record.call_id in without and is_due and is_ours:
                self._tell("extra", record.call_id, record.switch_uuid, record.closed_how)

    def live(self, legs: Iterable[tuple[str, int]], known: frozenset[str]) -> None:
        """Compare the callers' legs that are up with the calls that engines have.

        Args:
            legs: uuid and instant of creation, microseconds since the epoch.
            known: the uuids of the legs that some engine has a call of.
        """
        for leg_uuid, created_us in legs:
            if leg_uuid not in known:
                self._tell("unmetered", call_id_for(leg_uuid, created_us), leg_uuid)

    def set_aside(self, reasons: Mapping[CallId, str]) -> None:
        """Tell of the records that Postgres refused, with its reasons."""
        for call_id, reason in reasons.items():
            self._tell("set_aside", call_id, "", reason)

    def _unrecorded(self, leg: SwitchCdr) -> None:
        call_id = _id_of(leg)
        if call_id in self.open_calls:
            self._tell("open", call_id, leg.leg_uuid, _said(leg))
        elif leg.answered_us is None and not leg.engine:
            self._tell("no_engine", call_id, leg.leg_uuid, _said(leg))
        else:
            self._tell("missing", call_id, leg.leg_uuid, _said(leg))

    def _once(self, record: Cdr) -> None:
        other = self._records_of.setdefault(record.switch_uuid, record.call_id)
        if other != record.call_id:
            self._tell("twice", record.call_id, record.switch_uuid, f"also {other}")

    def _same(self, leg: SwitchCdr, record: Cdr) -> None:
        pairs = {
            "answered": (leg.answered_us, record.answered_us),
            "released": (leg.ended_us, record.released_us),
        }
        says = "; ".join(
            f"{name} {theirs} at the switch, {ours} in the record"
            for name, (theirs, ours) in pairs.items()
            if theirs != ours
        )
        if says:
            self._tell("times", record.call_id, leg.leg_uuid, f"{record.closed_how}: {says}")
        self._charged(leg, record)

    def _charged(self, leg: SwitchCdr, record: Cdr) -> None:
        ours = None if record.charge is None else record.charge.gross
        if leg.answered_us is None or record.tariff is None or record.level_at_start is None:
            if ours:
                says = f"{ours} for a call that was never answered"
                self._tell("charge", record.call_id, leg.leg_uuid, says)
            return
        tariff = self.tariff_of(record.tariff, record.tariff_version)
        if tariff is None:
            self.unchecked += 1
            return
        try:
            theirs = charge_of(record, tariff, leg.answered_us, leg.ended_us)
        except TariffError as exc:
            self._tell("charge", record.call_id, leg.leg_uuid, f"cannot be computed: {exc}")
            return
        if theirs != ours:
            says = f"{theirs} by the switch's instants, {ours} in the record"
            self._tell("charge", record.call_id, leg.leg_uuid, says)

    def _tell(self, kind: Kind, call_id: CallId, leg_uuid: str, says: str = "") -> None:
        self.differences.append(
            Difference(kind=kind, call_id=call_id, leg_uuid=leg_uuid, says=says)
        )


def charge_of(record: Cdr, tariff: Tariff, answered_us: int, ended_us: int) -> Decimal:
    """Compute what a recorded call costs between two instants of the switch.

    Charging starts at the answer, but not before the wait after the price was spoken.

    Raises:
        TariffError: the table lacks the level, or a change lies before the start.
    """
    start_us = charged_from_us(record.announcements, answered_us)
    if ended_us < start_us:
        return Decimal("0.00")
    meter = Meter(
        tariff,
        level=record.level_at_start or 0,
        start_us=start_us,
        changes=(
            Change(at_us=at_us, level=change.level, by=change.by)
            for at_us, change in told_changes(record, ended_us)
        ),
        withheld=withheld_in(record),
        free=(
            replace(one, until_us=None) if (one.until_us or 0) >= ended_us else one
            for one in free_times(record.announcements, start_us)
            if one.from_us < ended_us
        ),
    )
    return meter.stop(ended_us).charge


def windows(first_us: int, last_us: int, each_us: int) -> Sequence[tuple[int, int]]:
    """Cut a time into pieces, each from its first instant up to but without its last."""
    starts = range(first_us, last_us, each_us)
    return [(start, min(start + each_us, last_us)) for start in starts]


def _id_of(leg: SwitchCdr) -> CallId:
    return call_id_for(leg.leg_uuid, leg.created_us)


def _said(leg: SwitchCdr) -> str:
    answered = "answered" if leg.answered_us else "never answered"
    by = f", engine {leg.engine}" if leg.engine else ""
    return f"{answered}, {leg.cause}{by}"
