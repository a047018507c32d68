"""Hangups for later."""

from types import SimpleNamespace

from switchsim.scheduler import Scheduler


class _Timer:
    def __init__(self):
        self.is_cancelled = False

    def cancel(self):
        self.is_cancelled = True


class _Loop:
    def __init__(self, wall_us):
        self.clock = SimpleNamespace(wall_us=lambda: wall_us)
        self.asked = []

    def later(self, seconds, work):
        timer = _Timer()
        self.asked.append((seconds, work, timer))
        return timer


class _Channel:
    uuid = "4711"

    def __init__(self):
        self.causes = []

    def hang_up(self, cause):
        self.causes.append(cause)


def test_it_counts_whole_seconds():
    """+3 in the middle of a second fires two and a half seconds later."""
    loop = _Loop(1_000_500_000)
    Scheduler(loop).hang_up(_Channel(), "+3", "ALLOTTED_TIMEOUT")

    assert loop.asked[0][0] == 2.5


def test_several_on_one_channel_all_stay():
    """A second hangup does not replace the first."""
    loop, channel = _Loop(0), _Channel()
    scheduler = Scheduler(loop)
    scheduler.hang_up(channel, "+3", "ALLOTTED_TIMEOUT")
    scheduler.hang_up(channel, "+30", "ALLOTTED_TIMEOUT")

    assert scheduler.delete("4711") == 2


def test_it_hangs_up_with_its_cause():
    """When its second comes the channel is ended, and the task is gone."""
    loop, channel = _Loop(0), _Channel()
    scheduler = Scheduler(loop)
    scheduler.hang_up(channel, "+1", "ALLOTTED_TIMEOUT")
    loop.asked[0][1]()

    assert channel.causes == ["ALLOTTED_TIMEOUT"]
    assert scheduler.delete("4711") == 0


def test_a_deleted_one_never_fires():
    """Deleting cancels the timer."""
    loop = _Loop(0)
    scheduler = Scheduler(loop)
    scheduler.hang_up(_Channel(), "+1", "ALLOTTED_TIMEOUT")
    scheduler.delete("4711")

    assert loop.asked[0][2].is_cancelled
