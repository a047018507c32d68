"""Tests of callcontrol.calls.speaking: a change is said first, or there is none."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import gevent
import pytest

from callcontrol.calls.levels import ask_level
from callcontrol.prompts import PromptFolder, make, needed_prompts
from tariffs import Level
from tests.builders import (
    CREATED_US,
    LEG,
    at,
    make_tariff,
)
from tests.fakes import voice
from tests.unit.callcontrol.calls.talk import Talk, in_talk

TABLE = make_tariff(
    levels={
        1: Level(per_minute=Decimal("1.80")),
        2: Level(per_minute=Decimal("4.20")),
        3: Level(per_minute=Decimal("9.00")),
        4: Level(),
    }
)


@pytest.fixture(scope="module")
def prompts(tmp_path_factory: pytest.TempPathFactory) -> PromptFolder:
    """Make the prompts that the table needs."""
    folder = PromptFolder(tmp_path_factory.mktemp("prompts"), voice.command(0.05))
    for needed in needed_prompts(TABLE, CREATED_US):
        make(needed, folder)
    return folder


class Told(Talk):
    """A call in talk, whose level is asked for."""

    def ask(self, level):
        """Ask for a level ten seconds after the answer, and let the engine get to work."""
        asked = ask_level(self.call, level, self.engine, by="operator", asked_us=at(10))
        gevent.sleep(0)
        return asked

    def play_to_its_end(self, *, at_s=12, status="done", file=None):
        """Have the switch say that what it played to the caller has ended."""
        (name, leg, path, where) = self.engine.link.sent[-1]
        assert (name, leg, where) == ("uuid_broadcast", LEG, "aleg")
        self.stopped(file or path, at_us=at(at_s), status=status)

    def press(self, key, *, at_s=14):
        """Have the caller press a key."""
        self.pressed(key, at_us=at(at_s))


@pytest.fixture
def talk(prompts):
    """Give a function that has a call in talk, and its record afterwards."""

    def talking(folder=prompts, **settings):
        return in_talk(TABLE, folder, until_s=60, kind=Told, **settings)

    return talking


class TestChange:
    def test_holds_from_the_end_of_its_announcement(self, talk):
        """Said from second 10 to 12, which are free; then the new price."""
        with talk() as this:
            asked = this.ask(2)
            this.play_to_its_end()
            change = asked.get(timeout=2)
        (told,) = this.cdr.announcements

        assert (change.in_force_us, change.refused) == (at(12), None)
        assert (told.level, told.started_us, told.ended_us) == (2, at(10), at(12))
        assert this.cdr.charge.exact == 10 * Decimal("0.03") + 48 * Decimal("0.07")

    def test_to_a_free_level_is_not_said(self, talk):
        """What costs nothing holds at once; nor is the level in force said again."""
        with talk() as this:
            assert this.ask(4).get(timeout=2).in_force_us == at(10)
            assert this.ask(4).get(timeout=2).in_force_us == at(10)
        assert this.cdr.announcements == ()

    def test_key_accepts_a_price_above_the_limit(self, talk):
        """It holds from the key; the time of thinking is paid at the price before."""
        with talk() as this:
            asked = this.ask(3)
            this.play_to_its_end()
            this.press("1")
            change = asked.get(timeout=2)

        assert change.in_force_us == at(14)
        assert this.cdr.announcements[0].consent_key == "1"
        assert this.cdr.charge.exact == 12 * Decimal("0.03") + 46 * Decimal("0.15")

    def test_another_key_or_none_is_no_change(self, talk):
        """The reason is in the record, and the price stays."""
        with talk(consent_wait_s=1) as this:
            refused = this.ask(3)
            this.play_to_its_end()
            this.press("7")
            assert refused.get(timeout=2).refused == "no consent: key 7"
            silent = this.ask(3)
            this.play_to_its_end(at_s=20)
            assert silent.get(timeout=5).refused == "no consent: no key"

        assert {one.level for one in this.cdr.segments} == {1}

    def test_call_that_ends_while_it_is_said(self, talk):
        """There is no change, and the call was free from then on."""
        with talk() as this:
            this.ask(2)
        (told,) = this.cdr.announcements

        assert (told.ended_us, told.consent_key) == (None, None)
        assert [one.refused for one in this.cdr.changes] == ["the call had ended"]
        assert this.cdr.charge.exact == 10 * Decimal("0.03")

    def test_call_that_ends_while_a_key_is_waited_for(self, talk):
        """The announcement has its end, and nothing was accepted."""
        with talk() as this:
            this.ask(3)
            this.play_to_its_end()

        assert this.cdr.announcements[0].ended_us == at(12)
        assert [one.refused for one in this.cdr.changes] == ["the call had ended"]


class TestNotSaid:
    def test_missing_prompt_is_no_change(self, talk, tmp_path: Path):
        """A price that cannot be said is not charged."""
        with talk(PromptFolder(tmp_path, voice.command())) as this:
            assert this.ask(2).get(timeout=2).refused == "price not announced"
        assert this.cdr.announcements == ()

    def test_broken_prompt_is_no_change(self, talk, prompts, tmp_path: Path):
        """Nor one whose file cannot be played."""
        folder = PromptFolder(tmp_path, prompts.voice)
        for needed in needed_prompts(TABLE, CREATED_US):
            file = tmp_path / f"{folder.spoken_name(needed)}.wav"
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(b"")
        with talk(folder) as this:
            assert this.ask(2).get(timeout=2).refused == "price not announced"

    def test_interrupted_announcement_is_no_change(self, talk):
        """What was played of it was free all the same."""
        with talk() as this:
            asked = this.ask(2)
            this.play_to_its_end(file="another.wav")
            assert not asked.ready()
            this.play_to_its_end(status="break")
            assert asked.get(timeout=2).refused == "price not announced"

        assert this.cdr.charge.exact == 58 * Decimal("0.03")

    def test_switch_that_does_not_play_is_no_change(self, talk):
        """Without the link nothing was said, and nothing was free."""
        with talk() as this:
            this.engine.link.is_up = False
            assert this.ask(2).get(timeout=2).refused == "price not announced"
            this.engine.link.is_up = True

        assert this.cdr.announcements == ()
        assert this.cdr.charge.exact == 60 * Decimal("0.03")


def test_meter_of_a_call_taken_over_knows_the_free_time(talk):
    """The journal has the announcement; the live meter and the record's agree."""
    with talk() as this:
        asked = this.ask(2)
        this.play_to_its_end()
        asked.get(timeout=2)
        kept = [
            fact["draft"]
            for fact in this.engine.journal.facts[this.call.call_id]
            if "draft" in fact
        ][-1]
        live = this.call.meter.rated(at(60))

    assert '"ended_us":' + str(at(12)) in kept
    assert live.charge == this.cdr.charge.gross
