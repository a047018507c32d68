"""Reading records as `callcontrol cdrs --json` prints them."""

from __future__ import annotations

from datetime import datetime

from callcontrol import clock


def us_of(text: str) -> int:
    """Turn a printed instant into microseconds since the epoch."""
    return clock.us_of(datetime.fromisoformat(text))
