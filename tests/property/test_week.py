"""Laws of the weekly plan: at every instant of every zone one slot or none, by wall time."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialplan import InvalidWeek, Slot, WeekPlan, parse_weekdays, weekdays_text
from tests.dialplan_builders import make_week

_ZONES = sorted(available_timezones())
_ZURICH = ZoneInfo("Europe/Zurich")
_MINUTE = timedelta(minutes=1)
_DAY = timedelta(days=1)
_DAY_MINUTES = 24 * 60
_WEEK_MINUTES = 7 * _DAY_MINUTES


def _slots_by_hand(plan: WeekPlan, instant: datetime, zone: ZoneInfo) -> list[Slot]:
    """Look at the wall, then ask each slot whether today's or yesterday's holds."""
    offset = instant.astimezone(zone).utcoffset()
    assert offset is not None
    wall = instant.replace(tzinfo=None) + offset
    holding = []
    for slot in plan.slots:
        for day in (wall.date(), wall.date() - _DAY):
            start = datetime.combine(day, slot.start)
            end = datetime.combine(day, slot.end)
            if end <= start:
                end += _DAY
            if day.weekday() in slot.weekdays and start <= wall < end:
                holding.append(slot)
    return holding


def _minutes_by_hand(slot: Slot) -> list[int]:
    start = slot.start.hour * 60 + slot.start.minute
    end = slot.end.hour * 60 + slot.end.minute
    length = end - start if end > start else end - start + _DAY_MINUTES
    return [
        (day * _DAY_MINUTES + start + minute) % _WEEK_MINUTES
        for day in slot.weekdays
        for minute in range(length)
    ]


def _time_of(minute: int) -> time:
    hour, minutes = divmod(minute % _DAY_MINUTES, 60)
    return time(hour, minutes)


def _slot(start: int, end: int, weekdays: frozenset[int]) -> Slot:
    return Slot(weekdays=weekdays, start=_time_of(start), end=_time_of(end), route="r")


@st.composite
def _plans(draw: st.DrawFn) -> WeekPlan:
    """Cut the week at some minutes; every stretch up to a day long is a slot, or not."""
    minutes = st.integers(0, _WEEK_MINUTES - 1)
    cuts = sorted(draw(st.sets(minutes, min_size=2, max_size=12)))
    stretches = [*pairwise(cuts), (cuts[-1], cuts[0] + _WEEK_MINUTES)]
    return WeekPlan(
        slots=tuple(
            _slot(start, end, frozenset({start // _DAY_MINUTES}))
            for start, end in stretches
            if end - start <= _DAY_MINUTES and draw(st.booleans())
        )
    )


_SLOTS = st.builds(
    _slot,
    st.integers(0, _DAY_MINUTES - 1),
    st.integers(0, _DAY_MINUTES - 1),
    st.frozensets(st.integers(0, 6), min_size=1),
)
_INSTANTS = st.datetimes(
    min_value=datetime(1, 1, 3),  # noqa: DTZ001
    max_value=datetime(9999, 12, 29),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@given(plan=_plans(), instant=_INSTANTS, zone=st.sampled_from(_ZONES))
def test_every_instant_of_every_zone_is_in_one_slot_or_none(
    plan: WeekPlan, instant: datetime, zone: str
) -> None:
    """What the plan finds is what a person finds who looks at the wall clock."""
    by_hand = _slots_by_hand(plan, instant, ZoneInfo(zone))

    assert len(by_hand) <= 1
    assert by_hand == [slot for slot in [plan.slot_at(instant, ZoneInfo(zone))] if slot]


@given(slots=st.lists(_SLOTS, max_size=4))
def test_a_plan_is_refused_exactly_when_two_slots_share_a_minute(slots: list[Slot]) -> None:
    """Overlaps over midnight and over the end of the week included."""
    minutes = [minute for slot in slots for minute in _minutes_by_hand(slot)]

    if len(minutes) == len(set(minutes)):
        assert WeekPlan(slots=tuple(slots)).slots == tuple(slots)
    else:
        with pytest.raises(InvalidWeek):
            WeekPlan(slots=tuple(slots))


@given(
    plan=_plans(),
    zone=st.sampled_from(_ZONES),
    instant=st.sampled_from([datetime.min, datetime.max]),  # noqa: DTZ901
)
def test_the_ends_of_the_calendar_raise_nothing(
    plan: WeekPlan, zone: str, instant: datetime
) -> None:
    """Whatever the zone's own date would be."""
    plan.slot_at(instant.replace(tzinfo=UTC), ZoneInfo(zone))


@given(days=st.frozensets(st.integers(0, 6), min_size=1))
def test_written_weekdays_are_read_back(days: frozenset[int]) -> None:
    """Any set of days has one text."""
    assert parse_weekdays(weekdays_text(days)) == days


def _clock_changes(zone: ZoneInfo, first_year: int, last_year: int) -> list[datetime]:
    """Find every change of the zone's offset, to the hour."""
    hours = (last_year - first_year + 1) * 366 * 24
    start = datetime(first_year, 1, 1, tzinfo=UTC)
    instants = [start + timedelta(hours=hour) for hour in range(hours)]
    offsets = [instant.astimezone(zone).utcoffset() for instant in instants]
    return [
        instant
        for instant, offset, before in zip(instants[1:], offsets[1:], offsets, strict=False)
        if offset != before
    ]


_CHANGES = [at for at in _clock_changes(_ZURICH, 2020, 2040) if at.year <= 2040]
_AROUND_CHANGES = (
    make_week(("sun", "02:00", "03:00")),
    make_week(("sat", "22:00", "02:30"), ("sun", "02:30", "03:00"), ("sun", "03:00", "04:00")),
    make_week(("mon-sun", "00:00", "02:15"), ("mon-sun", "02:15", "00:00")),
)


def test_zurich_changes_its_clocks_twice_a_year() -> None:
    """The walk below sees every change from 2020 to 2040."""
    assert len(_CHANGES) == 2 * 21


@pytest.mark.parametrize("plan", _AROUND_CHANGES)
def test_every_clock_change_minute_by_minute(plan: WeekPlan) -> None:
    """Three hours before to three hours after, as a person reads the wall."""
    for change in _CHANGES:
        for minute in range(-180, 180):
            instant = change + minute * _MINUTE
            by_hand = _slots_by_hand(plan, instant, _ZURICH)

            assert by_hand == [slot for slot in [plan.slot_at(instant, _ZURICH)] if slot]


@pytest.mark.parametrize("change", _CHANGES)
def test_the_missing_hour_is_skipped_and_the_double_hour_counts_twice(
    change: datetime,
) -> None:
    """02:00-03:00 lasts nothing on the last Sunday of March and two hours in October."""
    plan = _AROUND_CHANGES[0]
    held = sum(
        plan.slot_at(change + minute * _MINUTE, _ZURICH) is not None
        for minute in range(-_DAY_MINUTES // 2, _DAY_MINUTES // 2)
    )

    assert held == (0 if change.month == 3 else 120)


@pytest.mark.parametrize(
    ("zone", "change"),
    [
        ("America/Sao_Paulo", datetime(2018, 2, 18, 2, tzinfo=UTC)),  # midnight comes twice
        ("America/Havana", datetime(2026, 3, 8, 5, tzinfo=UTC)),  # midnight does not come
        ("Australia/Lord_Howe", datetime(2026, 4, 4, 15, tzinfo=UTC)),  # half an hour
        ("Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC)),  # a Friday does not come
        ("Africa/Monrovia", datetime(1972, 1, 7, 0, 44, tzinfo=UTC)),  # 44 min 30 s
    ],
)
def test_odd_clock_changes_minute_by_minute(zone: str, change: datetime) -> None:
    """At midnight, by half an hour, by a whole day, by seconds: the wall still decides."""
    plan = make_week(("mon-sun", "23:30", "00:30"), ("fri-sun", "01:30", "02:30"))
    for minute in range(-1500, 1500):
        instant = change + minute * _MINUTE
        by_hand = _slots_by_hand(plan, instant, ZoneInfo(zone))

        assert by_hand == [slot for slot in [plan.slot_at(instant, ZoneInfo(zone))] if slot]


@given(
    plan=_plans(),
    zone=st.sampled_from(
        ["Europe/Zurich", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"]
    ),
    instant=st.datetimes(datetime(2000, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_nothing_changes_between_two_looks(
    plan: WeekPlan[Slot], zone: str, instant: datetime
) -> None:
    """Wherever clocks are set at full hours, the slot that holds is the same up to a look."""
    look = plan.next_look(instant, ZoneInfo(zone))

    if look is None:
        assert not plan.slots
        return
    held = plan.slot_at(instant, ZoneInfo(zone))
    minutes = int((look - instant).total_seconds() // 60)
    assert instant < look <= instant + timedelta(hours=1)
    for minute in range(minutes + 1):
        at = min(instant + timedelta(minutes=minute), look - timedelta(microseconds=1))
        assert plan.slot_at(at, ZoneInfo(zone)) == held
