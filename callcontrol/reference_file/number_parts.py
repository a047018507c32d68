"""The entry of one number to dialplan's ServiceNumber; scheduled changes become timelines."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import pairwise
from typing import Any, TypeVar

from callcontrol.reference_file.model import (
    LevelSlotEntry,
    NumberEntry,
    OverrideEntry,
    PublicHolidaysEntry,
    RouteEntry,
    SlotEntry,
    SpecialDateEntry,
    StepEntry,
)
from callcontrol.reference_file.parts import Faults
from callcontrol.reference_file.scalars import CLOSED, zone_of
from dialplan import (
    E164,
    LevelSlot,
    Outcome,
    Override,
    Presentation,
    PublicHolidays,
    Route,
    ServiceNumber,
    Slot,
    SpecialDate,
    Step,
    Target,
    Timeline,
    WeekPlan,
    category_of,
    is_e164,
    parse_target,
    parse_weekdays,
)

T = TypeVar("T")

# Fields that ServiceNumber takes as they stand in the entry.
_AS_ENTERED = (
    "fixed_number",
    "refuses_withheld",
    "level_keys",
    "level_week_live",
    "max_calls",
    "active_from",
    "active_until",
    "ported_out_at",
    "suspended",
    "closed_message",
    "failed_message",
    "test_callers",
)


def make_number(number: E164, entry: NumberEntry, faults: Faults) -> ServiceNumber | None:
    """Make a service number; None when anything about it is faulty.

    Args:
        number: in E.164.
        entry: what the file or the rows say of it.
        faults: takes what is wrong, with paths from the number, such as `week.0.start`.
    """
    before = len(faults.found)
    fields = _fields(number, entry, faults)
    if len(faults.found) > before:
        return None
    return faults.attempt("", lambda: ServiceNumber(**fields))


def _fields(number: E164, entry: NumberEntry, faults: Faults) -> dict[str, Any]:
    for earlier, later in pairwise(sorted(change.at for change in entry.scheduled)):
        if earlier == later:
            faults.add("scheduled", f"has two entries at {later.isoformat()}")
    return {name: getattr(entry, name) for name in _AS_ENTERED} | {
        "number": number,
        "category": entry.category or category_of(number) or "none",
        "customer_id": entry.customer,
        "tariff": _timeline(entry, "tariff", str, faults),
        "level": _timeline(entry, "level", int, faults),
        "zone": zone_of(entry.zone),
        "routes": _routes(entry, faults),
        "default_route": _timeline(entry, "default_route", _route_name, faults),
        "week": _timeline(entry, "week", partial(make_week, faults=faults), faults),
        "level_week": make_level_week(entry.level_week, faults),
        "special_dates": tuple(_special_dates(entry, faults)),
        "overrides": tuple(_overrides(entry, faults)),
        "presentation": _timeline(entry, "presentation", Presentation, faults),
    }


def _timeline(
    entry: NumberEntry, name: str, make: Callable[[Any], T], faults: Faults
) -> Timeline[T] | None:
    """Join what the number has from the start with its scheduled changes."""
    changes = tuple(
        (change.at, make(value))
        for change in entry.scheduled
        if (value := getattr(change, name)) is not None
    )
    return faults.attempt("scheduled", lambda: Timeline(make(getattr(entry, name)), changes))


def _routes(entry: NumberEntry, faults: Faults) -> dict[str, Timeline[Route]]:
    versions: dict[str, list[tuple[Any, Route]]] = {}
    for path, at, routes in (
        ("routes", None, entry.routes),
        *((f"scheduled.{i}.routes", c.at, c.routes) for i, c in enumerate(entry.scheduled)),
    ):
        for name, route in routes.items():
            made = _route(f"{path}.{name}", name, route, faults)
            if made is not None:
                versions.setdefault(name, []).append((at, made))
    timelines = {}
    for name, dated in versions.items():
        # A route that only a scheduled change brings can be named before that, in a week that
        # begins with it; nothing is lost when it is there early.
        (_, initial), *later = dated
        timeline = faults.attempt("scheduled", partial(Timeline, initial, tuple(later)))
        if timeline is not None:
            timelines[name] = timeline
    return timelines


def _route(path: str, name: str, entry: RouteEntry, faults: Faults) -> Route | None:
    if name == CLOSED:
        faults.add(path, "is what stands for no route, and cannot name one")
    steps = [
        _step(f"{path}.steps.{index}", step, faults) for index, step in enumerate(entry.steps)
    ]
    made = tuple(step for step in steps if step is not None)
    if len(made) < len(steps):
        return None
    return faults.attempt(path, lambda: Route(name=name, steps=made, limit_s=entry.limit_s))


def _step(path: str, entry: StepEntry, faults: Faults) -> Step | None:
    targets = [
        faults.attempt(
            f"{path}.targets.{index}", partial(make_target, target.address, target.gateways)
        )
        for index, target in enumerate(entry.targets)
    ]
    made = tuple(target for target in targets if target is not None)
    if len(made) < len(targets):
        return None
    return faults.attempt(
        path,
        lambda: Step(
            targets=made,
            ring_s=entry.ring_s,
            next_on=frozenset(map(Outcome, entry.next_on)),
            presentation=Presentation(entry.presentation) if entry.presentation else None,
        ),
    )


def make_target(address: str, gateways: tuple[str, ...]) -> Target:
    """Make a target of its canonical address."""
    if is_e164(address):
        return Target(kind="pstn", address=address, gateways=gateways)
    return parse_target(address, gateways=gateways)


def _route_name(name: str) -> str | None:
    return None if name == CLOSED else name


def make_level_week(
    slots: Iterable[LevelSlotEntry], faults: Faults
) -> WeekPlan[LevelSlot] | None:
    """Make a weekly plan of levels."""
    made = (
        LevelSlot(
            weekdays=parse_weekdays(slot.weekdays),
            start=slot.start,
            end=slot.end,
            level=slot.level,
        )
        for slot in slots
    )
    return faults.attempt("level_week", lambda: WeekPlan(slots=tuple(made)))


def make_week(slots: Iterable[SlotEntry], faults: Faults) -> WeekPlan[Slot] | None:
    """Make a weekly plan."""
    made = (
        Slot(
            weekdays=parse_weekdays(slot.weekdays),
            start=slot.start,
            end=slot.end,
            route=_route_name(slot.route),
        )
        for slot in slots
    )
    return faults.attempt("week", lambda: WeekPlan(slots=tuple(made)))


def make_special_date(path: str, date: SpecialDateEntry, faults: Faults) -> SpecialDate | None:
    """Make a day, or a range of days, that goes before the week."""
    return faults.attempt(
        path,
        lambda: SpecialDate(
            name=date.name,
            first=date.first,
            last=date.last or date.first,
            route=_route_name(date.route),
        ),
    )


def make_public_holidays(
    path: str, days: PublicHolidaysEntry, faults: Faults
) -> PublicHolidays | None:
    """Make the public holidays of a country or a canton."""
    return faults.attempt(
        path,
        lambda: PublicHolidays(
            canton=days.canton, country=days.country, route=_route_name(days.route)
        ),
    )


def make_override(path: str, override: OverrideEntry, faults: Faults) -> Override | None:
    """Make a route forced for some time."""
    return faults.attempt(
        path,
        lambda: Override(
            from_at=override.from_at,
            until_at=override.until_at,
            route=_route_name(override.route),
        ),
    )


def _special_dates(
    entry: NumberEntry, faults: Faults
) -> Iterator[SpecialDate | PublicHolidays | None]:
    for index, date in enumerate(entry.special_dates):
        yield make_special_date(f"special_dates.{index}", date, faults)
    for index, days in enumerate(entry.public_holidays):
        yield make_public_holidays(f"public_holidays.{index}", days, faults)


def _overrides(entry: NumberEntry, faults: Faults) -> Iterator[Override | None]:
    for index, override in enumerate(entry.overrides):
        yield make_override(f"overrides.{index}", override, faults)
