"""Days that are not like the others: named dates, public holidays by canton, overrides."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecialDate:
    """A day, or a range of days, in the number's own zone.

    Attributes:
        name: what it is, such as `Betriebsferien`.
        first: first day.
        last: last day, included.
        route: the name of a route; None: closed.
    """

    name: str
    first: date
    last: date
    route: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicHolidays:
    """Every public holiday of a country, or of one of its cantons.

    Attributes:
        canton: such as `ZH`; empty: only the days that the whole country keeps.
        country: ISO 3166 code.
        route: the name of a route; None: closed.
    """

    canton: str
    country: str = "CH"
    route: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A route forced for some time, whatever the date and the week say.

    Attributes:
        from_at: aware instant, included.
        until_at: aware instant, not included; None: until it is taken back.
        route: the name of a route; None: closed.
    """

    from_at: datetime
    until_at: datetime | None
    route: str | None
