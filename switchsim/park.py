"""Parked: the call waits for an engine's commands, no longer than `park_timeout` says."""

from typing import TYPE_CHECKING

from switchsim.causes import cause_named
from switchsim.variables import leading_number

if TYPE_CHECKING:
    from switchsim.command_queue import Steps
    from switchsim.session import Session


class _Limit:
    """The variable park_timeout, used up when parking begins: `seconds[:CAUSE]`.

    It counts in whole seconds of the clock, so it ends up to a second early, and it goes on
    counting while commands run.
    """

    def __init__(self, session: "Session") -> None:
        self._clock = session.switch.loop.clock
        self.cause = "NORMAL_CLEARING"
        self._deadline_us: int | None = None
        variables = session.channel.variables
        text = variables.get("park_timeout")
        if text is None:
            return
        variables.set("park_timeout", None)
        seconds, _, cause = text.partition(":")
        self.cause = cause_named(cause) if cause else self.cause
        now_s = self._clock.wall_us() // 1_000_000
        self._deadline_us = (now_s + leading_number(seconds)) * 1_000_000

    @property
    def is_reached(self) -> bool:
        """Whether time is up."""
        return self._deadline_us is not None and self._clock.wall_us() >= self._deadline_us

    def left_s(self) -> float | None:
        """Seconds left; None when there is no limit."""
        if self._deadline_us is None:
            return None
        return max(0.0, (self._deadline_us - self._clock.wall_us()) / 1e6)


def park(session: "Session") -> "Steps":
    """Runs commands until the call ends or its engine has left."""
    if session.must_reset:
        return
    channel = session.channel
    limit = _Limit(session)
    session.is_controlled = True
    channel.fire("CHANNEL_PARK")
    while session.is_up and session.is_controlled:
        yield limit.left_s()
        if limit.is_reached:
            channel.hang_up(limit.cause)
            break
        if not channel.has_codec:
            yield from session.queue.run_unannounced()
        yield from session.queue.run()
    session.is_controlled = False
    channel.fire("CHANNEL_UNPARK")
