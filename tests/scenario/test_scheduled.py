"""What takes effect, or ends, by itself: each call is decided by what holds when it comes."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import holidays
import pytest

from callcontrol.clock import SystemClock, text_of
from tests.scenario.records import us_of

pytestmark = pytest.mark.long  # they wait for instants, or for calls to end

FAR = "2099-01-01T00:00:00.000000Z"


@pytest.mark.parametrize(
    ("number", "before", "after"),
    [
        pytest.param("900700011", 404, 200, id="ported in"),
        pytest.param("900700012", 200, 404, id="ported out"),
        pytest.param("900700013", 200, 486, id="another route"),
        pytest.param("900700014", 404, 200, id="an override ends"),
    ],
)
def test_a_cut_over(stack, number, before, after):
    """It was loaded earlier and holds from its instant on, to the call, without a word more."""
    at_us = SystemClock().now_us() + 6_000_000
    is_after = _call(stack, number, at_us, before, after)
    assert not is_after
    put_back = stack.load_changed(FAR, text_of(at_us))
    try:
        while not is_after:
            is_after = _call(stack, number, at_us, before, after)
    finally:
        put_back()


def _call(stack, number, at_us, before, after):
    """Place a call, hold it to what was in force, and say whether that is the new."""
    already = stack.recorded(f"+41{number}")

    called = stack.caller.call(f"0{number}", talk_ms=100)

    cdr = stack.cdr_of_new_call(f"+41{number}", already)
    is_after = us_of(cdr["received_at"]) >= at_us
    assert called.final == (after if is_after else before)
    return is_after


def test_a_number_to_be_ported_in_is_called_before(stack):
    """Its tester reaches it, and the record says so; for others it is not there."""
    tester = {"sender": "<sip:+41795550077@127.0.0.1>"}
    before = stack.recorded("+41900700016")

    tested = stack.caller.call("0900700016", talk_ms=100, **tester)
    cdr = stack.cdr_of_new_call("+41900700016", before)
    other = stack.caller.call("0900700016", "caller-is-refused")
    left = stack.caller.call("0900700017", "caller-is-refused", **tester)

    assert (tested.final, other.final, left.final) == (200, 404, 404)
    assert (cdr["disposition"], cdr["flags"]) == ("answered", ["test_call"])
    stack.command("check", "0900700016", "--from", "+41795550077")
    stack.command("check", "0900700016", "--at", "2099-01-01T00:00:00Z")


def test_a_special_date_goes_before_the_week(stack):
    """The week is open, the day is closed; the record names the day."""
    before = stack.recorded("+41900700015")

    called = stack.caller.call("0900700015", "caller-is-refused")

    cdr = stack.cdr_of_new_call("+41900700015", before)
    assert called.final == 404
    assert (cdr["disposition"], cdr["rule"]) == (
        "closed",
        "special:2020-01-01/2090-12-31 always",
    )


def test_a_public_holiday_goes_before_the_week(stack):
    """Closed where the number's day is a holiday in its country; the record names it."""
    zone, country = _where_it_is_a_holiday()
    loaded = stack.engine_log().count('"reference_loaded"')
    put_back = stack.load_changed(
        "zone: Europe/Zurich, public_holidays: [{country: CH, canton: ZH,",
        f"zone: {zone}, public_holidays: [{{country: {country},",
    )
    try:
        stack.eventually(lambda: stack.engine_log().count('"reference_loaded"') > loaded)
        before = stack.recorded("+41900700018")
        called = stack.caller.call("0900700018", talk_ms=100)
        cdr = stack.cdr_of_new_call("+41900700018", before)
    finally:
        put_back()

    day = datetime.fromisoformat(cdr["received_at"]).astimezone(ZoneInfo(zone)).date()
    assert called.final == 404
    assert cdr["disposition"] == "closed"
    assert cdr["rule"].startswith(f"special:{day} ")


def _where_it_is_a_holiday() -> tuple[str, str]:
    """Give a zone and a country: somewhere on earth today is one."""
    now = datetime.now(UTC)
    zones = ("Pacific/Kiritimati", "Europe/Zurich", "Pacific/Midway")  # two days at any instant
    return next(
        (zone, country)
        for zone in zones
        if (local := now.astimezone(ZoneInfo(zone))).hour < 23  # no new day meanwhile
        for country in holidays.list_supported_countries()
        if local.date() in holidays.country_holidays(country)
    )
