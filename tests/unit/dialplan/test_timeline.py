"""Scheduled changes: what holds at an instant."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from dialplan import InvalidTimeline, Timeline

_NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
_TICK = timedelta(microseconds=1)


def test_the_initial_value_holds_from_always() -> None:
    """Without changes one value holds at any instant."""
    assert Timeline("a").at(datetime.min.replace(tzinfo=UTC)) == "a"


def test_a_change_holds_from_its_very_instant() -> None:
    """The first call decided at the instant sees the new value, the one before the old."""
    timeline = Timeline("a", ((_NOON, "b"),))

    assert [timeline.at(_NOON - _TICK), timeline.at(_NOON), timeline.at(_NOON + _TICK)] == [
        "a",
        "b",
        "b",
    ]


def test_changes_may_be_given_in_any_order() -> None:
    """The order of rows does not matter, and equal timelines are equal."""
    later = _NOON + timedelta(days=1)
    timeline = Timeline("a", ((later, "c"), (_NOON, "b")))

    assert timeline == Timeline("a", ((_NOON, "b"), (later, "c")))
    assert timeline.at(later) == "c"
    assert timeline.values() == ("a", "b", "c")


def test_two_changes_at_one_instant_are_refused() -> None:
    """The same instant in two zones is the same instant, and nobody could say which wins."""
    zurich = _NOON.astimezone(timezone(timedelta(hours=1)))

    with pytest.raises(InvalidTimeline, match="has two changes"):
        Timeline("a", ((_NOON, "b"), (zurich, "c")))


def test_an_instant_without_a_zone_is_refused() -> None:
    """A naive instant has no place on the line."""
    with pytest.raises(InvalidTimeline, match="has no time zone"):
        Timeline("a", ((_NOON.replace(tzinfo=None), "b"),))
