"""The only reader of time: wall clock, monotonic clock, and the switch's microseconds."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """What the engine asks of time; tests hand in one that is moved by hand."""

    def now_us(self) -> int:
        """Give the wall clock in microseconds since the epoch."""
        ...

    def monotonic_s(self) -> float:
        """Give seconds on a clock that never runs backwards; only differences mean anything."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now_us(self) -> int:
        """Give the wall clock in microseconds since the epoch."""
        return time.time_ns() // 1000

    def monotonic_s(self) -> float:
        """Give seconds on a clock that never runs backwards."""
        return time.monotonic()


def at_of(us: int) -> datetime:
    """Turn the switch's microseconds since the epoch into an aware UTC instant, exactly."""
    return _EPOCH + timedelta(microseconds=us)


def at_of_or_none(us: int) -> datetime | None:
    """Turn the switch's microseconds into an instant; 0 is the switch's way to say never."""
    return at_of(us) if us else None


def us_of(at: datetime) -> int:
    """Turn an aware instant into microseconds since the epoch, exactly.

    Raises:
        TypeError: the instant has no time zone.
    """
    return (at - _EPOCH) // timedelta(microseconds=1)


def text_of(us: int) -> str:
    """Write microseconds since the epoch as ISO 8601 in UTC with six decimals and a Z."""
    return at_of(us).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
