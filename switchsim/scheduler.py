"""Hangups for later: `sched_hangup`, in whole seconds of the clock, and `sched_del`."""

from dataclasses import dataclass
from itertools import count

from switchsim.channel import Channel
from switchsim.loop import Loop, Timer
from switchsim.variables import leading_number


@dataclass(slots=True, kw_only=True)
class Task:
    """One scheduled hangup."""

    number: int
    group: str
    timer: Timer


class Scheduler:
    """Every hangup waiting for its second; several for one channel all stay."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._tasks: list[Task] = []
        self._numbers = count(1)

    def hang_up(self, channel: Channel, when: str, cause: str) -> int:
        """Ends `channel` at `when`: `+seconds`, or an epoch second; up to 1 s early."""
        now_us = self._loop.clock.wall_us()
        seconds = leading_number(when.lstrip("+"))
        due_s = now_us // 1_000_000 + seconds if when.startswith("+") else seconds
        number = next(self._numbers)
        timer = self._loop.later(
            max(0.0, (due_s * 1_000_000 - now_us) / 1e6),
            lambda: self._fire(number, channel, cause),
        )
        self._tasks.append(Task(number=number, group=channel.uuid, timer=timer))
        return number

    def delete(self, group_or_number: str) -> int:
        """Drops the tasks of a channel, or one by its number; returns how many."""
        gone = [
            task for task in self._tasks if group_or_number in {task.group, str(task.number)}
        ]
        for task in gone:
            task.timer.cancel()
            self._tasks.remove(task)
        return len(gone)

    def _fire(self, number: int, channel: Channel, cause: str) -> None:
        self._tasks = [task for task in self._tasks if task.number != number]
        channel.hang_up(cause)
