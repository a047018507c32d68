"""The loop and the switch's clock."""

import logging

import pytest

from switchsim.loop import TICK_US, Loop, SwitchClock


@pytest.fixture
def loop():
    """A loop, closed after the test."""
    made = Loop()
    yield made
    made.close()


def test_the_clock_moves_in_ticks():
    """Every time stamp is a multiple of 20 ms, shifted by the clock's phase."""
    clock = SwitchClock(phase_us=7)

    assert (clock.now_us() - 7) % TICK_US == 0
    assert 0 < clock.until_tick_s() <= 0.02


def test_work_runs_in_order(loop):
    """What is due earlier runs earlier; work for soon runs before timers."""
    done = []
    loop.later(0.01, lambda: (done.append("later"), loop.stop()))
    loop.later(0.0, lambda: done.append("now"))
    loop.soon(lambda: done.append("soon"))
    loop.run()

    assert done == ["soon", "now", "later"]


def test_a_cancelled_timer_does_not_run(loop):
    """Cancelling drops the work."""
    done = []
    loop.later(0.0, lambda: done.append("cancelled")).cancel()
    loop.later(0.01, loop.stop)
    loop.run()

    assert done == []


def test_ticks_run_on_the_beat(loop):
    """Work for the tick runs just after the clock has moved."""
    late = []
    clock = loop.clock
    loop.at_tick(lambda: (late.append(clock.wall_us() - clock.now_us()), loop.stop()))
    loop.run()

    assert 0 <= late[0] < TICK_US


def test_a_failing_callback_does_not_end_the_loop(loop, caplog):
    """One broken message must not take the others with it."""
    loop.soon(lambda: 1 / 0)
    loop.soon(loop.stop)
    with caplog.at_level(logging.CRITICAL + 1):
        loop.run()
