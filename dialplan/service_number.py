"""A service number: all that is set up for one number a business rents."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from dialplan.errors import Fault, InvalidServiceNumber
from dialplan.numbers import E164, Caller, category_of
from dialplan.presentation import Presentation
from dialplan.special_dates import Override, PublicHolidays, SpecialDate
from dialplan.target import Route
from dialplan.timeline import Timeline
from dialplan.validity import is_within, validity_faults
from dialplan.week import LevelSlot, Slot, WeekPlan

DEFAULT_ZONE = ZoneInfo("Europe/Zurich")

# Letters and digits, also `_`, `.` and `-` after the first.
_PROMPT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")

_NO_ROUTE: Timeline[str | None] = Timeline(None)
_NO_SLOTS: Timeline[WeekPlan[Slot]] = Timeline(WeekPlan())
_NO_LEVEL_SLOTS: WeekPlan[LevelSlot] = WeekPlan()
_SHOWS_CALLER = Timeline(Presentation.CALLER)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceNumber:
    """One number, whole.

    Attributes:
        number: in E.164.
        category: `0800`, `0840`, ... as `category_of(number)` gives it.
        customer_id: who rents it.
        tariff: the name of the tariff.
        level: the level a call starts at where the weekly plan of levels has none, 1-90.
        level_week: goes before `level`, in the number's zone.
        level_week_live: running calls change with the weekly plan of levels, too.
        zone: the zone of its week and its special dates.
        routes: by name; each route may be replaced at scheduled instants.
        default_route: the name of the route when nothing else holds; None: closed.
        week: the weekly plan.
        special_dates: days that go before the week.
        overrides: go before everything else.
        presentation: what the destination is shown.
        fixed_number: the number shown under `fixed`.
        refuses_withheld: callers who withhold their number are released.
        level_keys: the destination may change the level of a running call by `*NN#`.
        max_calls: calls in progress at most; None: no limit.
        active_from: in service from this aware instant, included; None: from always.
        test_callers: who may call it before that, as if it were in service: the tests of a
            number that is still another operator's.
        active_until: out of service from this aware instant; None: never.
        ported_out_at: another operator's from this aware instant; None: never.
        suspended: every call is refused.
        closed_message: the name of the prompt a caller hears when closed; None: none.
        failed_message: the same when no target has answered.
        gateways: derived: the names of all gateways that its targets use.

    Raises:
        InvalidServiceNumber: it contradicts itself, such as a slot that names a route it lacks.
    """

    number: E164
    category: str
    customer_id: str
    tariff: Timeline[str]
    level: Timeline[int]
    zone: ZoneInfo = DEFAULT_ZONE
    routes: Mapping[str, Timeline[Route]] = field(default_factory=dict)
    default_route: Timeline[str | None] = _NO_ROUTE
    week: Timeline[WeekPlan[Slot]] = _NO_SLOTS
    special_dates: tuple[SpecialDate | PublicHolidays, ...] = ()
    overrides: tuple[Override, ...] = ()
    presentation: Timeline[Presentation] = _SHOWS_CALLER
    fixed_number: E164 | None = None
    refuses_withheld: bool = False
    level_keys: bool = False
    level_week: WeekPlan[LevelSlot] = _NO_LEVEL_SLOTS
    level_week_live: bool = False
    max_calls: int | None = None
    active_from: datetime | None = None
    active_until: datetime | None = None
    ported_out_at: datetime | None = None
    suspended: bool = False
    closed_message: str | None = None
    failed_message: str | None = None
    test_callers: frozenset[E164] = frozenset()
    gateways: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse a number that contradicts itself, so that a call never finds out."""
        faults = tuple(_faults(self))
        if faults:
            raise InvalidServiceNumber(*faults)
        names = (
            name
            for _, route in self.every_route()
            for step in route.steps
            for target in step.targets
            for name in target.gateways
        )
        object.__setattr__(self, "gateways", _shared(frozenset(names)))

    def is_in_service(self, instant: datetime) -> bool:
        """Say whether calls to it are ours at an aware instant."""
        return is_within(instant, self.active_from, self.active_until) and is_within(
            instant, None, self.ported_out_at
        )

    def is_test_call(self, caller: Caller, instant: datetime) -> bool:
        """Say whether a call at an aware instant is a test before the number is in service."""
        return (
            self.active_from is not None
            and instant < self.active_from
            and caller.number in self.test_callers
        )

    def level_at(self, instant: datetime) -> int:
        """Give the level at which a call that arrives at an aware instant starts."""
        slot = self.level_week.slot_at(instant, self.zone)
        return self.level.at(instant) if slot is None else slot.level

    def every_level(self) -> Iterator[tuple[str, int]]:
        """Give every level that a call may start at, with its path."""
        for level in self.level.values():
            yield "level", level
        for index, slot in enumerate(self.level_week.slots):
            yield f"level_week.{index}.level", slot.level

    def every_route(self) -> Iterator[tuple[str, Route]]:
        """Give every route, present and scheduled, with its path such as `routes.office`."""
        for name, timeline in self.routes.items():
            for route in timeline.values():
                yield f"routes.{name}", route


@lru_cache(maxsize=4096)
def _shared(names: frozenset[str]) -> frozenset[str]:
    """Give one set for all equal ones: many numbers use the same gateways."""
    return names


def _faults(number: ServiceNumber) -> Iterator[Fault]:
    category = category_of(number.number)
    if number.category != category:
        message = f"is {number.category!r}, but {number.number} is of category {category}"
        yield Fault(path="category", message=message)
    for path, level in number.every_level():
        if not 1 <= level <= 90:
            yield Fault(path=path, message=f"{level} is not from 1 to 90")
    if number.max_calls is not None and number.max_calls < 0:
        yield Fault(path="max_calls", message="is below 0")
    yield from validity_faults(
        number.active_from,
        number.active_until,
        since_path="active_from",
        until_path="active_until",
    )
    yield from validity_faults(
        None, number.ported_out_at, since_path="active_from", until_path="ported_out_at"
    )
    yield from _message_faults(number)
    yield from _route_name_faults(number)
    yield from _fixed_faults(number)


def _message_faults(number: ServiceNumber) -> Iterator[Fault]:
    # The name becomes part of a file's, in a command to the switch.
    for path in ("closed_message", "failed_message"):
        name = getattr(number, path)
        if name is not None and not _PROMPT.fullmatch(name):
            yield Fault(path=path, message=f"{name[:64]!r} is not the name of a prompt")


def _route_name_faults(number: ServiceNumber) -> Iterator[Fault]:
    for path, name in _named_routes(number):
        if name is not None and name not in number.routes:
            yield Fault(path=path, message=f"there is no route {name!r}")


def _named_routes(number: ServiceNumber) -> Iterator[tuple[str, str | None]]:
    for name in number.default_route.values():
        yield "default_route", name
    for week in number.week.values():
        for index, slot in enumerate(week.slots):
            yield f"week.slots.{index}.route", slot.route
    for index, special in enumerate(number.special_dates):
        yield f"special_dates.{index}.route", special.route
    for index, override in enumerate(number.overrides):
        yield f"overrides.{index}.route", override.route


def _fixed_faults(number: ServiceNumber) -> Iterator[Fault]:
    if number.fixed_number is not None:
        return
    if Presentation.FIXED in number.presentation.values():
        yield Fault(path="presentation", message="is fixed, but there is no fixed_number")
    for path, route in number.every_route():
        for index, step in enumerate(route.steps):
            if step.presentation is Presentation.FIXED:
                message = "is fixed, but the number has no fixed_number"
                yield Fault(path=f"{path}.steps.{index}.presentation", message=message)
