"""Prices that the law wants spoken: heard first, accepted where that is due, then charged."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from tariffs import Level, Meter, Rounding, Tariff
from tests.fakes import voice
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
        for tariff in ("told", "asked", "never-told"):
            stack.command("prompts", "make", "--tariff", tariff)
        yield


def table(*levels: Level) -> Tariff:
    """Make the tariff of a number, from the prices in the scenarios' reference alone."""
    rounding = Rounding(to=Decimal("0.10"))
    numbered = dict(enumerate(levels, start=1))
    return Tariff(name="expected", category="0906", rounding=rounding, levels=numbered)


def level(per_minute: str, per_call: str = "0.00") -> Level:
    """Make a level."""
    return Level(per_minute=Decimal(per_minute), per_call=Decimal(per_call))


def test_price_is_heard_before_anybody_is_rung_and_paid_after_the_wait(stack):
    """In early media and free; the meter starts five seconds after its end."""
    before = len(stack.cdrs("+41906100001"))

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
    before = len(stack.cdrs("+41906100001"))

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
    before = len(stack.cdrs("+41906100002"))

    called = stack.caller.call("0906100002", "caller-accepts", key="1", talk_ms=200)

    cdr = stack.cdr_of_new_call("+41906100002", before)
    assert called.final == 200
    assert [one["consent_key"] for one in cdr["announcements"]] == ["1"]
    assert (cdr["disposition"], cdr["charge"]["gross"]) == ("answered", "0.00")


def test_declined_price(stack):
    """Another key is no consent: nobody is rung, and nothing is charged."""
    before = len(stack.cdrs("+41906100002"))

    called = stack.caller.call("0906100002", "caller-declines", key="2")

    cdr = stack.cdr_of_new_call("+41906100002", before)
    assert called.went_as_expected
    assert (cdr["disposition"], cdr["rule"]) == ("rejected", "no consent: key 2")
    assert (cdr["attempts"], cdr["charge"], cdr["answered_at"]) == ([], None, None)


def test_silence_is_no_consent(stack):
    """A caller who presses nothing is released when the time for it is over."""
    before = len(stack.cdrs("+41906100002"))

    called = stack.caller.call("0906100002", "caller-is-refused")

    cdr = stack.cdr_of_new_call("+41906100002", before)
    waited_us = us_of(cdr["released_at"]) - us_of(cdr["announcements"][0]["ended_at"])
    assert called.final == 603
    assert cdr["rule"] == "no consent: no key"
    assert waited_us == pytest.approx(CONSENT_WAIT_S * 1_000_000, abs=700_000)


def test_caller_who_leaves_during_the_announcement_pays_nothing(stack):
    """The record says that it was not heard to its end."""
    before = len(stack.cdrs("+41906100001"))

    called = stack.caller.call("0906100001", "caller-hears-and-cancels", talk_ms=150)

    cdr = stack.cdr_of_new_call("+41906100001", before)
    assert called.final == 487
    assert (cdr["disposition"], cdr["charge"]) == ("abandoned", None)
    assert [one["ended_at"] for one in cdr["announcements"]] == [None]


def test_price_that_cannot_be_spoken_is_not_charged(stack, folder):
    """Without its prompt the call is refused, and `check` names what is missing."""
    before = len(stack.cdrs("+41906100003"))
    (needed,) = json.loads(stack.command("prompts", "--tariff", "never-told", "--json"))
    file = Path(folder, f"{needed['name']}.wav")
    aside = file.rename(file.with_suffix(".aside"))

    called = stack.caller.call("0906100003", "caller-is-refused")

    aside.rename(file)
    cdr = stack.cdr_of_new_call("+41906100003", before)
    assert called.final == 503
    assert (cdr["rule"], cdr["disposition"]) == ("price not announced", "failed")
    assert (cdr["announcements"], cdr["charge"]) == ([], None)
