"""Tests of callcontrol.metering.ticker."""

from __future__ import annotations

import weakref

import gevent
import pytest
from gevent.event import Event as Signal
from structlog.testing import CapturingLogger

from callcontrol.clock import SystemClock
from callcontrol.metering.ticker import Ticker
from tests.fakes.clock import FakeClock


class Key:
    """A key that can be seen to be forgotten."""


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def log():
    return CapturingLogger()


@pytest.fixture
def ticker(clock, log):
    return Ticker(clock, log)


class TestTick:
    def test_calls_back_what_is_due_and_nothing_else(self, ticker, clock):
        """Only keys whose instant has come are called back, in the order of the instants."""
        called = []
        for key, after_s in (("late", 3), ("second", 2), ("first", 1)):
            at_us = clock.now_us() + after_s * 1_000_000
            ticker.schedule(key, at_us, lambda key=key: called.append(key))

        clock.advance(2)
        ticker.tick()

        assert called == ["first", "second"]
        assert len(ticker) == 1

    def test_calls_back_once(self, ticker, clock):
        """A key that was called back is forgotten."""
        called = []
        ticker.schedule("call", clock.now_us(), lambda: called.append(1))

        ticker.tick()
        ticker.tick()

        assert called == [1]

    def test_a_second_instant_replaces_the_first(self, ticker, clock):
        """A key that is scheduled again waits for the new instant only."""
        called = []
        ticker.schedule("call", clock.now_us() + 1_000_000, lambda: called.append("old"))
        ticker.schedule("call", clock.now_us() + 2_000_000, lambda: called.append("new"))

        clock.advance(1)
        ticker.tick()
        before = list(called)
        clock.advance(1)
        ticker.tick()

        assert before == []
        assert called == ["new"]

    def test_a_cancelled_key_is_not_called_back(self, ticker, clock):
        """Cancelling works for keys that wait, and is harmless for others."""
        called = []
        ticker.schedule("call", clock.now_us(), lambda: called.append(1))

        ticker.cancel("call")
        ticker.cancel("never seen")
        ticker.tick()

        assert called == []

    @pytest.mark.parametrize("how", ["cancelled", "moved"])
    def test_keeps_little_of_what_was_withdrawn(self, ticker, clock, how):
        """Calls end hours before they are due; what waited for them does not stay till then."""
        far_us = clock.now_us() + 3600 * 1_000_000
        called = []
        ticker.schedule("one", clock.now_us() + 1, lambda: called.append("one"))
        kept = [self._withdrawn(ticker, far_us, how) for _ in range(1000)]

        assert sum(key() is not None for key in kept) < 200
        clock.advance(1)
        ticker.tick()
        assert called == ["one"]

    @staticmethod
    def _withdrawn(ticker, at_us, how):
        """Have a key wait for an instant, and withdraw that."""
        key = Key()
        ticker.schedule(key, at_us, lambda: None)
        if how == "moved":
            ticker.schedule("same", at_us, lambda: None)
        ticker.cancel(key)
        return weakref.ref(key)

    def test_one_that_fails_stops_no_other(self, ticker, clock, log):
        """A callback that raises is logged, and the next is called all the same."""
        called = []

        def fail():
            raise RuntimeError("broken")

        ticker.schedule("broken", clock.now_us(), fail)
        ticker.schedule("sound", clock.now_us(), lambda: called.append(1))

        ticker.tick()

        assert called == [1]
        assert [call.method_name for call in log.calls] == ["exception"]

    def test_says_how_long_until_the_next(self, ticker, clock):
        """The nap ends with the next instant, and after a second at the latest."""
        idle_s = ticker.tick()
        ticker.schedule("soon", clock.now_us() + 250_000, lambda: None)
        soon_s = ticker.tick()

        assert idle_s == 1.0
        assert soon_s == 0.25


class TestRunning:
    def test_wakes_for_an_instant_scheduled_while_it_naps(self, log):
        """A running ticker notices an instant that comes before the one it waits for."""
        clock = SystemClock()
        ticker = Ticker(clock, log)
        done = Signal()
        ticker.start()
        gevent.sleep(0)
        try:
            ticker.schedule("call", clock.now_us() + 10_000, done.set)

            assert done.wait(5)
        finally:
            ticker.stop()
