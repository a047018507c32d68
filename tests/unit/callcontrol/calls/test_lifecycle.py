"""Tests of callcontrol.calls.lifecycle: whatever happens, a call leaves exactly one record."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import gevent
import pytest

from callcontrol.calls.lifecycle import run_call
from callcontrol.cdr import CdrAnnouncement
from callcontrol.errors import CommandRejected, CommandTimeout, JournalFull, SessionGone
from dialplan import PLATFORM, Blacklist, BlacklistEntry, Operator, Operators, Timeline
from tariffs import Level, Meter
from tests.builders import (
    ANSWERED_US,
    CREATED_US,
    LEG,
    make_channel,
    make_engine,
    make_reference,
    make_step,
    make_tariff,
)
from tests.fakes.switch import (
    PLAYS_US,
    FakeSession,
    answers,
    breaks,
    caller_leaves,
    fails,
    legs_in,
    played,
)


def live(engine, *switch_answers, ends=None, playback=None, **channel):
    """Run one call to its record; `ends` is what the link tells of the leg's end.

    `playback` is what comes of playing a file, when it is not played.
    """
    session = FakeSession(make_channel(**channel), *switch_answers)
    session.playback = playback or session.playback
    engine.link.legs.add(LEG)
    session.on_hangup = lambda cause: engine.link.end(
        LEG, cause=cause, at_us=CREATED_US + 40_000, sip_hangup_disposition="send_refuse"
    )
    call = gevent.spawn(run_call, session, engine)
    gevent.sleep(0)
    if ends is not None:
        engine.link.end(LEG, **ends)
    call.get(timeout=10)
    (cdr,) = engine.journal.records.values()
    assert not engine.journal.facts
    assert len(engine.live_calls) == 0
    assert session.is_closed
    return session, cdr


class TestAnswered:
    def test_is_charged_by_the_switch_s_own_instants(self):
        """The meter runs from the answer to the hangup as the switch stamped them."""
        engine = make_engine(make_reference())
        released_us = ANSWERED_US + 61_500_000

        _, cdr = live(
            engine,
            answers(after_us=ANSWERED_US),
            ends={
                "at_us": released_us,
                "answered_us": ANSWERED_US,
                "sip_hangup_disposition": "recv_bye",
            },
        )

        expected = Meter(make_tariff(), level=1, start_us=ANSWERED_US).stop(released_us)
        assert (cdr.disposition, cdr.released_by, cdr.sip_code) == ("answered", "caller", 200)
        assert (cdr.answered_us, cdr.released_us) == (ANSWERED_US, released_us)
        assert cdr.charge.gross == expected.charge == Decimal("3.10")
        assert cdr.charge.exact == Fraction(62, 20)
        assert cdr.settlement.kind == "fixed"
        assert cdr.attempts[0].is_answered

    def test_says_whose_caller_it_was(self):
        """The trunk's operator is in the record, and how it is to learn the charge."""
        lake = Operator(code="lake", networks=frozenset({"127.0.0.0/8"}))
        reference = replace(make_reference(), operators=Operators((lake,)))

        _, cdr = live(
            make_engine(reference),
            answers(after_us=ANSWERED_US),
            ends={"at_us": ANSWERED_US + 1, "answered_us": ANSWERED_US},
        )

        assert (cdr.origin, cdr.tariff_class) == ("lake", "offline-b")

    def test_says_that_the_destination_hung_up(self):
        """A leg that was sent a BYE with the bridge's own cause was left by the destination."""
        engine = make_engine(make_reference())

        _, cdr = live(
            engine,
            answers(after_us=ANSWERED_US),
            ends={
                "at_us": ANSWERED_US + 1,
                "answered_us": ANSWERED_US,
                "sip_hangup_disposition": "send_bye",
                "bridge_hangup_cause": "NORMAL_CLEARING",
            },
        )

        assert cdr.released_by == "destination"

    def test_closes_the_socket_while_the_call_goes_on(self):
        """An open socket would cost the switch half a millisecond a second."""
        engine = make_engine(make_reference())
        session = FakeSession(make_channel(), answers(after_us=ANSWERED_US))

        call = gevent.spawn(run_call, session, engine)
        gevent.sleep(0)

        assert session.is_closed
        assert len(engine.live_calls) == 1
        call.kill()
        assert engine.journal.records == {}

    def test_has_the_switch_hold_the_maximum(self):
        """The destination's leg arms the release, a second late; the call itself is ours."""
        tariff = make_tariff(max_charge=Decimal("1.00"))
        engine = make_engine(make_reference(tariff=tariff))

        session, _ = live(
            engine,
            answers(after_us=ANSWERED_US),
            ends={"at_us": ANSWERED_US + 1, "answered_us": ANSWERED_US},
        )

        (bridge,) = (argument for what, argument in session.sent if what == "bridge")
        assert f"api_on_answer='sched_hangup +21 {LEG} allotted_timeout'" in bridge

    def test_is_released_just_before_the_maximum(self):
        """1.00 at 0.05 a second is reached with second 20: the call is released before it."""
        tariff = make_tariff(max_charge=Decimal("1.00"))
        engine = make_engine(make_reference(tariff=tariff))
        session = FakeSession(make_channel(), answers(after_us=ANSWERED_US))
        engine.link.legs.add(LEG)
        engine.link.ends_at = {"at_us": ANSWERED_US + 19_760_000, "answered_us": ANSWERED_US}
        call = gevent.spawn(run_call, session, engine)
        gevent.sleep(0)

        engine.clock.advance(3 + 19.7)
        engine.ticker.tick()
        early = list(engine.link.sent)
        engine.clock.advance(0.1)
        engine.ticker.tick()
        call.get(timeout=10)

        (cdr,) = engine.journal.records.values()
        assert early == []
        assert engine.link.sent == [("uuid_kill", LEG, "ALLOTTED_TIMEOUT")]
        assert (cdr.released_by, cdr.hangup_cause) == ("engine", "ALLOTTED_TIMEOUT")
        assert cdr.charge.gross == Decimal("1.00")

    def test_whose_answer_was_not_seen_is_charged_all_the_same(self):
        """When the caller's hanging up crosses the answer, the switch's last word decides."""
        engine = make_engine(make_reference())

        _, cdr = live(
            engine,
            caller_leaves(),
            ends={"at_us": ANSWERED_US + 500_000, "answered_us": ANSWERED_US},
        )

        assert (cdr.disposition, cdr.charge.gross) == ("answered", Decimal("0.10"))

    def test_of_a_clock_that_was_set_back_lasts_no_time(self):
        """An end before the answer is flagged and never negative."""
        engine = make_engine(make_reference())

        _, cdr = live(
            engine,
            answers(after_us=ANSWERED_US),
            ends={"at_us": ANSWERED_US - 5, "answered_us": ANSWERED_US},
        )

        assert (cdr.metered_us, cdr.flags) == (0, ("clock_ran_backwards",))


class TestFallback:
    def test_second_step_answers_when_the_first_is_busy(self):
        """Each try is in the record, in order, with its own cause."""
        engine = make_engine(
            make_reference(make_step("+41445550190"), make_step("+41445550191"))
        )

        _, cdr = live(
            engine,
            fails("USER_BUSY", sip_code=486),
            answers(after_us=ANSWERED_US),
            ends={"at_us": ANSWERED_US + 1, "answered_us": ANSWERED_US},
        )

        told = [(a.step, a.target, a.cause, a.sip_code, a.is_answered) for a in cdr.attempts]
        assert told == [
            (1, "+41445550190", "USER_BUSY", 486, False),
            (2, "+41445550191", "NORMAL_CLEARING", 200, True),
        ]

    def test_a_gateway_that_fails_gives_way_to_the_next(self):
        """The same target is tried through its second gateway."""
        engine = make_engine(make_reference())

        session, cdr = live(
            engine,
            fails("NORMAL_TEMPORARY_FAILURE", sip_code=503),
            answers(after_us=ANSWERED_US),
            ends={"at_us": ANSWERED_US + 1, "answered_us": ANSWERED_US},
        )

        assert [a.gateway for a in cdr.attempts] == ["trunk", "spare"]
        bridges = [argument for what, argument in session.sent if what == "bridge"]
        assert "@127.0.0.1:5091" in bridges[1]

    def test_everybody_busy_is_busy(self):
        """The caller is released as a carrier expects, uncharged."""
        engine = make_engine(
            make_reference(make_step("+41445550190"), make_step("+41445550191"))
        )

        session, cdr = live(engine, fails("USER_BUSY"), fails("USER_BUSY"))

        assert session.sent[-1] == ("hangup", "USER_BUSY")
        assert (cdr.disposition, cdr.sip_code, cdr.charge) == ("busy", 486, None)

    def test_one_of_several_that_ring_together_answers(self):
        """The winner is known by the leg we named, the others lost the race."""
        engine = make_engine(make_reference(make_step("+41445550190", "+41445550191")))

        session, cdr = live(
            engine,
            answers(after_us=ANSWERED_US, leg=1),
            ends={"at_us": ANSWERED_US + 1, "answered_us": ANSWERED_US},
        )

        assert [(a.is_answered, a.cause) for a in cdr.attempts] == [
            (False, "LOSE_RACE"),
            (True, "NORMAL_CLEARING"),
        ]
        assert cdr.other_leg_uuid == legs_in(session.sent[-1][1])[1]


class TestCallerLeaves:
    def test_while_it_rings(self):
        """The call was abandoned, and no further step is tried."""
        engine = make_engine(
            make_reference(make_step("+41445550190"), make_step("+41445550191"))
        )

        session, cdr = live(
            engine,
            caller_leaves(),
            ends={
                "cause": "ORIGINATOR_CANCEL",
                "at_us": CREATED_US + 900_000,
                "sip_hangup_disposition": "recv_cancel",
                "sip_term_status": "487",
            },
        )

        assert [what for what, _ in session.sent] == ["post", "post", "bridge"]
        assert (cdr.disposition, cdr.released_by) == ("abandoned", "caller")
        assert (cdr.sip_code, cdr.charge) == (487, None)


class TestMessage:
    def test_is_played_before_a_closed_number_releases(self):
        """In early media, with the switch's own guard disarmed; the record tells of it."""
        engine = make_engine(_closed(), prompts="/prompts/")

        session, cdr = live(engine)

        assert session.sent == [
            ("post", f"api sched_del {LEG}"),
            ("pre_answer", ""),
            ("playback", "/prompts/closed-de.wav"),
            ("hangup", "NO_ROUTE_DESTINATION"),
        ]
        assert cdr.announcements == (
            CdrAnnouncement(
                name="closed-de", started_us=PLAYS_US, ended_us=PLAYS_US + 2_000_000
            ),
        )
        assert (cdr.disposition, cdr.sip_code, cdr.charge) == ("closed", 404, None)
        assert cdr.flags == ()

    def test_is_played_when_no_target_has_answered(self):
        """After the last try, and the release is that of the last outcome."""
        engine = make_engine(make_reference(failed_message="sorry"))

        session, cdr = live(engine, fails("USER_BUSY"))

        assert [what for what, _ in session.sent[-4:-2]] == ["pre_answer", "playback"]
        assert session.sent[-1] == ("hangup", "USER_BUSY")
        assert (cdr.disposition, cdr.sip_code) == ("busy", 486)
        assert [one.name for one in cdr.announcements] == ["sorry"]

    @pytest.mark.parametrize(
        "told", [SessionGone("gone"), played("PLAYBACK ERROR", answer_state="hangup")]
    )
    def test_the_caller_may_leave_while_it_plays(self, told):
        """The record tells that it was not heard to its end, and that is no fault."""
        engine = make_engine(_closed())

        _, cdr = live(
            engine,
            playback=told,
            ends={
                "cause": "ORIGINATOR_CANCEL",
                "at_us": PLAYS_US + 900_000,
                "sip_hangup_disposition": "recv_cancel",
                "sip_term_status": "487",
            },
        )

        assert cdr.announcements == (CdrAnnouncement(name="closed-de", started_us=PLAYS_US),)
        assert (cdr.disposition, cdr.released_by, cdr.sip_code) == ("closed", "caller", 487)
        assert cdr.flags == ()

    def test_the_switch_has_no_such_file(self):
        """Nothing was played; the caller is released all the same, and somebody can see why."""
        engine = make_engine(_closed())

        session, cdr = live(engine, playback=played("FILE NOT FOUND"))

        assert session.sent[-1] == ("hangup", "NO_ROUTE_DESTINATION")
        assert (cdr.announcements, cdr.flags) == ((), ("message_not_played",))

    def test_one_without_end_is_cut_off(self):
        """No caller is kept for longer than the setting says."""
        engine = make_engine(_closed())

        session, cdr = live(engine, playback=CommandTimeout("execute playback", 60))

        assert session.sent[-1] == ("hangup", "NO_ROUTE_DESTINATION")
        assert cdr.announcements[0].ended_us is None
        assert cdr.flags == ("message_cut_off",)

    def test_none_is_played_on_a_full_platform(self):
        """The place is somebody's who could be connected."""
        engine = make_engine(_closed(), max_calls=1)
        first = FakeSession(make_channel(uuid="first"))
        first.run = lambda *_, **__: gevent.sleep(3600)
        waiting = gevent.spawn(run_call, first, engine)
        gevent.sleep(0)
        session = FakeSession(make_channel())
        session.on_hangup = lambda cause: engine.link.end(LEG, cause=cause, at_us=CREATED_US)

        run_call(session, engine)

        waiting.kill()
        assert session.sent == [("hangup", "NO_ROUTE_DESTINATION")]


def _closed():
    return make_reference(default_route=Timeline(None), closed_message="closed-de")


class TestRefused:
    def test_unknown_number(self):
        """A number that is not in service does not exist for the caller; there is a record."""
        engine = make_engine(make_reference())

        session, cdr = live(engine, called="0900999999")

        assert session.sent == [("hangup", "UNALLOCATED_NUMBER")]
        assert (cdr.number, cdr.dialled, cdr.sip_code) == (None, "0900999999", 404)

    def test_blocked_caller(self):
        """The record names the rule that blocked."""
        entry = BlacklistEntry(pattern="+4179*", scope=PLATFORM)
        engine = make_engine(make_reference(blacklist=Blacklist((entry,))))

        _, cdr = live(engine)

        assert (cdr.disposition, cdr.rule) == ("blocked", "blacklist:+4179*")
        assert (cdr.hangup_cause, cdr.sip_code, cdr.charge) == ("CALL_REJECTED", 603, None)

    def test_withheld_caller_by_the_code_the_trunk_wants(self):
        """433 can be had in place of 603."""
        engine = make_engine(make_reference(refuses_withheld=True), withheld_refusal="433")

        session, cdr = live(engine, sip_Privacy="id")

        assert session.sent == [("respond", "433 Anonymity Disallowed")]
        assert (cdr.disposition, cdr.sip_code, cdr.released_by) == ("rejected", 433, "engine")

    def test_overload(self):
        """Above the limit a call is refused at once, and recorded."""
        engine = make_engine(make_reference(), max_calls=1)
        first = FakeSession(make_channel(uuid="first"), answers(after_us=ANSWERED_US))
        talking = gevent.spawn(run_call, first, engine)
        gevent.sleep(0)
        session = FakeSession(make_channel())
        session.on_hangup = lambda cause: engine.link.end(LEG, cause=cause, at_us=CREATED_US)

        run_call(session, engine)

        (cdr,) = engine.journal.records.values()
        talking.kill()
        assert session.sent == [("hangup", "SWITCH_CONGESTION")]
        assert (cdr.disposition, cdr.rule, cdr.sip_code) == ("congestion", "overload", 503)

    def test_no_link(self):
        """A call whose end nobody would see is not connected."""
        engine = make_engine(make_reference())
        engine.link.is_up = False

        session, cdr = live(engine)

        assert session.sent == [("hangup", "NETWORK_OUT_OF_ORDER")]
        assert cdr.rule == "no link to the switch"

    def test_journal_failing(self):
        """A charged call that could not be recorded is refused; a free one goes on."""
        free = make_tariff(levels={1: Level()})
        outcomes = []
        for tariff in (make_tariff(), free):
            engine = make_engine(make_reference(tariff=tariff))
            engine.journal.fault = JournalFull()
            session = FakeSession(make_channel(), answers(after_us=ANSWERED_US))
            session.on_hangup = lambda cause, engine=engine: engine.link.end(
                LEG, cause=cause, at_us=CREATED_US
            )
            call = gevent.spawn(run_call, session, engine)
            gevent.sleep(0)
            outcomes.append(session.sent[-1][0])
            call.kill()

        assert outcomes == ["hangup", "bridge"]


class TestThingsBreak:
    def test_a_socket_that_breaks_under_a_ringing_call(self):
        """The leg is released over the link: nobody would hear its answer."""
        engine = make_engine(make_reference(), ended_deadline_s=0.01)
        engine.link.ends_at = {"at_us": CREATED_US + 1}

        _, cdr = live(engine, breaks())

        assert engine.link.sent[0][:2] == ("uuid_kill", LEG)
        assert (cdr.disposition, cdr.hangup_cause) == ("failed", "NORMAL_TEMPORARY_FAILURE")

    def test_an_end_that_is_never_told(self):
        """A leg the switch no longer has is closed at its last proven instant."""
        engine = make_engine(make_reference(), ended_deadline_s=0.01)
        session = FakeSession(make_channel(), breaks())

        run_call(session, engine)

        (cdr,) = engine.journal.records.values()
        assert (cdr.closed_how, cdr.released_us) == ("reconciled", CREATED_US)

    def test_a_switch_that_says_no(self):
        """A refused bridge releases the call."""
        engine = make_engine(make_reference())
        engine.link.ends_at = {"at_us": CREATED_US + 1}

        _, cdr = live(engine, lambda *_: [CommandRejected("bridge", "-ERR")])

        assert cdr.hangup_cause == "NORMAL_TEMPORARY_FAILURE"

    def test_a_switch_that_falls_silent(self):
        """A bridge whose end is never told does not hold the caller for ever."""
        engine = make_engine(make_reference())
        engine.link.ends_at = {"at_us": CREATED_US + 1}

        _, cdr = live(engine, lambda *_: [])

        assert engine.link.sent[0] == ("uuid_kill", LEG, "NORMAL_TEMPORARY_FAILURE")
        assert cdr.disposition == "failed"

    def test_a_mistake_of_our_own(self):
        """An exception nobody foresaw releases the call, is counted, and leaves a record."""
        engine = make_engine(make_reference())
        engine.link.ends_at = {"at_us": CREATED_US + 1}

        _, cdr = live(engine, lambda *_: [ZeroDivisionError()])

        assert cdr.disposition == "failed"
        value = engine.metrics.registry.get_sample_value(
            "callcontrol_call_errors_total", {"error": "ZeroDivisionError"}
        )
        assert value == 1

    @pytest.mark.parametrize("caller", ["x\ny", "a\0b", "\u2028", "'};api system", "${uuid}"])
    def test_hostile_callers_stay_text(self, caller):
        """Whatever a caller writes reaches the record, and no command."""
        engine = make_engine(make_reference())

        session, cdr = live(
            engine,
            answers(after_us=ANSWERED_US),
            ends={"at_us": ANSWERED_US, "answered_us": ANSWERED_US},
            caller=caller,
        )

        assert cdr.caller_raw == caller.replace("\0", "\ufffd")
        assert all(caller not in argument for _, argument in session.sent)
