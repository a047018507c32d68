"""The weekly plan at ordinary hours, over midnight, and across clock changes."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from dialplan import InvalidWeek, Slot, WeekPlan, parse_weekdays, wall_clock, weekdays_text
from tests.dialplan_builders import make_slot, make_week

ZURICH = ZoneInfo("Europe/Zurich")

OFFICE_HOURS = make_week(("mon-fri", "08:00", "18:00"))
NIGHTS = make_week(("fri,sun", "22:00", "06:00"))


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("instant", "is_open"),
    [
        ("2026-01-05 06:59:59.999999", False),  # Monday, 07:59:59 in Zurich
        ("2026-01-05 07:00", True),
        ("2026-01-05 16:59:59.999999", True),
        ("2026-01-05 17:00", False),
        ("2026-01-05 17:00:00.000001", False),
        ("2026-01-09 16:59:59.999999", True),  # Friday
        ("2026-01-09 17:00", False),
        ("2026-01-10 11:00", False),  # Saturday
        ("2026-07-06 06:00", True),  # summer time: 08:00 comes an hour earlier
    ],
)
def test_a_slot_includes_its_start_and_not_its_end(instant: str, is_open: bool) -> None:
    """Local wall time decides, to the microsecond."""
    assert (OFFICE_HOURS.slot_at(_utc(instant), ZURICH) is not None) is is_open


@pytest.mark.parametrize(
    ("instant", "is_open"),
    [
        ("2026-01-09 20:59", False),  # Friday 21:59 in Zurich
        ("2026-01-09 21:00", True),
        ("2026-01-10 04:59", True),  # Saturday morning belongs to Friday's slot
        ("2026-01-10 05:00", False),
        ("2026-01-10 21:00", False),  # no slot starts on Saturday
        ("2026-01-12 04:59", True),  # Monday morning belongs to Sunday's slot
        ("2026-01-12 05:00", False),
    ],
)
def test_a_slot_may_cross_midnight_and_the_end_of_the_week(instant: str, is_open: bool) -> None:
    """The weekday is the one on which the slot starts."""
    assert (NIGHTS.slot_at(_utc(instant), ZURICH) is not None) is is_open


def test_equal_start_and_end_is_a_whole_day() -> None:
    """00:00-00:00 on every day leaves no gap."""
    always = make_week(("mon-sun", "00:00", "00:00"))

    assert all(
        always.slot_at(_utc("2026-01-05 00:00") + timedelta(minutes=17 * step), ZURICH)
        for step in range(600)
    )


def test_no_slots_hold_at_no_time() -> None:
    """An empty plan is a plan."""
    assert WeekPlan().slot_at(_utc("2026-01-05 12:00"), ZURICH) is None


@pytest.mark.parametrize(
    ("instant", "is_open"),
    [
        ("2026-03-29 00:59", False),  # 01:59 in Zurich; then the clock shows 03:00
        ("2026-03-29 01:00", False),
        ("2026-10-25 00:00", True),  # 02:00 for the first time
        ("2026-10-25 00:59", True),
        ("2026-10-25 01:00", True),  # 02:00 again
        ("2026-10-25 01:59", True),
        ("2026-10-25 02:00", False),  # 03:00
    ],
)
def test_clock_changes(instant: str, is_open: bool) -> None:
    """The hour that does not exist is skipped; the double hour is in the slot both times."""
    plan = make_week(("sun", "02:00", "03:00"))

    assert (plan.slot_at(_utc(instant), ZURICH) is not None) is is_open


def test_the_instant_may_be_in_any_zone() -> None:
    """Only the instant counts, not how it is written."""
    noon = _utc("2026-01-05 11:00").astimezone(timezone(timedelta(hours=-11)))

    assert OFFICE_HOURS.slot_at(noon, ZURICH) == OFFICE_HOURS.slots[0]


def test_the_ends_of_the_calendar_have_a_wall_time() -> None:
    """Where the zone's own date would be in year 0 or 10000, nothing is raised."""
    first = datetime.min.replace(tzinfo=UTC)
    last = datetime.max.replace(tzinfo=UTC)

    assert wall_clock(first, ZoneInfo("America/New_York")) == first.replace(tzinfo=None)
    assert wall_clock(last, ZoneInfo("Asia/Tokyo")) == last.replace(tzinfo=None)


def test_a_naive_instant_has_no_wall_time() -> None:
    """It would silently be taken as the machine's own zone."""
    with pytest.raises(ValueError, match="has no time zone"):
        wall_clock(_utc("2026-01-05").replace(tzinfo=None), ZURICH)


@pytest.mark.parametrize(
    ("slots", "sentence"),
    [
        (
            [("mon-fri", "08:00", "18:00"), ("wed", "12:00", "13:00")],
            "mon-fri 08:00-18:00 and wed 12:00-13:00 overlap on wed 12:00",
        ),
        (
            [("sun", "22:00", "06:00"), ("mon", "05:30", "07:00")],
            "sun 22:00-06:00 and mon 05:30-07:00 overlap on mon 05:30",
        ),
        (
            [("mon", "00:00", "00:00"), ("mon", "00:00", "00:00")],
            "mon 00:00-24:00 and mon 00:00-24:00 overlap on mon 00:00",
        ),
    ],
)
def test_overlaps_are_refused_naming_both(
    slots: list[tuple[str, str, str]], sentence: str
) -> None:
    """The person who entered them reads which two and where."""
    with pytest.raises(InvalidWeek) as refusal:
        make_week(*slots)

    assert sentence in str(refusal.value)


def test_a_slot_hidden_inside_a_long_one_is_found() -> None:
    """Overlap is not only between neighbours in the order of their starts."""
    with pytest.raises(InvalidWeek) as refusal:
        make_week(
            ("mon", "08:00", "20:00"), ("mon", "09:00", "10:00"), ("mon", "12:00", "13:00")
        )

    assert "12:00-13:00" in str(refusal.value)


def test_slots_that_touch_do_not_overlap() -> None:
    """One may end where the next starts, also at midnight."""
    plan = make_week(
        ("mon", "08:00", "12:00"), ("mon", "12:00", "00:00"), ("tue", "00:00", "08:00")
    )

    assert len(plan.slots) == 3


@pytest.mark.parametrize("weekdays", [frozenset(), frozenset({7}), frozenset({-1, 0})])
def test_a_slot_needs_weekdays(weekdays: frozenset[int]) -> None:
    """Monday is 0 and Sunday 6."""
    with pytest.raises(InvalidWeek, match="weekdays"):
        Slot(weekdays=weekdays, start=time(8), end=time(9), route=None)


def test_the_times_of_a_slot_have_no_zone() -> None:
    """The zone is the number's."""
    with pytest.raises(InvalidWeek, match="zone of its own"):
        Slot(weekdays=frozenset({0}), start=time(8), end=time(9, tzinfo=UTC), route=None)


@pytest.mark.parametrize(
    ("text", "days", "written"),
    [
        ("mon-fri", {0, 1, 2, 3, 4}, "mon-fri"),
        ("Sat, Sun", {5, 6}, "sat,sun"),
        ("fri-mon", {4, 5, 6, 0}, "mon,fri-sun"),
        ("wed", {2}, "wed"),
        ("mon,wed-fri", {0, 2, 3, 4}, "mon,wed-fri"),
        ("mon-sun", {0, 1, 2, 3, 4, 5, 6}, "mon-sun"),
        ("tue-mon", {0, 1, 2, 3, 4, 5, 6}, "mon-sun"),
    ],
)
def test_weekdays_are_read_and_written(text: str, days: set[int], written: str) -> None:
    """People write runs and lists; what is written can be read again."""
    assert parse_weekdays(text) == days
    assert weekdays_text(days) == written
    assert parse_weekdays(written) == days


@pytest.mark.parametrize(
    "text", ["", "mo", "mon-", "mon--fri", "mon-wed-fri", "1-5", "mon;tue", "-fri"]
)
def test_other_words_are_no_weekdays(text: str) -> None:
    """A misspelt day is refused, never ignored."""
    with pytest.raises(InvalidWeek):
        parse_weekdays(text)


def test_seconds_are_written_only_when_there_are_some() -> None:
    """Rules stay short."""
    assert str(make_slot("mon-fri", "08:00", "17:30:05")) == "mon-fri 08:00-17:30:05"


class TestNextLook:
    """Between two looks no slot begins or ends."""

    def test_is_the_next_beginning_or_end(self):
        """By the clock on the wall."""
        plan = make_week(("mon-fri", "08:15", "18:30"))

        look = plan.next_look(_utc("2026-01-05 07:05"), ZURICH)

        assert look == _utc("2026-01-05 07:15")

    def test_is_at_most_an_hour_away(self):
        """A clock change comes at a full hour, and moves every slot after it."""
        plan = make_week(("fri", "08:15", "18:30"))

        assert plan.next_look(_utc("2026-01-05 07:05"), ZURICH) == _utc("2026-01-05 08:00")

    def test_is_never_the_instant_itself(self):
        """At the beginning of a slot the next one is its end, or the hour."""
        plan = make_week(("mon-sun", "08:00", "08:30"))

        assert plan.next_look(_utc("2026-01-05 07:00"), ZURICH) == _utc("2026-01-05 07:30")

    def test_without_slots_there_is_nothing_to_see(self):
        """No plan, no look."""
        assert WeekPlan().next_look(_utc("2026-01-05 07:00"), ZURICH) is None
