"""Tests of callcontrol.calls.coming: what comes by itself is said first, or is not charged."""

from __future__ import annotations

import json
from contextlib import contextmanager
from decimal import Decimal

import gevent
import pytest

from callcontrol.calls.coming import foresee
from callcontrol.calls.levels import ask_level
from callcontrol.calls.watch import watch
from callcontrol.cli.calls import rated_now
from callcontrol.described_record import described_record
from callcontrol.prompts import PromptFolder, make, needed_prompts
from callcontrol.rating import rate_text
from callcontrol.reconciliation import charge_of
from callcontrol.reference import Reference
from callcontrol.wiring import in_progress
from tariffs import STEP, FixedCharge, Level, Then
from tests.builders import (
    ANSWERED_US,
    CREATED_US,
    at,
    make_tariff,
)
from tests.fakes import voice
from tests.unit.callcontrol.calls.talk import Talk, in_talk
from tests.waiting import eventually

SECOND = Decimal("0.03")  # of 1.80 a minute


def level(*fixed: tuple[str, int, int | None], per_minute: str = "1.80", then=None) -> Level:
    """Make a level; fixed charges are (amount, after_s, every_s)."""
    return Level(
        per_minute=Decimal(per_minute),
        fixed=tuple(
            FixedCharge(amount=Decimal(amount), after_s=after_s, every_s=every_s)
            for amount, after_s, every_s in fixed
        ),
        then=then,
    )


TABLES = {
    "fixed": {1: level(("2.00", 30, 30))},
    "two": {1: level(("2.00", 30, None), ("3.00", 30, None))},
    "dear": {1: level(("20.00", 30, None))},
    "soon": {1: level(), 2: level(("2.00", 5, None), per_minute="2.40")},
    "step": {
        1: level(then=Then(after_s=30, level=2)),
        2: level(per_minute="4.20"),
        3: level(per_minute="9.00"),
    },
    "dear step": {1: level(then=Then(after_s=30, level=2)), 2: level(per_minute="9.00")},
}


@pytest.fixture(scope="module")
def prompts(tmp_path_factory: pytest.TempPathFactory) -> PromptFolder:
    """Make the prompts that the tables need, two seconds long."""
    folder = PromptFolder(tmp_path_factory.mktemp("prompts"), voice.command(2))
    made = set()
    for levels in TABLES.values():
        for needed in needed_prompts(make_tariff(levels=levels), CREATED_US):
            if (name := folder.spoken_name(needed)) not in made:
                made.add(name)
                make(needed, folder)
    return folder


class Foretold(Talk):
    """A call in talk, in which time passes."""

    def until(self, seconds):
        """Let time pass, a tenth of a second at a time, and what is due happen."""
        while self.engine.clock.now_us() < at(seconds):
            self.engine.clock.advance(0.1)
            self.engine.ticker.tick()
            gevent.sleep(0)

    def played(self):
        """List the files that were played to the caller."""
        return [sent[2] for sent in self.engine.link.sent if sent[0] == "uuid_broadcast"]

    def play_to_its_end(self, *, status="done"):
        """Have the switch say that what it plays to the caller ends now."""
        self.stopped(self.played()[-1], at_us=self.engine.clock.now_us(), status=status)

    def press(self, key):
        """Have the caller press a key, now."""
        self.pressed(key, at_us=self.engine.clock.now_us())
        gevent.sleep(0.01)

    def fixed(self):
        """List the fixed charges of the record: seconds after the answer, and amount."""
        return [
            ((line.at_us - ANSWERED_US) / 1_000_000, line.amount)
            for line in self.cdr.lines
            if line.kind == "fixed"
        ]


@pytest.fixture
def talk(prompts):
    """Give a function that has a call in talk, and checks its record afterwards."""

    @contextmanager
    def talking(name, *, until_s=45, **settings):
        table = make_tariff(levels=TABLES[name])
        told = in_talk(table, prompts, until_s=until_s, kind=Foretold, **settings)
        with told as this:
            yield this
            live = this.call.meter.charge_at(at(until_s))
            tables = Reference(tariffs={table.name: (table,)})
            seen = rated_now(in_progress(this.call), tables, at(until_s))
            assert seen.charge == live
        charge = this.cdr.charge.gross
        assert charge == charge_of(this.cdr, table, ANSWERED_US, at(until_s))
        described = json.dumps(described_record(this.cdr, table))
        assert charge == rate_text(described).charge
        if this.engine.clock.now_us() >= at(until_s):
            assert charge == live

    return talking


class TestFixedCharge:
    def test_is_told_before_it_falls_due(self, talk):
        """To the caller alone, a second to spare, free; then it is charged at its instant."""
        with talk("fixed") as this:
            this.until(26.9)
            assert this.played() == []
            this.until(27)
            assert this.engine.link.sent[-1][3] == "aleg"
            this.until(29)
            this.play_to_its_end()
            this.until(45)
        (told,) = this.cdr.announcements

        assert (told.level, told.due_us) == (1, at(30))
        assert (told.started_us, told.ended_us) == (at(27), at(29))
        assert this.fixed() == [(30, 2)]
        assert this.cdr.charge.exact == 2 + 43 * SECOND

    def test_each_time_anew(self, talk):
        """A charge that comes again is told again; one that is not is not charged."""
        with talk("fixed", until_s=125) as this:
            for due_s in (30, 60, 90, 120):
                this.until(due_s - 1)
                this.play_to_its_end(status="break" if due_s == 60 else "done")
                this.until(due_s + 1)
            this.until(125)

        assert [one.due_us for one in this.cdr.announcements] == [
            at(30), at(60), at(90), at(120),
        ]  # fmt: skip
        assert this.fixed() == [(30, 2), (60, 0), (90, 2), (120, 2)]
        assert this.cdr.charge.exact == 6 + (125 - 4 * 2) * SECOND

    def test_two_at_one_instant_are_told_one_after_the_other(self, talk):
        """Both, or neither is charged."""
        with talk("two") as this:
            this.until(27)
            this.play_to_its_end()
            this.until(29)
            this.play_to_its_end()
            this.until(45)

        assert len(set(this.played())) == 2
        assert this.fixed() == [(30, 2), (30, 3)]

    def test_told_too_late(self, talk):
        """An announcement that lasts beyond the instant has not told it in time."""
        with talk("fixed") as this:
            this.until(30.5)
            this.play_to_its_end()
            this.until(45)

        assert this.fixed() == [(30, 0)]

    def test_link_that_is_down(self, talk):
        """Nothing can be said: it is not charged, and the time is not free either."""
        with talk("fixed") as this:
            this.engine.link.is_up = False
            this.until(45)
            this.engine.link.is_up = True

        assert this.cdr.announcements == ()
        assert this.fixed() == [(30, 0)]
        assert this.cdr.charge.exact == 45 * SECOND

    def test_caller_gone_meanwhile(self, talk):
        """The call ended before: the announcement is in the record, and free to the end."""
        with talk("fixed", until_s=28) as this:
            this.until(27.5)

        (told,) = this.cdr.announcements
        assert (told.due_us, told.ended_us) == (at(30), None)
        assert this.fixed() == []
        assert this.cdr.charge.exact == 27 * SECOND

    @pytest.mark.parametrize(("key", "amount"), [("1", 20), ("2", 0)])
    def test_consent(self, talk, key, amount):
        """Above the limit the caller's key decides, and is in the record."""
        with talk("dear") as this:
            this.until(20)
            this.play_to_its_end()
            this.press(key)
            this.until(45)

        assert [one.consent_key for one in this.cdr.announcements] == [key]
        assert this.fixed() == [(30, amount)]

    def test_silence_is_no_consent(self, talk):
        """Nothing is charged, and the call goes on."""
        with talk("dear", consent_wait_s=1) as this:
            this.until(28)
            this.play_to_its_end()
            eventually(lambda: this.call.changing is None, within_s=3)
            this.until(45)

        assert this.fixed() == [(30, 0)]

    def test_that_comes_soon_after_its_level_was_told(self, talk):
        """The announcement of the level told it; there is no time for another."""
        with talk("soon") as this:
            asked = ask_level(this.call, 2, this.engine, by="operator", asked_us=at(10))
            this.until(12)
            this.play_to_its_end()
            asked.get(timeout=2)
            this.until(45)

        assert len(this.cdr.announcements) == 1
        assert this.fixed() == [(17, 2)]

    def test_nobody_was_there_to_tell(self, talk):
        """What fell due while no engine ran is not charged."""
        with talk("fixed", until_s=70) as this:
            pass

        assert this.fixed() == [(30, 0), (60, 0)]


class TestStep:
    def test_is_told_before_it_comes(self, talk):
        """It holds from its very instant, and is in the record once."""
        with talk("step") as this:
            this.until(29)
            this.play_to_its_end()
            this.until(45)
        (change,) = this.cdr.changes
        (told,) = this.cdr.announcements

        assert (change.level, change.by, change.in_force_us) == (2, STEP, at(30))
        assert (told.level, told.started_us, told.due_us) == (2, at(27), None)
        assert this.cdr.charge.exact == 28 * SECOND + 15 * Decimal("0.07")

    def test_is_not_told(self, talk):
        """The level stays for good, and the record says why."""
        with talk("step") as this:
            this.until(28)
            this.play_to_its_end(status="break")
            this.until(45)
        (change,) = this.cdr.changes

        assert (change.asked_us, change.by) == (at(30), STEP)
        assert (change.in_force_us, change.refused) == (None, "price not announced")
        assert {one.level for one in this.cdr.segments} == {1}

    @pytest.mark.parametrize(("key", "levels"), [("1", {1, 2}), ("9", {1})])
    def test_consent(self, talk, key, levels):
        """Above the limit the caller's key decides."""
        with talk("dear step") as this:
            this.until(21)
            this.play_to_its_end()
            this.press(key)
            this.until(45)

        assert {one.level for one in this.cdr.segments} == levels

    def test_that_had_to_wait(self, talk):
        """What is being said goes on; the step is told then, and comes when that has ended."""
        with talk("step") as this:
            this.until(26)
            refused = ask_level(this.call, 3, this.engine, by="operator", asked_us=at(26))
            this.until(28)
            this.play_to_its_end()
            this.until(33)
            this.press("2")
            assert refused.get(timeout=2).refused == "no consent: key 2"
            this.until(36)
            this.play_to_its_end()
            this.until(45)
        step = this.cdr.changes[-1]

        assert (step.by, step.asked_us, step.in_force_us) == (STEP, at(30), at(36))
        assert [one.level for one in this.cdr.changes] == [3, 2]
        assert this.call.level_now == 2

    def test_whose_level_is_left_meanwhile(self, talk):
        """There is no step from a level that is not in force any more."""
        with talk("step") as this:
            this.until(26)
            asked = ask_level(this.call, 3, this.engine, by="operator", asked_us=at(26))
            this.until(28)
            this.play_to_its_end()
            this.until(33)
            this.press("1")
            assert asked.get(timeout=2).in_force_us == at(33)
            this.until(45)

        assert [(one.level, one.by) for one in this.cdr.changes if one.in_force_us] == [
            (3, "operator")
        ]

    def test_caller_gone_meanwhile(self, talk):
        """The step was never due, and is not in the record."""
        with talk("step", until_s=28) as this:
            this.until(27.5)

        assert len(this.cdr.announcements) == 1
        assert this.cdr.changes == ()

    def test_nobody_was_there_to_tell(self, talk):
        """A step that fell due while no engine ran was not made, and the record says so."""
        with talk("step") as this:
            pass
        (change,) = this.cdr.changes

        assert (change.asked_us, change.refused) == (at(30), "price not announced")

    def test_is_told_by_the_engine_that_takes_the_call_over(self, talk):
        """It fell due with no engine there; it comes when it has been told."""
        with talk("step", until_s=60) as this:
            this.engine.clock.advance(30)
            watch(this.call, this.engine)
            foresee(this.call, this.engine)
            gevent.sleep(0)
            this.until(42)
            this.play_to_its_end()
            this.until(60)
        (change,) = this.cdr.changes

        assert (change.by, change.asked_us, change.in_force_us) == (STEP, at(30), at(42))
        assert this.cdr.charge.exact == 40 * SECOND + 18 * Decimal("0.07")
