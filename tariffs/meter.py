"""Meter: the running record of one answered call; told the time, never reads it.

Strategy: a meter holds the last stay and what was asked of it. All that happens by itself
(steps, fixed charges, increments) is worked out when it is asked for, so a meter costs nothing
while nothing is asked, and one rebuilt from its start and its changes gives the same results.

A call that ends at an instant has not reached it: what falls due at that very instant, a change
asked for included, is not charged. Only the first level's `per_call` is, with no time at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal

from tariffs.change import Change, Coming, FreeTime, Refusal, Withheld
from tariffs.charge import Rated, final_charge, rated
from tariffs.errors import MeterStopped, NotExact, TimeRanBackwards
from tariffs.law import Law
from tariffs.run import advanced, coming, entered, exhausted_us, freed, refusal, started
from tariffs.stay import Stay
from tariffs.swiss import SWISS_LAW
from tariffs.tariff import Tariff
from tariffs.terms import Terms


class Meter:
    """What one answered call owes as it goes on.

    Args:
        tariff: the table the call is charged by.
        level: the number it starts at; a price above the law is clipped to it.
        start_us: when charging starts, by the switch's clock, µs since the epoch.
        law: the limits that hold.
        changes: asked for before, in order; a meter that is taken over is rebuilt from them.
        free: free time told before, in order; may be told with changes of the same instants.
        withheld: what the table brings by itself and the call is spared, past or to come.

    Raises:
        UnknownLevel: the table lacks the level.
        NotExact: an instant is not an int.
    """

    __slots__ = (
        "_before",
        "_changes",
        "_exhausted",
        "_free",
        "_latest_us",
        "_refusals",
        "_stay",
        "_stopped",
        "_terms",
    )

    def __init__(
        self,
        tariff: Tariff,
        *,
        level: int,
        start_us: int,
        law: Law = SWISS_LAW,
        changes: Iterable[Change] = (),
        free: Iterable[FreeTime] = (),
        withheld: Iterable[Withheld] = (),
    ) -> None:
        self._terms = Terms(tariff, law, _instant(start_us), withheld)
        # the call as it stands just before the latest instant, and with that instant's changes
        self._before = self._stay = started(self._terms, level)
        self._latest_us = 0
        self._changes: list[Change] = []
        self._refusals: list[Refusal] = []
        self._free: list[FreeTime] = []
        self._exhausted: tuple[int | None] | None = None
        self._stopped = False
        for at_us, told in sorted(_told(changes, free), key=lambda one: one[0]):
            if isinstance(told, Change):
                self.change_level(told.level, at_us, by=told.by)
            else:
                self._set_free(at_us, is_free=told)

    @property
    def start_us(self) -> int:
        """When charging started, µs since the epoch."""
        return self._terms.start_us

    @property
    def level(self) -> int:
        """The level in force when the meter was last told a change."""
        return self._stay.number

    @property
    def changes(self) -> tuple[Change, ...]:
        """Every change asked for, in order, whatever came of it."""
        return tuple(self._changes)

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """Every change asked for and refused; `Rated.refused` has the automatic steps too."""
        return tuple(self._refusals)

    @property
    def free(self) -> tuple[FreeTime, ...]:
        """The free time told, in order."""
        return tuple(self._free)

    def change_level(self, level: int, at_us: int, *, by: str = "") -> Refusal | None:
        """Ask for another level from an instant on; the level already in force changes nothing.

        Args:
            level: the number asked for.
            at_us: µs since the epoch, not before the latest one told.
            by: who asks, for the record.

        Returns:
            None when the level is in force, or why it is not.

        Raises:
            TimeRanBackwards: the instant lies before the latest one told.
            MeterStopped: the call has ended.
        """
        at = self._come_to(at_us)
        self._changes.append(Change(at_us=at_us, level=level, by=by))
        if level == self._stay.number:
            return None
        if reason := refusal(self._stay, level, at):
            refused = Refusal(at_us=at_us, level=level, by=by, reason=reason)
            self._refusals.append(refused)
            return refused
        self._stay = entered(self._stay, level, at, by)
        self._exhausted = None
        return None

    def would_refuse(self, level: int, at_us: int) -> str | None:
        """Say why a level would be refused if it were asked for from an instant on, or None.

        Tells no time: nothing is asked.

        Raises:
            TimeRanBackwards: the instant lies before the latest one told.
            MeterStopped: the call has ended.
        """
        at = self._offset(at_us)
        stay = advanced(self._stay, at)
        return None if level == stay.number else refusal(stay, level, at)

    def coming(self, at_us: int, *, with_fixed: bool = True) -> Coming | None:
        """Say what the table brings by itself after an instant, if nothing is asked.

        A step may yet be refused, and either may be withheld. Tells no time.

        Args:
            at_us: µs since the epoch, not before the latest one told.
            with_fixed: fixed charges too, not only the step.

        Returns:
            An automatic step, or fixed charges that fall due; None when neither ever comes.
        """
        found = coming(self._stay, self._offset(at_us), with_fixed=with_fixed)
        if found is None:
            return None
        at, stay = found
        is_step = stay.step is not None and stay.step[0] == at
        return Coming(
            at_us=self.start_us + at,
            in_force=stay.number,
            entered_us=self.start_us + stay.entered_us,
            step_to=stay.step[1] if is_step and stay.step else None,
        )

    def free_from(self, at_us: int) -> None:
        """Begin free time: increments that start at an instant or later are not charged.

        They are counted on, and all else goes on: base fees, fixed charges, automatic steps.
        Beginning it twice changes nothing.

        Args:
            at_us: µs since the epoch, not before the latest one told.

        Raises:
            TimeRanBackwards: the instant lies before the latest one told.
            MeterStopped: the call has ended.
        """
        self._set_free(at_us, is_free=True)

    def free_until(self, at_us: int) -> None:
        """End free time: increments that start at an instant or later are charged again.

        Args:
            at_us: µs since the epoch, not before the latest one told.

        Raises:
            TimeRanBackwards: the instant lies before the latest one told.
            MeterStopped: the call has ended.
        """
        self._set_free(at_us, is_free=False)

    def is_new(self, level: int, at_us: int) -> bool:
        """Say whether a level has not been in force before an instant; tells no time."""
        return not advanced(self._stay, self._offset(at_us)).seen >> level & 1

    def level_at(self, at_us: int) -> int:
        """Say which level is in force at an instant if nothing more is asked; tells no time."""
        return advanced(self._stay, self._offset(at_us) + 1).number

    def exhausted_at_us(self) -> int | None:
        """Find the first charge that would make the unrounded total pass the maximum.

        Returns:
            µs since the epoch: a call that ends there has not been charged it. None when
            nothing will ever pass the maximum, or there is none.
        """
        if self._exhausted is None:
            self._exhausted = (exhausted_us(self._stay),)
        (offset_us,) = self._exhausted
        return None if offset_us is None else self.start_us + offset_us

    def charge_at(self, at_us: int) -> Decimal:
        """Say what the call costs if it ends at an instant, final; tells no time."""
        at = self._offset(at_us)
        return final_charge(self._terms, self._last(at).total(at))[0]

    def rated(self, until_us: int) -> Rated:
        """Price the call as if it ended at an instant; tells no time.

        Args:
            until_us: µs since the epoch, not before the latest one told.

        Raises:
            TimeRanBackwards: the instant lies before the latest one told.
            MeterStopped: the call has ended.
        """
        until = self._offset(until_us)
        last = self._last(until)
        refused = sorted((*self._refusals, *last.refused), key=lambda refused: refused.at_us)
        return rated(
            last,
            until,
            refused=tuple(refused),
            exhausted_at_us=self.exhausted_at_us(),
        )

    def stop(self, at_us: int) -> Rated:
        """End the call at an instant and price it; after that the meter only tells what it was.

        Raises:
            TimeRanBackwards: the instant lies before the latest one told.
            MeterStopped: the call has ended already.
        """
        result = self.rated(at_us)
        self._stopped = True
        return result

    def _set_free(self, at_us: int, *, is_free: bool) -> None:
        at = self._come_to(at_us)
        if self._stay.is_free == is_free:
            return
        self._stay = freed(self._stay, at, is_free=is_free)
        self._exhausted = None
        if is_free:
            self._free.append(FreeTime(from_us=at_us))
        else:
            self._free[-1] = replace(self._free[-1], until_us=at_us)

    def _come_to(self, at_us: int) -> int:
        """Follow the call to an instant that is told; gives it in µs from the start."""
        at = self._offset(at_us)
        if at > self._latest_us:
            self._before = self._stay = advanced(self._stay, at)
            self._latest_us = at
        return at

    def _last(self, until: int) -> Stay:
        """Give the stay a call is in just before an instant, µs from the start."""
        return advanced(self._stay, until) if until > self._latest_us else self._before

    def _offset(self, at_us: int) -> int:
        """Turn an instant that is told into µs from the start."""
        if self._stopped:
            raise MeterStopped
        at = _instant(at_us) - self.start_us
        if at < self._latest_us:
            raise TimeRanBackwards(at_us=at_us, latest_us=self.start_us + self._latest_us)
        return at


def _told(
    changes: Iterable[Change], free: Iterable[FreeTime]
) -> Iterator[tuple[int, Change | bool]]:
    """List what was told with its instant: changes, then whether free time begins or ends."""
    for change in changes:
        yield change.at_us, change
    for stretch in free:
        yield stretch.from_us, True
        if stretch.until_us is not None:
            yield stretch.until_us, False


def _instant(at_us: int) -> int:
    if type(at_us) is not int:
        raise NotExact(f"an instant is a whole number of microseconds, not {at_us!r}")
    return at_us
