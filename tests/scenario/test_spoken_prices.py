"""Prices that the law wants spoken: heard first, accepted where that is due, then charged."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import gevent
import pytest

from callcontrol.cdr.journal_file import read_only
from callcontrol.rating import rate_text
from callcontrol.store import run
from tariffs import (
    Change,
    FixedCharge,
    FreeTime,
    Level,
    Meter,
    Rounding,
    Tariff,
    Then,
    Withheld,
)
from tests.fakes import voice
from tests.scenario.phone import Phone
from tests.scenario.records import us_of

PROMPT_S = 0.5
CONSENT_WAIT_S = 2
WAIT_US = 5_000_000


@pytest.fixture(scope="module", autouse=True)
def spoken_here(stack, folder):
    """Have the engine speak prices, with prompts half a second long."""
    settings = {
        "announce_prices": "here",
        "voice": voice.command(PROMPT_S),
        "consent_wait_s": str(CONSENT_WAIT_S),
    }
    with stack.engine_with(**settings):
        for tariff in ("told", "asked", "dearer", "foretold", "never-told"):
            stack.command("prompts", "make", "--tariff", tariff)
        yield


def table(*levels: Level, to: Decimal | None = Decimal("0.10")) -> Tariff:
    """Make the tariff of a number, from the prices in the scenarios' reference alone."""
    rounding = Rounding(to=to)
    numbered = dict(enumerate(levels, start=1))
    return Tariff(name="expected", category="0906", rounding=rounding, levels=numbered)


def level(per_minute: str, per_call: str = "0.00") -> Level:
    """Make a level."""
    return Level(per_minute=Decimal(per_minute), per_call=Decimal(per_call))


def test_price_is_heard_before_anybody_is_rung_and_paid_after_the_wait(stack):
    """In early media and free; the meter starts five seconds after its end."""
    before = stack.recorded("+41906100001")

    called = stack.caller.call("0906100001", talk_ms=6300)

    cdr = stack.cdr_of_new_call("+41906100001", before)
    (told,) = cdr["announcements"]
    end = stack.watch.end_of(cdr["switch_uuid"])
    start_us = us_of(told["ended_at"]) + WAIT_US
    expected = Meter(table(level("3.00")), level=1, start_us=start_us).stop(end.hangup_us)
    assert [code for code in called.answers if code != 100] == [183, 200]
    assert told["level"] == 1
    assert us_of(told["ended_at"]) - us_of(told["started_at"]) == pytest.approx(
        PROMPT_S * 1_000_000, abs=400_000
    )
    assert us_of(told["ended_at"]) <= us_of(cdr["attempts"][0]["started_at"])
    assert us_of(told["charged_from_at"]) == start_us > end.answered_us
    assert Decimal(cdr["charge"]["gross"]) == expected.charge > 0
    assert cdr["metered_us"] == end.hangup_us - start_us


def test_record_names_the_very_file(stack, folder):
    """Its version is in the list of prompts, beside the words that were heard."""
    before = stack.recorded("+41906100001")

    stack.caller.call("0906100001", talk_ms=200)

    (told,) = stack.cdr_of_new_call("+41906100001", before)["announcements"]
    prompts = json.loads(stack.command("prompts", "--tariff", "told", "--json"))
    (same,) = [one for one in prompts if one["version"] == told["version"] and one["there"]][:1]
    assert Path(folder, f"{told['name']}.wav").exists()
    text = Path(folder, f"{told['name']}.txt").read_text(encoding="utf-8")
    assert text == "Cet appel coûte trois francs par minute.\n"
    assert same


def test_accepted_price(stack):
    """The key is in the record; a call that ends before the wait is over costs nothing."""
    before = stack.recorded("+41906100002")

    called = stack.caller.call("0906100002", "caller-accepts", key="1", talk_ms=200)

    cdr = stack.cdr_of_new_call("+41906100002", before)
    assert called.final == 200
    assert [one["consent_key"] for one in cdr["announcements"]] == ["1"]
    assert (cdr["disposition"], cdr["charge"]["gross"]) == ("answered", "0.00")


def test_price_accepted_in_the_voice_stream(stack, destinations):
    """The key may come as an event of RFC 4733, before anybody is rung."""
    before = stack.recorded("+41906100007")
    heard = len(stack.watch.played())
    phone = Phone()

    def accept(early):
        stack.eventually(lambda: len(stack.watch.played()) > heard)
        early.press("1", by="rtp")

    try:
        phone.call("0906100007", stack.switch.sip_port, on_voice=accept).hang_up()
    finally:
        phone.stop()

    cdr = stack.cdr_of_new_call("+41906100007", before)
    assert [one["consent_key"] for one in cdr["announcements"]] == ["1"]
    assert (cdr["disposition"], cdr["charge"]["gross"]) == ("answered", "0.00")


def test_declined_price(stack):
    """Another key is no consent: nobody is rung, and nothing is charged."""
    before = stack.recorded("+41906100002")

    called = stack.caller.call("0906100002", "caller-declines", key="2")

    cdr = stack.cdr_of_new_call("+41906100002", before)
    assert called.went_as_expected
    assert (cdr["disposition"], cdr["rule"]) == ("rejected", "no consent: key 2")
    assert (cdr["attempts"], cdr["charge"], cdr["answered_at"]) == ([], None, None)


def test_silence_is_no_consent(stack):
    """A caller who presses nothing is released when the time for it is over."""
    before = stack.recorded("+41906100002")

    called = stack.caller.call("0906100002", "caller-is-refused")

    cdr = stack.cdr_of_new_call("+41906100002", before)
    waited_us = us_of(cdr["released_at"]) - us_of(cdr["announcements"][0]["ended_at"])
    assert called.final == 603
    assert cdr["rule"] == "no consent: no key"
    assert waited_us == pytest.approx(CONSENT_WAIT_S * 1_000_000, abs=700_000)


def test_caller_who_leaves_during_the_announcement_pays_nothing(stack):
    """The record says that it was not heard to its end."""
    before = stack.recorded("+41906100001")

    called = stack.caller.call("0906100001", "caller-hears-and-cancels", talk_ms=150)

    cdr = stack.cdr_of_new_call("+41906100001", before)
    assert called.final == 487
    assert (cdr["disposition"], cdr["charge"]) == ("abandoned", None)
    assert [one["ended_at"] for one in cdr["announcements"]] == [None]


def test_price_that_cannot_be_spoken_is_not_charged(stack, folder):
    """Without its prompt the call is refused, and `check` names what is missing."""
    before = stack.recorded("+41906100003")
    (needed,) = json.loads(stack.command("prompts", "--tariff", "never-told", "--json"))
    file = Path(folder, f"{needed['name']}.wav")
    aside = file.rename(file.with_suffix(".aside"))

    called = stack.caller.call("0906100003", "caller-is-refused")

    aside.rename(file)
    cdr = stack.cdr_of_new_call("+41906100003", before)
    assert called.final == 503
    assert (cdr["rule"], cdr["disposition"]) == ("price not announced", "failed")
    assert (cdr["announcements"], cdr["charge"]) == ([], None)


DEARER = table(level("1.80"), level("4.20"), level("9.00"), to=None)
NUMBER = "+41906100005"
FORETOLD = Tariff(
    name="expected",
    category="0906",
    levels={
        1: Level(
            per_minute=Decimal("1.80"),
            fixed=(FixedCharge(amount=Decimal("2.00"), after_s=2),),
            then=Then(after_s=3, level=2),
        ),
        2: Level(per_minute=Decimal("4.20")),
    },
)
FORETOLD_NUMBER = "+41906100006"


class Talk:
    """A call in talk at a price that nobody needs to be told, with a phone at either end.

    Attributes:
        caller, called: the two ends.
        leg_uuid: the switch's uuid of the caller's leg.
        cdr: its record, once it is over.
        since: an instant a little before the call.
    """

    def __init__(self, stack, caller, called, leg_uuid):
        self.caller, self.called = caller, called
        self.leg_uuid = leg_uuid
        self.cdr = {}
        self.since = datetime.now(UTC) - timedelta(seconds=5)
        self._stack = stack

    def wait_until_heard(self):
        """Wait until the switch has played something to the caller to its end."""
        (heard,) = self._stack.eventually(lambda: self._stack.watch.played(self.leg_uuid))
        return heard

    def wait_until_dealt_with(self):
        """Wait until the engine has brought the change into force, or refused it."""
        told = ('"level_changed"', '"level_refused"')
        self._stack.eventually(lambda: any(one in self._stack.engine_log() for one in told))

    def priced(self, *changes, tariff=DEARER, withheld=()):
        """Price the call with the pure meter, free while the price was spoken."""
        end = self._stack.watch.end_of(self.leg_uuid)
        free = [
            FreeTime(
                from_us=us_of(one["started_at"]),
                until_us=us_of(one["ended_at"]) if one["ended_at"] else None,
            )
            for one in self.cdr["announcements"]
            # The switch's end is a beat of its clock: an announcement may begin behind it.
            if us_of(one["started_at"]) < end.hangup_us
        ]
        asked = [Change(at_us=at_us, level=number) for at_us, number in changes]
        start_us = end.answered_us
        spared = [
            Withheld(kind=kind, at_us=start_us + after_s * 1_000_000)
            for kind, after_s in withheld
        ]
        meter = Meter(
            tariff, level=1, start_us=start_us, changes=asked, free=free, withheld=spared
        )
        return meter.stop(end.hangup_us)


async def _in_talk(connection, number):
    return await connection.fetch(
        "SELECT switch_uuid FROM calls_in_progress WHERE number = $1 AND state = 'answered'",
        number,
    )


@pytest.fixture
def talk(stack, destinations):
    """Give a function that has a call in talk, and its record afterwards."""
    phone = Phone()

    @contextmanager
    def talking(number=NUMBER):
        before = stack.recorded(number)
        # A call that has just ended is shown for a moment more.
        known = {row["switch_uuid"] for row in run(stack.dsn, _in_talk, number)}
        stack.forget_log()
        caller = phone.call(number, stack.switch.sip_port)
        called = destinations["keypad"].latest()
        try:
            (leg_uuid,) = stack.eventually(
                lambda: {row["switch_uuid"] for row in run(stack.dsn, _in_talk, number)} - known
            )
            this = Talk(stack, caller, called, leg_uuid)
            yield this
        finally:
            if not caller.is_over:
                caller.hang_up()
        this.cdr = stack.cdr_of_new_call(number, before)

    yield talking
    phone.stop()


def test_dearer_price_is_heard_in_the_call_and_holds_from_its_end(stack, talk):
    """To the caller alone, the bridge stays up; the time in which it is spoken is free."""
    with talk() as this:
        this.called.press("*02#")
        heard = this.wait_until_heard()
        this.wait_until_dealt_with()
        legs = stack.watch.legs()
        gevent.sleep(1.1)  # that a second begins at the new price

    (told,) = this.cdr["announcements"]
    (change,) = this.cdr["changes"]
    expected = this.priced((heard.event_us, 2))
    assert legs == 2
    assert (told["level"], us_of(told["ended_at"])) == (2, heard.event_us)
    assert us_of(change["in_force_at"]) == heard.event_us
    assert (change["level"], change["refused"]) == (2, None)
    assert this.cdr["charge"]["gross"] == str(expected.charge)
    assert [one["level"] for one in this.cdr["segments"]] == [1, 1, 2]


@pytest.mark.parametrize("by", ["info", pytest.param("rtp", marks=pytest.mark.long)])
def test_price_above_the_limit_needs_the_caller_s_key(talk, by):
    """It holds from the key, which is in the record, whichever way it came."""
    with talk() as this:
        this.called.press("*03#")
        this.wait_until_heard()
        this.caller.press("1", by=by)
        this.wait_until_dealt_with()
        gevent.sleep(1.1)  # that a second begins at the new price

    (told,) = this.cdr["announcements"]
    (change,) = this.cdr["changes"]
    in_force_us = us_of(change["in_force_at"])
    assert told["consent_key"] == "1"
    assert in_force_us >= us_of(told["ended_at"])
    assert this.cdr["charge"]["gross"] == str(this.priced((in_force_us, 3)).charge)


@pytest.mark.parametrize(("key", "reason"), [("2", "key 2"), ("", "no key")])
def test_no_key_or_another_one_changes_nothing(talk, key, reason):
    """The call goes on at its price, and the record says why."""
    with talk() as this:
        this.called.press("*03#")
        this.wait_until_heard()
        this.caller.press(key)
        this.wait_until_dealt_with()

    (change,) = this.cdr["changes"]
    assert (change["in_force_at"], change["refused"]) == (None, f"no consent: {reason}")
    assert {one["level"] for one in this.cdr["segments"]} == {1}
    assert this.cdr["charge"]["gross"] == str(this.priced().charge)


def test_caller_who_leaves_while_a_change_is_spoken(talk):
    """There is no change, and the time of the announcement is free to the end."""
    with talk() as this:
        this.called.press("*02#")

    assert all(one["in_force_at"] is None for one in this.cdr["changes"])
    assert all(one["ended_at"] is None for one in this.cdr["announcements"])
    assert this.cdr["charge"]["gross"] == str(this.priced().charge)


def test_fixed_charge_and_step_are_heard_before_they_come(stack, talk):
    """Each is told to the caller in the bridge, and then comes at its very instant."""
    with talk(FORETOLD_NUMBER) as this:
        stack.eventually(lambda: len(stack.watch.played(this.leg_uuid)) == 2)
        legs = stack.watch.legs()
        stack.eventually(lambda: "level_changed" in stack.engine_log())
        gevent.sleep(1.1)  # that a second begins at the new price

    charge, step = this.cdr["announcements"]
    (change,) = this.cdr["changes"]
    answered_us = us_of(this.cdr["answered_at"])
    expected = this.priced(tariff=FORETOLD)
    assert legs == 2
    assert us_of(charge["ended_at"]) <= us_of(charge["due_at"]) == answered_us + 2_000_000
    assert us_of(step["ended_at"]) <= us_of(change["in_force_at"]) == answered_us + 3_000_000
    assert [line["amount"] for line in this.cdr["lines"] if line["kind"] == "fixed"] == ["2.00"]
    assert this.cdr["charge"]["gross"] == str(expected.charge)
    assert stack.eventually(lambda: stack.differences(this.since) == [])
    described = stack.command("calls", "show", this.cdr["call_id"], "--rate")
    assert rate_text(described).charge == expected.charge


@pytest.mark.long
def test_fixed_charge_and_step_that_cannot_be_told_do_not_come(stack, talk, folder):
    """Without their prompts the call goes on at the price that the caller knows."""
    prompts = json.loads(stack.command("prompts", "--tariff", "foretold", "--json"))
    files = {Path(folder, f"{one['name']}.wav") for one in prompts if one["there"]}
    aside = [(file.rename(file.with_suffix(".aside")), file) for file in files]
    try:
        with talk(FORETOLD_NUMBER) as this:
            stack.eventually(lambda: "level_refused" in stack.engine_log())
            gevent.sleep(1.7)  # that the step is due, and a second more
    finally:
        for moved, file in aside:
            moved.rename(file)

    (change,) = this.cdr["changes"]
    expected = this.priced(tariff=FORETOLD, withheld=[("fixed", 2), ("step", 3)])
    assert (this.cdr["announcements"], change["by"]) == ([], "step")
    assert (change["in_force_at"], change["refused"]) == (None, "price not announced")
    assert [line["amount"] for line in this.cdr["lines"] if line["kind"] == "fixed"] == ["0.00"]
    assert {one["level"] for one in this.cdr["segments"]} == {1}
    assert this.cdr["charge"]["gross"] == str(expected.charge)
    assert stack.eventually(lambda: stack.differences(this.since) == [])


def _is_told_something(stack):
    """Say whether the journal has a call that is up and hears something."""
    with read_only(stack.journal) as (_, open_calls, _aside):
        return any('"announcements":[{' in str(one.merged["draft"]) for one in open_calls)


@pytest.mark.long
def test_caller_who_leaves_while_a_fixed_charge_is_told(stack, talk):
    """It was never due: it is not charged, and what was heard of the announcement is free."""
    with talk(FORETOLD_NUMBER) as this:
        stack.eventually(lambda: _is_told_something(stack))

    assert len(this.cdr["announcements"]) == 1
    assert not [line for line in this.cdr["lines"] if line["kind"] == "fixed"]
    assert this.cdr["charge"]["gross"] == str(this.priced(tariff=FORETOLD).charge)
