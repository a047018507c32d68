"""Tests of callcontrol.calls.takeover: a killed engine loses no call and no record."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import gevent
import pytest

from callcontrol.calls.lifecycle import run_call
from callcontrol.calls.takeover import adopt
from callcontrol.cdr import Cdr, CdrAnnouncement
from callcontrol.cdr.journal_file import OpenCall
from callcontrol.esl.switch_cdrs import SwitchCdr
from dialplan import Scope
from tests.builders import (
    ANSWERED_US,
    CREATED_US,
    LEG,
    make_channel,
    make_engine,
    make_reference,
    make_tariff,
)
from tests.fakes.switch import FakeSession, answers


def killed_while_talking(reference):
    """Let an engine die with a call up; gives what its journal says of the call."""
    engine = make_engine(reference)
    call = gevent.spawn(
        run_call, FakeSession(make_channel(), answers(after_us=ANSWERED_US)), engine
    )
    gevent.sleep(0)
    call.kill()
    return engine.journal.open_calls()


def killed_while_dialling(reference):
    """Let an engine die while a destination rings."""
    engine = make_engine(reference)
    session = FakeSession(make_channel(), lambda *_: [])
    session.next_event = lambda _deadline_s: gevent.sleep(60)
    call = gevent.spawn(run_call, session, engine)
    gevent.sleep(0)
    call.kill()
    return engine.journal.open_calls()


@pytest.fixture
def reference():
    return make_reference()


@pytest.fixture
def engine(reference):
    engine = make_engine(reference)
    engine.link.legs.add(LEG)
    return engine


def record_of(engine):
    """Give the one record there is."""
    gevent.sleep(0)
    gevent.sleep(0)
    (cdr,) = engine.journal.records.values()
    return cdr


class TestAdopt:
    def test_a_call_that_is_up_is_metered_as_if_nothing_had_happened(self, reference, engine):
        """It counts against limits and is charged by the switch's own instants."""
        engine.link.answered_us = ANSWERED_US

        up = adopt(killed_while_talking(reference), engine)
        counted = engine.live_calls.in_progress(Scope("number", "+41900123456"))
        engine.link.end(LEG, at_us=ANSWERED_US + 61_500_000, answered_us=ANSWERED_US)

        cdr = record_of(engine)
        assert up == 1
        assert counted == 1
        assert (cdr.closed_how, cdr.disposition) == ("recovered", "answered")
        assert (cdr.charge.gross, cdr.settlement.kind) == (Decimal("3.10"), "fixed")
        assert cdr.attempts[0].is_answered

    def test_an_announcement_that_nobody_saw_the_end_of_is_not_free_for_ever(
        self, reference, engine
    ):
        """Said as the engine died, ten seconds in: free until the call is taken over."""
        (open_call,) = killed_while_talking(reference)
        draft = Cdr.from_json(open_call.merged["draft"])
        told = CdrAnnouncement(name="spoken/gone", level=2, started_us=ANSWERED_US + 10_000_000)
        kept = replace(draft, announcements=(told,)).to_json()
        engine.link.answered_us = ANSWERED_US
        engine.clock.advance(25)  # the call was answered three seconds after it came

        adopt([replace(open_call, facts=(*open_call.facts, {"draft": kept}))], engine)
        engine.link.end(LEG, at_us=ANSWERED_US + 60_000_000, answered_us=ANSWERED_US)

        cdr = record_of(engine)
        assert cdr.announcements[0].ended_us == ANSWERED_US + 22_000_000
        assert cdr.charge.exact == 48 * Fraction("0.05")

    def test_its_maximum_is_watched_again(self):
        """The new engine releases it just before the charge that would pass the maximum."""
        reference = make_reference(tariff=make_tariff(max_charge=Decimal("1.00")))
        engine = make_engine(reference)
        engine.link.legs.add(LEG)
        engine.link.answered_us = ANSWERED_US
        engine.link.ends_at = {"at_us": ANSWERED_US + 19_760_000, "answered_us": ANSWERED_US}

        adopt(killed_while_talking(reference), engine)
        engine.clock.advance(3 + 19.8)
        engine.ticker.tick()
        gevent.sleep(0)

        assert record_of(engine).hangup_cause == "ALLOTTED_TIMEOUT"

    def test_a_call_that_was_answered_meanwhile_is_charged_from_its_answer(
        self, reference, engine
    ):
        """The destination answered while no engine ran: the switch knows when."""
        engine.link.answered_us = ANSWERED_US

        adopt(killed_while_dialling(reference), engine)
        engine.link.end(LEG, at_us=ANSWERED_US + 2_000_000, answered_us=ANSWERED_US)

        cdr = record_of(engine)
        assert (cdr.disposition, cdr.charge.gross) == ("answered", Decimal("0.10"))

    def test_a_call_that_was_never_answered_costs_nothing(self, reference, engine):
        """It still rings when the new engine comes, and then the caller gives up."""
        adopt(killed_while_dialling(reference), engine)
        engine.link.end(
            LEG,
            cause="ORIGINATOR_CANCEL",
            at_us=ANSWERED_US,
            sip_hangup_disposition="recv_cancel",
            sip_term_status="487",
        )

        cdr = record_of(engine)
        assert (cdr.disposition, cdr.charge, cdr.closed_how) == ("abandoned", None, "recovered")

    def test_a_call_that_is_gone_is_closed_where_it_was_last_seen(self, reference, engine):
        """Nothing is invented: it is charged to its last proven instant and marked."""
        engine.link.legs.clear()

        up = adopt(killed_while_talking(reference), engine, grace_s=0)
        gevent.sleep(0.001)

        cdr = record_of(engine)
        assert up == 0
        assert (cdr.closed_how, cdr.answered_us) == ("reconciled", ANSWERED_US)

    def test_a_call_that_is_gone_is_charged_to_its_end_when_that_is_told(
        self, reference, engine
    ):
        """The event was on its way, or another process has seen it."""
        engine.link.legs.clear()

        up = adopt(killed_while_talking(reference), engine)
        engine.link.end(LEG, at_us=ANSWERED_US + 61_500_000, answered_us=ANSWERED_US)

        cdr = record_of(engine)
        assert up == 0
        assert (cdr.closed_how, cdr.charge.gross) == ("recovered", Decimal("3.10"))

    def test_a_call_that_is_gone_is_charged_to_its_end_when_the_switch_wrote_it_down(
        self, reference, engine
    ):
        """Nobody saw it, and nothing is waited for."""
        engine.link.legs.clear()
        end = SwitchCdr(
            leg_uuid=LEG,
            created_us=CREATED_US,
            answered_us=ANSWERED_US,
            ended_us=ANSWERED_US + 61_500_000,
            cause="NORMAL_CLEARING",
            disposition="recv_bye",
        )
        engine.written_ends = lambda legs, since_us: {LEG: end.event()}

        adopt(killed_while_talking(reference), engine)

        cdr = record_of(engine)
        assert (cdr.closed_how, cdr.released_by) == ("recovered", "caller")
        assert (cdr.metered_us, cdr.charge.gross) == (61_500_000, Decimal("3.10"))

    def test_a_call_that_is_gone_is_charged_to_where_it_was_last_seen(self, engine):
        """An earlier comparison with the switch proved that it was up for a minute."""
        (left,) = killed_while_talking(make_reference())
        seen = OpenCall(
            call_id=left.call_id, facts=(*left.facts, {"seen_us": ANSWERED_US + 60_000_000})
        )
        engine.link.legs.clear()

        adopt([seen], engine, grace_s=0)
        gevent.sleep(0.001)

        cdr = record_of(engine)
        assert (cdr.closed_how, cdr.metered_us) == ("reconciled", 60_000_000)
        assert cdr.charge.gross == Decimal("3.00")

    def test_a_table_that_is_gone_is_flagged(self, engine):
        """The table in force for the date takes its place, and the record says so."""
        old = make_reference(tariff=make_tariff(version="older"))
        engine.link.answered_us = ANSWERED_US

        adopt(killed_while_talking(old), engine)
        engine.link.end(LEG, at_us=ANSWERED_US + 1, answered_us=ANSWERED_US)

        assert record_of(engine).flags == ("tariff_version_changed",)

    def test_what_cannot_be_read_is_left_alone(self, engine):
        """A note of another version is no reason not to start."""
        unreadable = OpenCall(call_id="x", facts=({"draft": "{}"},))

        assert adopt([unreadable], engine) == 0
        assert len(engine.live_calls) == 0
