"""Tally: how many calls all workers have in progress, so that each can keep to common limits.

A worker tells its own counts as they change and hears the sum of the others'. The word takes
about a millisecond: two calls that arrive within it may both take the last place of a limit.
A worker that has died keeps its counts until the next one of its number has taken its calls
over, for they are still in progress.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping


class Tally:
    """The counts of all workers, by what they count against and by the worker's number."""

    def __init__(self) -> None:
        self._of: defaultdict[int, Counter[str]] = defaultdict(Counter)
        self._total: Counter[str] = Counter()

    def update(self, number: int, counts: Mapping[str, int]) -> Iterable[str]:
        """Take what a worker tells of some of its counts; gives what they concern."""
        own = self._of[number]
        for name, count in counts.items():
            self._total[name] += count - own[name]
            own[name] = count
            for counter in (own, self._total):
                if not counter[name]:
                    del counter[name]
        return counts.keys()

    def replace(self, number: int, counts: Mapping[str, int]) -> Iterable[str]:
        """Take all of a worker's counts in place of those known; gives what they concern."""
        gone = dict.fromkeys(self._of[number].keys() - counts.keys(), 0)
        return self.update(number, {**gone, **counts})

    def elsewhere(self, number: int, names: Iterable[str] | None = None) -> dict[str, int]:
        """Give what the other workers have together, of these names or of all there are."""
        own = self._of[number]
        wanted = self._total if names is None else names
        return {name: self._total[name] - own[name] for name in wanted}
