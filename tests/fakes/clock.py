"""A clock that only a test moves."""

from __future__ import annotations


class FakeClock:
    """Stands still until `advance` is called; both of its faces move together."""

    def __init__(self, now_us: int = 1_800_000_000_000_000) -> None:
        self._now_us = now_us
        self._monotonic_us = 0

    def now_us(self) -> int:
        """Give the wall clock in microseconds since the epoch."""
        return self._now_us

    def monotonic_s(self) -> float:
        """Give the seconds advanced since the clock was made."""
        return self._monotonic_us / 1_000_000

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now_us += round(seconds * 1_000_000)
        self._monotonic_us += round(seconds * 1_000_000)
