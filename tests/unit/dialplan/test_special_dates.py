"""Special dates, public holidays and overrides."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from dialplan import InvalidSpecialDate, Override, PublicHolidays, SpecialDate
from dialplan.special_dates import override_at, special_on

_NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
_HOUR = timedelta(hours=1)


def _special(first: str, last: str, name: str = "Ferien") -> SpecialDate:
    return SpecialDate(
        name=name, first=date.fromisoformat(first), last=date.fromisoformat(last), route=name
    )


def _override(hours: int, length: int | None, route: str) -> Override:
    from_at = _NOON + hours * _HOUR
    until_at = from_at + length * _HOUR if length is not None else None
    return Override(from_at=from_at, until_at=until_at, route=route)


@pytest.mark.parametrize(
    ("day", "text"),
    [
        ("2026-07-31", None),
        ("2026-08-01", "2026-08-01/2026-08-14 Ferien"),
        ("2026-08-14", "2026-08-01/2026-08-14 Ferien"),
        ("2026-08-15", None),
    ],
)
def test_a_range_includes_both_its_days(day: str, text: str | None) -> None:
    """The last day counts."""
    found = special_on([_special("2026-08-01", "2026-08-14")], date.fromisoformat(day))

    assert (found and found[1]) == text


def test_a_single_day_is_written_once() -> None:
    """Rules show one date for one day."""
    assert str(_special("2026-08-01", "2026-08-01", "Bundesfeier")) == "2026-08-01 Bundesfeier"
    assert str(_special("2026-08-01", "2026-08-01", "")) == "2026-08-01"


def test_of_several_dates_the_shorter_wins_then_the_later() -> None:
    """What was entered more precisely was meant for that day."""
    dates = [
        _special("2026-12-01", "2026-12-31", "month"),
        _special("2026-12-20", "2026-12-26", "early"),
        _special("2026-12-24", "2026-12-30", "late"),
    ]

    assert special_on(dates, date(2026, 12, 25)) == ("late", "2026-12-24/2026-12-30 late")
    assert special_on(reversed(dates), date(2026, 12, 21)) == (
        "early",
        "2026-12-20/2026-12-26 early",
    )


@pytest.mark.parametrize(
    ("canton", "day", "name"),
    [
        ("ZH", "2026-08-01", "Nationalfeiertag"),
        ("", "2026-08-01", "Nationalfeiertag"),
        ("TI", "2026-03-19", "Josefstag"),
        ("ZH", "2026-03-19", None),
        ("ZH", "2026-05-01", "Tag der Arbeit"),
        ("", "2026-05-01", None),
        ("ZH", "1500-12-25", None),  # before the library's calendar begins
        ("ZH", "9999-12-25", None),  # after it ends
    ],
)
def test_public_holidays_by_canton(canton: str, day: str, name: str | None) -> None:
    """Each canton keeps its own days, named in German whatever the machine speaks."""
    assert PublicHolidays(canton=canton, route=None).name_on(date.fromisoformat(day)) == name


def test_holidays_of_a_country_without_german_names() -> None:
    """Another country's calendar speaks its own language."""
    france = PublicHolidays(country="FR", canton="", route=None)

    assert france.name_on(date(2026, 7, 14)) == "Fête nationale"


def test_an_entered_date_goes_before_the_calendar() -> None:
    """Who opens on a public holiday has said so."""
    holidays = PublicHolidays(canton="ZH", route=None)
    dates = [holidays, _special("2026-08-01", "2026-08-01", "open")]

    assert special_on(dates, date(2026, 8, 1)) == ("open", "2026-08-01 open")
    assert special_on(dates, date(2026, 12, 25)) == (None, "2026-12-25 Weihnachten")
    assert special_on(dates, date(2026, 8, 2)) is None


def test_the_first_calendar_given_decides() -> None:
    """A number may keep the days of two cantons, with two routes."""
    dates = [PublicHolidays(canton="ZH", route="zh"), PublicHolidays(canton="TI", route="ti")]

    assert special_on(dates, date(2026, 12, 25)) == ("zh", "2026-12-25 Weihnachten")
    assert special_on(dates, date(2026, 3, 19)) == ("ti", "2026-03-19 Josefstag")


@pytest.mark.parametrize(
    ("hours", "route"),
    [(-1, None), (0, "long"), (1, "short"), (2, "long"), (3, "twin"), (9, "long"), (10, None)],
)
def test_of_several_overrides_the_last_begun_wins_then_the_shorter(
    hours: int, route: str | None
) -> None:
    """The newest intention holds, and when it ends the older one is back."""
    overrides = [
        _override(3, 6, "twin later"),
        _override(3, 1, "twin"),
        _override(0, 10, "long"),
        _override(1, 1, "short"),
    ]
    found = override_at(overrides[1:], _NOON + hours * _HOUR)

    assert (found and found.route) == route
    assert override_at(overrides, _NOON + 3 * _HOUR) == overrides[1]


def test_an_open_override_holds_until_taken_back() -> None:
    """Without an end it goes on; one that ends and began at the same instant goes before."""
    overrides = [_override(0, None, "open"), _override(0, 1, "hour")]

    found = [override_at(overrides, _NOON + hours * _HOUR) for hours in (0, 1, 100_000)]

    assert [override.route for override in found if override] == ["hour", "open", "open"]


def test_overrides_are_written_in_local_time() -> None:
    """People read the time of their own clock."""
    zurich = ZoneInfo("Europe/Zurich")

    assert _override(0, 2, "a").text(zurich) == "2026-01-05 13:00/2026-01-05 15:00"
    assert _override(0, None, "a").text(zurich) == "2026-01-05 13:00/.."


def test_what_holds_on_no_day_is_refused() -> None:
    """Ranges that end before they begin, calendars nobody has, instants without a zone."""
    with pytest.raises(InvalidSpecialDate, match="last: is before first"):
        _special("2026-08-02", "2026-08-01")
    with pytest.raises(InvalidSpecialDate, match="canton: 'XX' has no calendar"):
        PublicHolidays(canton="XX", route=None)
    with pytest.raises(InvalidSpecialDate, match="country: 'ZZ' has no calendar"):
        PublicHolidays(canton="", country="ZZ", route=None)
    with pytest.raises(InvalidSpecialDate, match="until_at: is not after from_at"):
        _override(0, 0, "a")
    with pytest.raises(InvalidSpecialDate, match="from_at: has no time zone"):
        Override(from_at=_NOON.replace(tzinfo=None), until_at=None, route=None)
