"""The weekly plan: which slot holds at an instant, in local time, across clock changes.

Strategy: a slot is a stretch of *wall time* of the week, and an instant is in it when a clock
on a wall of the zone then shows a time of that stretch. So an hour that a clock change skips is
in no slot (no wall shows it), an hour that comes twice is in its slot both times, and every
instant has exactly one wall time and therefore at most one slot.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Generic, NamedTuple, TypeVar, cast
from zoneinfo import ZoneInfo

from dialplan.errors import Fault, InvalidWeek

_HOUR_US = 3_600_000_000
_DAY_US = 86_400_000_000
_WEEK_US = 7 * _DAY_US
_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def wall_clock(instant: datetime, zone: ZoneInfo) -> datetime:
    """Give the naive date and time that a clock on a wall in the zone shows at an instant.

    At the two ends of the calendar, where the zone's own date does not exist (year 0 or
    10000), it is the instant's own date and time.

    Raises:
        ValueError: the instant has no time zone.
    """
    if instant.tzinfo is None:
        raise ValueError("the instant has no time zone")
    try:
        return instant.astimezone(zone).replace(tzinfo=None)
    except OverflowError:
        return instant.replace(tzinfo=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekSlot:
    """A stretch of local wall time on some days of the week.

    Attributes:
        weekdays: the days on which it starts, 0 = Monday ... 6 = Sunday; at least one.
        start: local wall time, included.
        end: local wall time, not included; at or before `start` it is the next day's, so
            00:00-00:00 is the whole day and 22:00-06:00 crosses midnight.

    Raises:
        InvalidWeek: no weekday, one that is none, or a time with a zone of its own.
    """

    weekdays: frozenset[int]
    start: time
    end: time

    def __post_init__(self) -> None:
        """Refuse what is no time of a week."""
        if not self.weekdays or not self.weekdays <= set(range(7)):
            raise InvalidWeek.at("weekdays", "are not one or more of 0 (Monday) to 6 (Sunday)")
        for path, at in (("start", self.start), ("end", self.end)):
            if at.tzinfo is not None:
                raise InvalidWeek.at(path, "has a time zone of its own")

    def __str__(self) -> str:
        """Write it as rules show it: `mon-fri 08:00-18:00`; midnight at the end is 24:00."""
        end = "24:00" if self.end == time() else _clock(self.end)
        return f"{weekdays_text(self.weekdays)} {_clock(self.start)}-{end}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot(WeekSlot):
    """A stretch of the week with a route.

    Attributes:
        route: the name of a route; None: closed.
    """

    route: str | None

    __str__ = WeekSlot.__str__


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelSlot(WeekSlot):
    """A stretch of the week with a level.

    Attributes:
        level: the number of the level, 1 to 90.
    """

    level: int

    __str__ = WeekSlot.__str__


S = TypeVar("S", bound=WeekSlot)


class _Stretch(NamedTuple):
    """Part of a slot inside one week, in microseconds of wall time from Monday 00:00."""

    start_us: int
    end_us: int
    slot: WeekSlot


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekPlan(Generic[S]):
    """Slots that do not overlap.

    Attributes:
        slots: in any order; none means that nothing holds at any time.

    Raises:
        InvalidWeek: two slots hold at the same time.
    """

    slots: tuple[S, ...] = ()
    _stretches: tuple[_Stretch, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Lay the slots out over one week and refuse overlaps."""
        stretches = sorted(
            (part for slot in self.slots for part in _parts(slot)), key=lambda part: part[:2]
        )
        faults = _overlaps(stretches)
        if faults:
            raise InvalidWeek(*faults)
        object.__setattr__(self, "_stretches", tuple(stretches))

    def slot_at(self, instant: datetime, zone: ZoneInfo) -> S | None:
        """Give the slot that holds at an aware instant in a zone, or None."""
        wall = wall_clock(instant, zone)
        wall_us = wall.weekday() * _DAY_US + _us_of_day(wall.time())
        before = bisect_right(self._stretches, wall_us, key=lambda part: part.start_us)
        if not before or wall_us >= self._stretches[before - 1].end_us:
            return None
        return cast("S", self._stretches[before - 1].slot)

    def next_look(self, instant: datetime, zone: ZoneInfo) -> datetime | None:
        """Give an instant after an aware one by which nothing changes without being looked at.

        Another slot may hold from there on, or the same as before; none begins or ends in
        between. That is the next beginning or end of a slot by today's clock, or the next full
        hour, whichever comes first: clocks are set at full hours.

        Returns:
            None when there are no slots.
        """
        if not self._stretches:
            return None
        wall = wall_clock(instant, zone)
        wall_us = wall.weekday() * _DAY_US + _us_of_day(wall.time())
        edges = {us for part in self._stretches for us in part[:2]}
        wait_us = min((us - wall_us - 1) % _WEEK_US + 1 for us in edges)
        hour_us = _HOUR_US - (_us_of_day(wall.time()) % _HOUR_US)
        return instant + timedelta(microseconds=min(wait_us, hour_us))


def parse_weekdays(text: str) -> frozenset[int]:
    """Read weekdays as people write them: `mon-fri`, `sat,sun`, `fri-mon`, `mon,wed-fri`.

    Raises:
        InvalidWeek: a name is none of mon, tue, wed, thu, fri, sat, sun.
    """
    days: set[int] = set()
    for part in text.lower().replace(" ", "").split(","):
        first, *last = part.split("-")
        if len(last) > 1 or not {first, *last} <= set(_NAMES):
            raise InvalidWeek.at("weekdays", f"{part[:32]!r} is neither mon nor mon-fri")
        start, end = _NAMES.index(first), _NAMES.index(last[0] if last else first)
        days.update((start + offset) % 7 for offset in range((end - start) % 7 + 1))
    return frozenset(days)


def weekdays_text(days: Iterable[int]) -> str:
    """Write weekdays the way `parse_weekdays` reads them: `mon-fri`, `sat,sun`."""
    runs: list[list[int]] = []
    for day in sorted(days):
        if runs and day == runs[-1][-1] + 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return ",".join(_run_text(run) for run in runs)


def _run_text(run: list[int]) -> str:
    joint = "-" if len(run) > 2 else ","
    return joint.join(dict.fromkeys((_NAMES[run[0]], _NAMES[run[-1]])))


def _clock(at: time) -> str:
    return at.isoformat("minutes") if not (at.second or at.microsecond) else at.isoformat()


def _us_of_day(at: time) -> int:
    return ((at.hour * 60 + at.minute) * 60 + at.second) * 1_000_000 + at.microsecond


def _parts(slot: WeekSlot) -> Iterator[_Stretch]:
    length_us = (_us_of_day(slot.end) - _us_of_day(slot.start)) % _DAY_US or _DAY_US
    for day in slot.weekdays:
        start_us = day * _DAY_US + _us_of_day(slot.start)
        end_us = start_us + length_us
        yield _Stretch(start_us, min(end_us, _WEEK_US), slot)
        if end_us > _WEEK_US:  # Sunday night goes on into Monday, at the front of the week
            yield _Stretch(0, end_us - _WEEK_US, slot)


def _overlaps(stretches: Iterable[_Stretch]) -> list[Fault]:
    """Find the slots that hold at the same time, each two once; the stretches are in order."""
    found: dict[tuple[WeekSlot, WeekSlot], Fault] = {}
    furthest: _Stretch | None = None  # of those begun so far, the one that ends last
    for part in stretches:
        if furthest is not None and part.start_us < furthest.end_us:
            both = furthest.slot, part.slot
            message = f"{both[0]} and {both[1]} overlap on {_week_time(part.start_us)}"
            found.setdefault(both, Fault(path="", message=message))
        if furthest is None or part.end_us > furthest.end_us:
            furthest = part
    return list(found.values())


def _week_time(us: int) -> str:
    day, us_of_day = divmod(us, _DAY_US)
    minutes = us_of_day // 60_000_000
    return f"{_NAMES[day]} {minutes // 60:02}:{minutes % 60:02}"
