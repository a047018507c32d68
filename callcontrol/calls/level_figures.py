"""LevelFigures: how many calls are at each level now, and what they have cost so far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from callcontrol.calls.call import Call
from callcontrol.metrics import Metrics


class LevelFigures:
    """Keeps the figures of the calls being metered.

    Args:
        metrics: of the process. A level that was once in use is shown with 0 from then on.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._used: set[int] = set()

    def show(self, calls: Iterable[Call], now_us: int) -> None:
        """Show the figures as they are now; some 15 µs a call. Switches: as `calls` does."""
        counts: Counter[int] = Counter()
        charge = 0.0
        for call in calls:
            if call.meter is not None and call.level_now is not None:
                counts[call.level_now] += 1
                charge += float(call.meter.charge_at(max(now_us, call.told_us)))
        self._used |= counts.keys()
        for level in self._used:
            self._metrics.calls_by_level.labels(str(level)).set(counts[level])
        self._metrics.running_charge_chf.set(charge)
