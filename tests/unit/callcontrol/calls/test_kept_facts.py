"""Tests of callcontrol.calls.kept_facts: the switch keeps of a call what only we know."""

from __future__ import annotations

from decimal import Decimal

import gevent
import pytest

from callcontrol.calls.kept_facts import draft_from, kept, written
from callcontrol.calls.lifecycle import run_call
from callcontrol.calls.takeover import adopt, record_written, unknown_calls
from callcontrol.cdr import CdrChange, codec
from callcontrol.esl.switch_cdrs import SwitchCdr
from tests.builders import (
    ANSWERED_US,
    CREATED_US,
    LEG,
    make_channel,
    make_engine,
    make_reference,
    make_step,
)
from tests.fakes.switch import FakeSession, answers, fails


def kept_value(session):
    """Give what the switch was last asked to keep."""
    posted = [text for what, text in session.sent if what == "post" and "cc_call=" in text]
    return posted[-1].partition("cc_call=")[2]


def talked(*attempts, reference=None):
    """Let a call be answered by an engine that dies; gives the session and the engine."""
    engine = make_engine(reference or make_reference())
    session = FakeSession(make_channel(), *attempts or [answers(after_us=ANSWERED_US)])
    call = gevent.spawn(run_call, session, engine)
    gevent.sleep(0)
    call.kill()
    return session, engine


def leg_told(session, *, other_leg=None, **variables):
    """Give the switch's word on the leg that is up."""
    leg = make_channel(cc_engine="engine-1", cc_call=kept_value(session), **variables)
    block = leg.headers.block.decode()
    block += f"Caller-Channel-Answered-Time: {ANSWERED_US}\n"
    block += (
        f"Other-Leg-Unique-ID: {other_leg or kept(kept_value(session))['branches'][0][0]}\n"
    )
    return type(leg)(type(leg.headers)(block.encode()))


class TestDraftFrom:
    def test_draft_is_the_journals_own(self):
        """All that the record needs; the flag tells that the journal knew nothing."""
        session, engine = talked()
        (left,) = engine.journal.open_calls()

        draft = draft_from(leg_told(session), "engine-1", engine.trunks)

        known = codec.plain(draft)
        noted = codec.plain(type(draft).from_json(left.merged["draft"]))
        differs = {name for name in noted if noted[name] != known.get(name)}
        assert differs == {"attempts", "ringing_us", "flags"}
        assert draft.flags == ("journal_lost",)
        assert draft.attempts[0].is_answered

    def test_the_branch_that_answered_is_the_one_bridged(self):
        """Several rang together; the settlement depends on which it was."""
        both = make_reference(make_step("+41445550190", "+41795550191"))
        session, _ = talked(answers(after_us=ANSWERED_US, leg=1), reference=both)
        branches = kept(kept_value(session))["branches"]

        draft = draft_from(leg_told(session, other_leg=branches[1][0]), "engine-1")

        assert [one.is_answered for one in draft.attempts] == [False, True]

    def test_each_attempt_replaces_what_was_kept(self):
        """The last one dialled is the one that may have answered."""
        session, _ = talked(fails("INVALID_GATEWAY"), answers(after_us=ANSWERED_US))

        assert kept(kept_value(session))["branches"][0][2] == "spare"

    def test_changes_of_level_are_kept_too(self):
        """As they were set with each change."""
        session, _ = talked()
        change = CdrChange(level=2, asked_us=ANSWERED_US, in_force_us=ANSWERED_US, by="x")
        leg = leg_told(session, cc_changes=written([codec.plain(change)]))

        assert draft_from(leg, "engine-1").changes == (change,)

    @pytest.mark.parametrize(
        "value",
        [
            None,
            "",
            "!!!",
            "é",
            written(None),
            written([]),
            written({}),
            written({"branches": [], "step": 1, "draft": 3}),
            written({"branches": [], "step": 1, "draft": {"number": "+41900123456"}}),
            written({"branches": 3, "draft": {}}),
        ],
    )
    def test_what_is_not_ours_is_no_call_of_ours(self, value):
        """Nothing of another version or of nobody is guessed at."""
        told = {} if value is None else {"cc_call": value}
        leg = make_channel(cc_engine="engine-1", **told)

        assert draft_from(leg, "engine-1") is None

    def test_a_call_of_another_engine_is_left_alone(self):
        """It has one that looks after it."""
        session, _ = talked()

        assert draft_from(leg_told(session), "engine-2") is None

    def test_a_value_of_the_wrong_type_is_no_fact(self):
        """It is refused here, before it can spoil a record."""
        session, _ = talked()
        facts = kept(kept_value(session))
        facts["draft"]["level_at_start"] = "one"
        leg = make_channel(cc_engine="engine-1", cc_call=written(facts))

        assert draft_from(leg, "engine-1") is None

    def test_only_letters_that_need_no_escape_are_kept(self):
        """The switch splits at `;` and escapes nothing in its own records."""
        session, _ = talked()

        assert set(kept_value(session)) <= set(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        )


class TestTakeoverWithoutJournal:
    def test_a_call_that_is_up_is_adopted(self):
        """Noted in the new journal, metered and recorded once."""
        session, _ = talked()
        engine = make_engine(make_reference())
        engine.link.legs.add(LEG)
        engine.link.answered_us = ANSWERED_US
        engine.link.told[LEG] = leg_told(session)

        found = unknown_calls(engine, "engine-1")
        up = adopt(found, engine)
        engine.link.end(LEG, at_us=ANSWERED_US + 61_500_000, answered_us=ANSWERED_US)
        gevent.sleep(0)
        gevent.sleep(0)

        (cdr,) = engine.journal.records.values()
        assert (len(found), up) == (1, 1)
        assert (cdr.charge.gross, cdr.settlement.kind) == (Decimal("3.10"), "fixed")
        assert (cdr.closed_how, cdr.flags) == ("recovered", ("journal_lost",))
        assert unknown_calls(engine, "engine-1") == []

    def test_a_call_that_has_ended_is_recorded_by_the_switchs_own_record(self):
        """Who called is not in it: nobody may be shown, and the record says so."""
        session, _ = talked()
        value = kept_value(session)
        end = SwitchCdr(
            leg_uuid=LEG,
            created_us=CREATED_US,
            answered_us=ANSWERED_US,
            ended_us=ANSWERED_US + 61_500_000,
            cause="NORMAL_CLEARING",
            disposition="recv_bye",
            bridge_uuid=kept(value)["branches"][0][0],
            engine="engine-1",
            call=value,
        )
        engine = make_engine(make_reference())

        record_written([end.event()], engine)

        (cdr,) = engine.journal.records.values()
        assert (cdr.charge.gross, cdr.released_by) == (Decimal("3.10"), "caller")
        assert (cdr.caller, cdr.caller_raw, cdr.caller_withheld) == (None, "", True)
        assert cdr.flags == ("journal_lost", "caller_unknown")
        assert engine.journal.open_calls() == []
