"""Tests of callcontrol.calls.strays: a call that no engine served leaves a record too."""

from __future__ import annotations

from callcontrol.calls.strays import Unserved, is_unserved
from tests.builders import CREATED_US, LEG, make_engine, make_event, make_reference
from tests.fakes.switch import hangup_complete


def end_of_unserved(**variables):
    told = {"socket_host": "127.0.0.1", "sip_term_status": "503"} | variables
    return hangup_complete(
        LEG, cause="NORMAL_TEMPORARY_FAILURE", at_us=CREATED_US + 40_000, **told
    )


class TestUnserved:
    def test_a_call_refused_by_the_dialplan_is_recorded(self):
        """Nobody took it, or its engine died before it had decided: 503, not charged."""
        engine = make_engine(make_reference())
        end = make_event(
            "CHANNEL_HANGUP_COMPLETE",
            Unique_ID=LEG,
            Hangup_Cause="NORMAL_TEMPORARY_FAILURE",
            Caller_Destination_Number="0900123456",
            Caller_Channel_Created_Time=CREATED_US,
            Caller_Channel_Answered_Time=0,
            Caller_Channel_Hangup_Time=CREATED_US + 40_000,
            variable_socket_host="127.0.0.1",
            variable_sip_term_status="503",
        )
        unserved = Unserved(engine, wait_s=10)
        unserved.see(end)
        unserved.record()
        assert not engine.journal.records
        engine.clock.advance(10)
        unserved.record()
        unserved.record(is_last=True)

        (cdr,) = engine.journal.records.values()
        assert (cdr.rule, cdr.disposition, cdr.sip_code) == ("no engine", "failed", 503)
        assert (cdr.number, cdr.customer, cdr.charge) == ("+41900123456", "acme", None)
        assert (cdr.received_us, cdr.released_us) == (CREATED_US, CREATED_US + 40_000)

    def test_an_engine_that_comes_back_knows_more(self):
        """Then its own record stands; one that stops waits for nobody."""
        engine = make_engine(make_reference())
        unserved = Unserved(engine)
        unserved.see(end_of_unserved())
        unserved.forget(LEG)
        unserved.record(is_last=True)
        assert not engine.journal.records

        unserved.see(end_of_unserved())
        unserved.record(is_last=True)
        assert len(engine.journal.records) == 1

    def test_others_are_not(self):
        """One that an engine decided on, and one that never was for an engine."""
        assert is_unserved(end_of_unserved())
        assert not is_unserved(end_of_unserved(cc_engine="engine-1"))
        assert not is_unserved(end_of_unserved(socket_host=None))
