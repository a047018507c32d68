"""Stay: an unbroken time at one level, with a closed form for all it has charged by an instant.

Strategy: a stay never changes and points to the one before it, so the last stay is the whole
state of a meter, and looking ahead is free: new stays are made and forgotten. What a stay has
charged by an instant is computed, not counted: increments by division, each fixed charge too.
Finding the instant at which a total is passed is a search in that growing function, so neither
takes longer for a call of hours. Instants are µs from the start of the call.
"""

from __future__ import annotations

from typing import NamedTuple

from tariffs.change import Refusal
from tariffs.terms import Due, Prices, Terms


class Stay(NamedTuple):
    """A time at one level, from `from_us` on; it ends where the next one begins.

    Attributes:
        terms: what the call is charged under.
        number: of the level.
        prices: of the level by the law in force.
        by: who brought the level into force; None when the level was in force before.
        entered_us: when the level came into force; fixed charges and the step count from it.
        from_us: where this stay begins; later than the entry when the law changed, or free time
            began or ended.
        per_call: units charged at the entry.
        base: units charged in the call so far, `per_call` included.
        seen: bit set of the levels that have been in force.
        step: when the automatic step is due, and to which level; None when there is none or it
            was refused.
        edge_us: when the law on prices changes next, or None.
        is_free: time costs nothing in it, as while the caller hears an announcement.
        passed_us: the first charge that made the total pass the maximum, if it lies before.
        refused: automatic steps refused so far.
        previous: the stay before.
    """

    terms: Terms
    number: int
    prices: Prices
    by: str | None
    entered_us: int
    from_us: int
    per_call: int
    base: int
    seen: int
    step: tuple[int, int] | None
    edge_us: int | None
    is_free: bool
    passed_us: int | None
    refused: tuple[Refusal, ...]
    previous: Stay | None

    def increments(self, until_us: int) -> tuple[int, int]:
        """Count the increments that start in this stay before an instant: free and charged."""
        increment_us = self.terms.increment_us
        first = -(-self.from_us // increment_us)
        end = -(-until_us // increment_us)
        free_end = end if self.is_free else self.terms.free_us // increment_us
        paid_from = min(max(first, free_end), end)
        return paid_from - first, end - paid_from

    def time_units(self, until_us: int) -> int:
        """Sum what time has cost in this stay before an instant."""
        return self.increments(until_us)[1] * self.prices.per_increment

    def fixed_units(self, until_us: int) -> int:
        """Sum the fixed charges that fell due in this stay before an instant."""
        return sum(
            due.amount
            * (
                self._times(due, until_us)
                - self._times(due, self.from_us)
                - self._spared(due, until_us)
            )
            for due in self.prices.fixed
        )

    def total(self, until_us: int) -> int:
        """Sum everything the call has cost before an instant of this stay."""
        return self.base + self.time_units(until_us) + self.fixed_units(until_us)

    def fixed_charges(self, until_us: int) -> list[tuple[int, int]]:
        """List the fixed charges of this stay before an instant by time: when, units.

        One that is withheld is in the list with none.
        """
        charges = (
            (self.entered_us + due.after_us + index * due.every_us, due.amount)
            for due in self.prices.fixed
            for index in range(self._times(due, self.from_us), self._times(due, until_us))
        )
        return sorted(
            ((at, 0 if self.terms.is_withheld(at) else amount) for at, amount in charges),
            key=lambda charge: charge[0],
        )

    def next_fixed_us(self, after_us: int) -> int | None:
        """Find the first fixed charge after an instant of this stay, if it never ends."""
        firsts = []
        for due in self.prices.fixed:
            times = self._times(due, after_us + 1)
            if not times or due.every_us:
                firsts.append(self.entered_us + due.after_us + times * due.every_us)
        return min(firsts, default=None)

    def passes_us(self, limit: int) -> int | None:
        """Find the first charge that makes the total pass a limit if this stay never ends."""
        if not self.prices.fixed:
            return self._time_passes_us(limit)
        latest = self._passed_by(limit)
        if self.total(latest + 1) <= limit:
            return None
        earliest = self.from_us
        while earliest < latest:
            middle = (earliest + latest) // 2
            if self.total(middle + 1) > limit:
                latest = middle
            else:
                earliest = middle + 1
        return earliest

    def _time_passes_us(self, limit: int) -> int | None:
        """Find the increment that makes the total pass a limit; nothing else is charged."""
        if self.base > limit:
            return self.from_us
        price = self.prices.per_increment
        if not price or self.is_free:
            return None
        increment_us = self.terms.increment_us
        first = max(-(-self.from_us // increment_us), self.terms.free_us // increment_us)
        return (first + (limit - self.base) // price) * increment_us

    def _times(self, due: Due, until_us: int) -> int:
        """Count how often a fixed charge fell due from the entry to before an instant.

        Those that were withheld are among them.
        """
        since_us = until_us - self.entered_us - due.after_us
        if since_us <= 0:
            return 0
        return -(-since_us // due.every_us) if due.every_us else 1

    def _spared(self, due: Due, until_us: int) -> int:
        """Count how often a fixed charge of this stay was withheld before an instant."""
        spared = self.terms.withheld_between(self.from_us, until_us)
        if not spared:
            return 0
        lates = (at_us - self.entered_us - due.after_us for at_us in spared)
        return sum(
            late == 0 or (late > 0 and due.every_us > 0 and late % due.every_us == 0)
            for late in lates
        )

    def _passed_by(self, limit: int) -> int:
        """Give an instant by which a limit is passed, if it ever is, by fixed charges too."""
        left = max(limit - self.base, 0)
        begun_us = max(self.from_us, self.terms.settled_us)
        alone = []  # by when each source that never ends has passed the limit alone
        if (price := self.prices.per_increment) and not self.is_free:
            begins_us = max(begun_us, self.terms.free_us)
            alone.append(begins_us + (left // price + 1) * self.terms.increment_us)
        first = [self.entered_us + due.after_us for due in self.prices.fixed]
        for due, first_us in zip(self.prices.fixed, first, strict=True):
            if due.every_us:
                begins_us = max(begun_us, first_us)
                alone.append(begins_us + (left // due.amount + 1) * due.every_us)
        return min(alone, default=max((self.from_us, *first)))
