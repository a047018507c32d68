"""Tests of callcontrol.calls.recent_ends."""

from __future__ import annotations

from callcontrol.calls.recent_ends import RecentEnds
from tests.builders import make_event
from tests.fakes.clock import FakeClock


def end_of(leg_uuid):
    return make_event("CHANNEL_HANGUP_COMPLETE", Unique_ID=leg_uuid)


def test_gives_what_was_asked_for_and_is_known():
    """Nothing else."""
    ends = RecentEnds(FakeClock())
    ends.add(end_of("a"))
    ends.add(end_of("b"))

    found = ends.of(["b", "c"])

    assert [(uuid, event.uuid) for uuid, event in found.items()] == [("b", "b")]


def test_keeps_neither_too_much_nor_for_too_long():
    """A service that runs for years has no more of them than its last minute brought."""
    clock = FakeClock()
    ends = RecentEnds(clock, keep_s=60, most=3)
    for uuid in "abcd":
        ends.add(end_of(uuid))
    assert list(ends.of("abcd")) == ["b", "c", "d"]

    clock.advance(61)
    ends.add(end_of("e"))
    assert list(ends.of("abcde")) == ["e"]
