"""Service numbers: when they are in service and how they contradict themselves."""

from __future__ import annotations

from datetime import date, time, timedelta

import pytest

from dialplan import (
    E164,
    InvalidServiceNumber,
    LevelSlot,
    Override,
    Presentation,
    SpecialDate,
    Step,
    Timeline,
    WeekPlan,
)
from tests.dialplan_builders import (
    MONDAY_NOON,
    OFFICE,
    make_number,
    make_route,
    make_slot,
    make_step,
    make_target,
)

_HOUR = timedelta(hours=1)


def make_level_slot(level: int) -> LevelSlot:
    """Make a slot of the mornings."""
    return LevelSlot(weekdays=frozenset(range(7)), start=time(6), end=time(13), level=level)


def test_a_slot_of_levels_goes_before_the_level() -> None:
    """While it holds; else the number's own level, as scheduled."""
    number = make_number(
        level=Timeline(1, ((MONDAY_NOON, 3),)),
        level_week=WeekPlan(slots=(make_level_slot(2),)),
    )

    assert [number.level_at(MONDAY_NOON + timedelta(hours=h)) for h in (-12, 0, 2)] == [1, 2, 3]


@pytest.mark.parametrize(
    ("since", "until", "ported", "is_in_service"),
    [
        (None, None, None, True),
        (0, None, None, True),
        (1, None, None, False),
        (None, 0, None, False),
        (None, 1, None, True),
        (None, None, 0, False),
        (None, None, 1, True),
        (-1, 1, -1, False),
    ],
)
def test_service_begins_and_ends(
    since: int | None, until: int | None, ported: int | None, is_in_service: bool
) -> None:
    """From activation, until termination or until the number is ported out."""
    at = {hours: MONDAY_NOON + hours * _HOUR for hours in (-1, 0, 1)}
    number = make_number(
        active_from=at[since] if since is not None else None,
        active_until=at[until] if until is not None else None,
        ported_out_at=at[ported] if ported is not None else None,
    )

    assert number.is_in_service(MONDAY_NOON) is is_in_service


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"category": "0901"}, "category: is '0901', but +41900123456 is of category 0900"),
        ({"number": E164("+41445550101")}, "category: is '0900', but"),
        ({"level": Timeline(91)}, "level: 91 is not from 1 to 90"),
        ({"level": Timeline(1, ((MONDAY_NOON, 0),))}, "level: 0 is not from 1 to 90"),
        (
            {"level_week": WeekPlan(slots=(make_level_slot(level=91),))},
            "level_week.0.level: 91 is not from 1 to 90",
        ),
        ({"max_calls": -1}, "max_calls: is below 0"),
        ({"closed_message": ""}, "closed_message: '' is not the name of a prompt"),
        ({"closed_message": "../x"}, "closed_message: '../x' is not the name of a prompt"),
        ({"failed_message": "${x}"}, "failed_message: '${x}' is not the name of a prompt"),
        (
            {"active_from": MONDAY_NOON, "active_until": MONDAY_NOON},
            "active_until: is not after active_from",
        ),
        (
            {"ported_out_at": MONDAY_NOON.replace(tzinfo=None)},
            "ported_out_at: has no time zone",
        ),
        ({"default_route": Timeline("home")}, "default_route: there is no route 'home'"),
        (
            {"week": Timeline(WeekPlan(slots=(make_slot("mon", "08:00", "09:00", "home"),)))},
            "week.slots.0.route: there is no route 'home'",
        ),
        (
            {
                "special_dates": (
                    SpecialDate(
                        name="x", first=date(2026, 1, 1), last=date(2026, 1, 1), route="home"
                    ),
                )
            },
            "special_dates.0.route: there is no route 'home'",
        ),
        (
            {"overrides": (Override(from_at=MONDAY_NOON, until_at=None, route="home"),)},
            "overrides.0.route: there is no route 'home'",
        ),
        (
            {"presentation": Timeline(Presentation.FIXED)},
            "presentation: is fixed, but there is no fixed_number",
        ),
        (
            {
                "routes": {
                    "office": Timeline(
                        make_route(
                            Step(targets=(make_target(),), presentation=Presentation.FIXED)
                        )
                    )
                }
            },
            "routes.office.steps.0.presentation: is fixed, but the number has no fixed_number",
        ),
    ],
)
def test_contradictions_are_refused(changes: dict[str, object], fault: str) -> None:
    """A call never meets a number that names what it lacks."""
    with pytest.raises(InvalidServiceNumber) as refusal:
        make_number(**changes)

    assert fault in str(refusal.value)


def test_the_ends_of_the_ranges_are_allowed() -> None:
    """Levels 1 and 90, and no call at all."""
    number = make_number(level=Timeline(1, ((MONDAY_NOON, 90),)), max_calls=0)

    assert number.level.values() == (1, 90)


def test_fixed_is_fine_with_a_fixed_number() -> None:
    """The number shown is there."""
    number = make_number(presentation=Timeline(Presentation.FIXED), fixed_number=OFFICE)

    assert number.fixed_number == OFFICE


def test_it_knows_the_gateways_of_every_route_present_and_scheduled() -> None:
    """A gateway that only tomorrow's route uses counts."""
    tomorrow = make_route(make_step(make_target("+41445550101", "c", "b")))
    number = make_number(routes={"office": Timeline(make_route(), ((MONDAY_NOON, tomorrow),))})

    assert number.gateways == {"a", "b", "c"}
