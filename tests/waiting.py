"""The one way for a test to wait: for something to hold, with a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable

import gevent


def eventually(holds: Callable[[], object], *, within_s: float, every_s: float = 0.02) -> None:
    """Wait until something holds; other greenlets run meanwhile.

    Raises:
        AssertionError: it did not in time.
    """
    deadline_s = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline_s, f"not within {within_s:g} s"
        gevent.sleep(every_s)
