"""The disk of the journal fails under a running engine: writes are refused by the system."""

from __future__ import annotations

import resource

from tests.chaos.reference import FREE, PLAIN, owed
from tests.chaos.stage import Stage
from tests.waiting import eventually


def call(stage: Stage, number: str = PLAIN) -> int:
    """Place a call and give what its caller heard last."""
    (seen,) = stage.caller({"number": number, "talk_s": 0.3}).all(within_s=20)
    return seen["final"]


def test_charged_calls_are_refused_free_ones_served_and_none_is_lost(stage: Stage):
    """One that was up is recorded once the disk is back; so is what happened meanwhile."""
    engine = stage.engine("engine", int(stage.engines.rpartition(":")[2]))
    heard = []
    engine.on_log = lambda line: heard.append(line["event"])
    engine.start()
    up = stage.caller({"number": PLAIN, "talk_s": 3})
    eventually(lambda: "call_answered" in heard, within_s=15)
    # Every write to a file fails, as of a disk that is broken.
    with engine.limited(resource.RLIMIT_FSIZE, 0):
        (ended,) = up.all(within_s=20)
        eventually(lambda: "journal_failed" in heard, within_s=20)
        assert not engine.is_ready()
        charged, free = call(stage), call(stage, FREE)
        eventually(lambda: heard.count("call_recorded") == 3, within_s=20)
        assert stage.records() == []
    eventually(engine.is_ready, within_s=10)
    eventually(lambda: len(stage.records()) == 3, within_s=20)
    later = call(stage)
    eventually(lambda: len(stage.records()) == 4, within_s=20)

    assert ended["ended_by"] == "caller"
    assert (charged, free, later) == (503, 200, 200)
    records = {one["received_at"]: one for one in stage.records()}
    first, refused, served, last = (records[at] for at in sorted(records))
    end = stage.watch.end_of(first["switch_uuid"])
    assert first["metered_us"] == end.hangup_us - end.answered_us
    charge = owed(stage.reference, first, end.answered_us, end.hangup_us)
    assert first["charge"]["gross"] == str(charge)
    assert (refused["rule"], refused["charge"]) == ("journal failing", None)
    assert served["disposition"] == last["disposition"] == "answered"
