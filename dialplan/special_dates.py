"""Days that are not like the others: named dates, public holidays by canton, overrides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays

from dialplan.errors import InvalidSpecialDate
from dialplan.validity import is_within, validity_faults
from dialplan.week import wall_clock


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecialDate:
    """A day, or a range of days, in the number's own zone: from midnight to midnight.

    Attributes:
        name: what it is, such as `Betriebsferien`.
        first: first day.
        last: last day, included.
        route: the name of a route; None: closed.

    Raises:
        InvalidSpecialDate: it ends before it begins.
    """

    name: str
    first: date
    last: date
    route: str | None

    def __post_init__(self) -> None:
        """Refuse a range that holds no day."""
        if self.last < self.first:
            raise InvalidSpecialDate.at("last", f"is before first ({self.first})")

    def __str__(self) -> str:
        """Write it as rules show it: `2026-08-01 Bundesfeier`, ranges with a slash."""
        days = str(self.first) if self.first == self.last else f"{self.first}/{self.last}"
        return f"{days} {self.name}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicHolidays:
    """Every public holiday of a country, or of one of its cantons.

    Attributes:
        canton: such as `ZH`; empty: only the days that the whole country keeps.
        country: ISO 3166 code.
        route: the name of a route; None: closed.

    Raises:
        InvalidSpecialDate: no calendar is known for the canton or the country.
    """

    canton: str
    country: str = "CH"
    route: str | None

    def __post_init__(self) -> None:
        """Refuse a place whose holidays nobody knows."""
        known = holidays.list_supported_countries()
        if self.country not in known:
            raise InvalidSpecialDate.at("country", f"{self.country[:32]!r} has no calendar")
        if self.canton and self.canton not in known[self.country]:
            raise InvalidSpecialDate.at("canton", f"{self.canton[:32]!r} has no calendar")

    def name_on(self, day: date) -> str | None:
        """Name the holiday of a day, in German where the calendar has German; else None."""
        return _names_of(self.country, self.canton, day.year).get(day)


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A route forced for some time, whatever the date and the week say.

    Attributes:
        from_at: aware instant, included.
        until_at: aware instant, not included; None: until it is taken back.
        route: the name of a route; None: closed.

    Raises:
        InvalidSpecialDate: an instant without a zone, or an end not after the start.
    """

    from_at: datetime
    until_at: datetime | None
    route: str | None

    def __post_init__(self) -> None:
        """Refuse a stretch that holds no instant."""
        faults = validity_faults(
            self.from_at, self.until_at, since_path="from_at", until_path="until_at"
        )
        if found := tuple(faults):
            raise InvalidSpecialDate(*found)

    def text(self, zone: ZoneInfo) -> str:
        """Write it as rules show it, in local time: `2026-08-01 10:00/2026-08-03 18:00`."""
        ends = (self.from_at, self.until_at)
        return "/".join(
            wall_clock(end, zone).isoformat(" ", "minutes") if end else ".." for end in ends
        )


def override_at(overrides: Iterable[Override], instant: datetime) -> Override | None:
    """Give the override in force: of several the one that began last, then the shorter one."""
    in_force = [each for each in overrides if is_within(instant, each.from_at, each.until_at)]
    latest = max((each.from_at for each in in_force), default=None)
    begun = [each for each in in_force if each.from_at == latest]
    ending = [each for each in begun if each.until_at is not None]
    return min(ending or begun, key=lambda each: each.until_at or each.from_at, default=None)


def special_on(
    special_dates: Iterable[SpecialDate | PublicHolidays], day: date
) -> tuple[str | None, str] | None:
    """Give the route and the text of the special date that a local day is.

    A date that was entered goes before the calendar; of several the shorter range, then the
    one that begins later; of several calendars the one given first.
    """
    entered = [
        each
        for each in special_dates
        if isinstance(each, SpecialDate) and each.first <= day <= each.last
    ]
    if entered:
        chosen = min(entered, key=lambda each: (each.last - each.first, date.max - each.first))
        return chosen.route, str(chosen)
    for each in special_dates:
        name = each.name_on(day) if isinstance(each, PublicHolidays) else None
        if name is not None:
            return each.route, f"{day} {name}"
    return None


@lru_cache(maxsize=1024)
def _names_of(country: str, canton: str, year: int) -> Mapping[date, str]:
    calendar = holidays.country_holidays(country)
    # Fixed here, because the library otherwise takes the language of the machine.
    german = "de" if "de" in calendar.supported_languages else calendar.default_language
    return dict(
        holidays.country_holidays(country, subdiv=canton or None, years=year, language=german)
    )
