"""Tests of callcontrol.calls.price_told: no caller pays a price that was not said."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import gevent
import pytest

from callcontrol.calls.lifecycle import run_call
from callcontrol.errors import CommandTimeout, SessionGone
from callcontrol.prompts import PromptFolder, make, needed_prompts
from tariffs import Announcement, Level, Meter
from tests.builders import (
    CREATED_US,
    LEG,
    make_channel,
    make_engine,
    make_reference,
    make_tariff,
)
from tests.fakes import voice
from tests.fakes.switch import PLAYS_US, FakeSession, answers, played

HEARD_US = PLAYS_US + 2_000_000  # when the fake switch has played a file
ASKING = make_tariff(levels={1: Level(per_minute=Decimal("6.00"))})


@pytest.fixture(scope="module")
def prompts(tmp_path_factory: pytest.TempPathFactory) -> PromptFolder:
    """Make the prompts that the tables here need."""
    folder = PromptFolder(tmp_path_factory.mktemp("prompts"), voice.command(0.05))
    for table in (make_tariff(), ASKING):
        for needed in needed_prompts(table, CREATED_US):
            make(needed, folder)
    return folder


def live(prompts: PromptFolder, *, tariff=None, key=None, playback=None, ends_after_us=None):
    """Run one call whose price is spoken here; gives the session and the record."""
    reference = make_reference(tariff=tariff)
    engine = make_engine(
        reference,
        announce_prices="here",
        prompts=str(prompts.folder),
        voice=prompts.voice,
    )
    answered_us = HEARD_US + 1_000_000
    session = FakeSession(make_channel(), answers(after_us=answered_us))
    session.playback = playback or played()
    session.key = key
    engine.link.legs.add(LEG)
    session.on_hangup = lambda cause: engine.link.end(
        LEG, cause=cause, at_us=HEARD_US, sip_hangup_disposition="send_refuse"
    )
    call = gevent.spawn(run_call, session, engine)
    gevent.sleep(0)
    if ends_after_us is not None:
        engine.link.end(
            LEG,
            at_us=answered_us + ends_after_us,
            answered_us=answered_us,
            sip_hangup_disposition="recv_bye",
        )
    call.get(timeout=10)
    (cdr,) = engine.journal.records.values()
    return session, cdr


class TestSpoken:
    def test_is_charged_from_five_seconds_after_its_end(self, prompts: PromptFolder):
        """Answered a second after the end, the call is free for four seconds more."""
        session, cdr = live(prompts, ends_after_us=64_500_000)
        (told,) = cdr.announcements
        start_us = HEARD_US + 5_000_000
        expected = Meter(make_tariff(), level=1, start_us=start_us).stop(cdr.released_us)

        assert [what for what, _ in session.sent if what != "post"] == [
            "pre_answer",
            "playback",
            "bridge",
        ]
        assert (told.level, told.started_us, told.ended_us) == (1, PLAYS_US, HEARD_US)
        assert told.charged_from_us == start_us
        assert len(told.version) == 16
        assert cdr.metered_us == 60_500_000
        assert cdr.charge.gross == expected.charge == Decimal("3.10")

    def test_call_that_ends_before_it_may_be_charged_costs_nothing(self, prompts: PromptFolder):
        """Not even a base fee falls due before the wait is over; the transport is owed."""
        fee = make_tariff(levels={1: Level(per_call=Decimal("3.00"))})
        for needed in needed_prompts(fee, CREATED_US):
            make(needed, prompts)
        _, cdr = live(prompts, tariff=fee, ends_after_us=3_000_000)

        assert (cdr.disposition, cdr.metered_us) == ("answered", 0)
        assert (cdr.charge.gross, cdr.lines) == (Decimal("0.00"), ())
        assert cdr.settlement.share == 0
        assert cdr.settlement.transport > 0

    def test_longer_wait_of_the_table_holds(self, prompts: PromptFolder):
        """A table may wait longer than the law."""
        slow = make_tariff(announcement=Announcement(spoken_wait_s=9))
        _, cdr = live(prompts, tariff=slow, ends_after_us=64_000_000)

        assert cdr.announcements[0].charged_from_us == HEARD_US + 9_000_000

    def test_cheap_call_is_not_kept_waiting(self, prompts: PromptFolder):
        """Up to 2.00 a minute nothing need be said."""
        cheap = make_tariff(levels={1: Level(per_minute=Decimal("2.00"))})
        session, cdr = live(prompts, tariff=cheap, ends_after_us=60_000_000)

        assert "playback" not in [what for what, _ in session.sent]
        assert (cdr.announcements, cdr.metered_us) == ((), 60_000_000)


class TestConsent:
    def test_key_1_accepts(self, prompts: PromptFolder):
        """It is asked for after the announcement, and the key is in the record."""
        session, cdr = live(prompts, tariff=ASKING, key="1", ends_after_us=64_000_000)
        sent = [what for what, _ in session.sent if what != "post"]

        assert sent == ["pre_answer", "playback", "play_and_get_digits", "bridge"]
        assert cdr.announcements[0].consent_key == "1"
        assert cdr.charge.gross == Decimal("6.00")

    @pytest.mark.parametrize(
        ("key", "rule"), [("2", "no consent: key 2"), (None, "no consent: no key")]
    )
    def test_anything_else_is_no_call(self, prompts: PromptFolder, key: str | None, rule: str):
        """Nobody is rung, nothing is charged, and the record says why."""
        session, cdr = live(prompts, tariff=ASKING, key=key)

        assert "bridge" not in [what for what, _ in session.sent]
        assert session.sent[-1] == ("hangup", "CALL_REJECTED")
        assert (cdr.disposition, cdr.rule, cdr.charge) == ("rejected", rule, None)
        assert cdr.announcements[0].consent_key == key
        assert cdr.attempts == ()


class TestNotSpoken:
    def test_missing_prompt_is_no_call(self, tmp_path: Path):
        """A price that cannot be said is not charged: the call is refused before all else."""
        session, cdr = live(PromptFolder(tmp_path, voice.command()))

        assert session.sent == [("hangup", "NETWORK_OUT_OF_ORDER")]
        assert (cdr.disposition, cdr.rule) == ("failed", "price not announced")
        assert cdr.announcements == ()

    @pytest.mark.parametrize(
        "playback", [played("FILE NOT FOUND"), CommandTimeout("playback", 5.0)]
    )
    def test_prompt_that_is_not_played_is_no_call(self, prompts: PromptFolder, playback):
        """Nor is one that the switch does not find, or does not play to its end."""
        session, cdr = live(prompts, playback=playback)

        assert "bridge" not in [what for what, _ in session.sent]
        assert (cdr.rule, cdr.charge) == ("price not announced", None)
        assert all(one.ended_us is None for one in cdr.announcements)

    def test_caller_leaves_while_it_is_said(self, prompts: PromptFolder):
        """The record has the beginning of it and no end, and no charge."""
        reference = make_reference()
        engine = make_engine(
            reference,
            announce_prices="here",
            prompts=str(prompts.folder),
            voice=prompts.voice,
        )
        session = FakeSession(make_channel())
        session.playback = SessionGone("the caller has left")
        engine.link.legs.add(LEG)
        call = gevent.spawn(run_call, session, engine)
        gevent.sleep(0)
        engine.link.end(LEG, at_us=HEARD_US, sip_hangup_disposition="recv_cancel")
        call.get(timeout=10)
        (cdr,) = engine.journal.records.values()

        assert (cdr.disposition, cdr.charge) == ("abandoned", None)
        assert [(one.ended_us, one.consent_key) for one in cdr.announcements] == [(None, None)]
