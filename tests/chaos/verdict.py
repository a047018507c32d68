"""Holds the records of a run against what callers saw and the switch says."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from callcontrol.esl.event import Event
from callcontrol.reference import Reference
from tests.chaos.load import Placed
from tests.chaos.reference import owed
from tests.scenario.records import us_of

_NO_ENGINE = 503
# A caller's clock and ours begin this far apart at most.
_SLACK_S = 3.0


@dataclass(slots=True, kw_only=True)
class Verdict:
    """What a run came to; all but the counts of what is no fault must be empty.

    Attributes:
        dropped, missing, twice, differing: a sentence for each fault.
        unreconciled: what `callcontrol reconcile` finds beyond what is expected.
        excepted: calls that a killed switch ended.
        counts: what became of the calls.
    """

    dropped: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    twice: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    unreconciled: list[str] = field(default_factory=list)
    excepted: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost."""
        return not (
            self.dropped or self.missing or self.twice or self.differing or self.unreconciled
        )

    def lines(self) -> list[str]:
        """Tell it."""
        faults = {
            "calls dropped by us": self.dropped,
            "records missing": self.missing,
            "records twice": self.twice,
            "charges or times differing from the switch's": self.differing,
            "further differences that reconcile finds": self.unreconciled,
            "calls that a killed switch ended": self.excepted,
        }
        lines = [f"{self.counts[name]:7}  {name}" for name in sorted(self.counts)]
        for name, found in faults.items():
            lines.append(f"{len(found):7}  {name}")
            lines += [f"         {one}" for one in found[:40]]
        return lines


def judge(
    calls: Iterable[Placed],
    records: Iterable[Mapping[str, Any]],
    ends: Mapping[str, Event],
    reference: Reference,
    switch_downs: Iterable[tuple[float, float]],
) -> Verdict:
    """Compare.

    Args:
        calls: every call placed.
        records: as read back from Postgres.
        ends: the switch's last word on each leg, by its uuid.
        reference: for the tariffs.
        switch_downs: when the switch was down.
    """
    verdict = Verdict()
    of_sender: defaultdict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for record in records:
        of_sender[record["caller"]].append(record)
    downs = list(switch_downs)
    for call in calls:
        verdict.counts["calls placed"] += 1
        verdict.counts[f"callers who heard {call.final}"] += 1
        found = of_sender.pop(call.sender, [])
        was_cut = any(
            call.began_s - _SLACK_S < to_s and call.ended_s + _SLACK_S > from_s
            for from_s, to_s in downs
        )
        _judge_one(call, found, ends, reference, verdict, was_cut=was_cut)
    for sender in of_sender:
        verdict.differing.append(f"{sender}: a record of a call that was not placed")
    return verdict


def take_in(differences: Iterable[Mapping[str, str]], verdict: Verdict) -> None:
    """Add what `callcontrol reconcile` tells.

    Expected are calls that no engine took, which the switch refused, and those that ended with
    a killed switch, of which it has written nothing.
    """
    for one in differences:
        is_of_dead_switch = (one["kind"], one["says"]) == ("extra", "reconciled")
        if one["kind"] == "no_engine" or (is_of_dead_switch and verdict.excepted):
            verdict.counts[f"reconcile tells of as {one['kind']}"] += 1
        else:
            verdict.unreconciled.append(f"{one['kind']} {one['leg_uuid']}: {one['says']}")


def _judge_one(
    call: Placed,
    found: list[Mapping[str, Any]],
    ends: Mapping[str, Event],
    reference: Reference,
    verdict: Verdict,
    *,
    was_cut: bool,
) -> None:
    if len(found) > 1:
        verdict.twice.append(f"{call.sender}: {[one['call_id'] for one in found]}")
        return
    if was_cut and not (found and found[0]["switch_uuid"] in ends):
        how = found[0]["closed_how"] if found else "no record"
        verdict.excepted.append(f"{call.sender} to {call.number}: {how}")
        return
    if call.was_dropped:
        verdict.dropped.append(f"{call.sender} to {call.number} at {call.began_s:.1f} s")
    if not found:
        if call.final == _NO_ENGINE:
            verdict.counts["of them refused before an engine knew them: no record"] += 1
        else:
            verdict.missing.append(f"{call.sender} to {call.number} at {call.began_s:.1f} s")
        return
    (record,) = found
    verdict.counts["records"] += 1
    verdict.counts[f"records closed as {record['closed_how']}"] += 1
    verdict.counts["level changes in records"] += len(record["changes"])
    for fault in _faults(call, record, ends.get(record["switch_uuid"]), reference):
        verdict.differing.append(
            f"{call.sender} to {call.number} at {call.began_s:.1f} s,"
            f" {record['closed_how']}, {record['switch_uuid']}: {fault}"
        )


def _faults(
    call: Placed, record: Mapping[str, Any], end: Event | None, reference: Reference
) -> Iterable[str]:
    is_answered = record["disposition"] == "answered"
    if is_answered != call.was_answered:
        yield f"the record says {record['disposition']}, the caller heard {call.final}"
    if end is None:
        yield "the switch has not told of its end"
        return
    if not is_answered or end.answered_us is None or end.hangup_us is None:
        if record["charge"] is not None:
            yield f"{record['charge']['gross']} for a call that was not answered"
        return
    if us_of(record["answered_at"]) != end.answered_us:
        yield f"answered at {record['answered_at']}, not {end.answered_us}"
    if us_of(record["released_at"]) != end.hangup_us:
        yield f"released at {record['released_at']}, not {end.hangup_us}"
    charge = owed(reference, record, end.answered_us, end.hangup_us)
    if record["charge"] is None or record["charge"]["gross"] != str(charge):
        yield f"charged {record['charge'] and record['charge']['gross']}, not {charge}"
