"""A service number: all that is set up for one number a business rents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from dialplan.numbers import E164
from dialplan.presentation import Presentation
from dialplan.special_dates import Override, PublicHolidays, SpecialDate
from dialplan.target import Route
from dialplan.timeline import Timeline
from dialplan.week import WeekPlan

DEFAULT_ZONE = ZoneInfo("Europe/Zurich")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceNumber:
    """One number, whole.

    Attributes:
        number: in E.164.
        category: `0800`, `0840`, ... as `category_of(number)` gives it.
        customer_id: who rents it.
        zone: the zone of its week and its special dates.
        routes: by name; each route may be replaced at scheduled instants.
        default_route: the name of the route when nothing else holds; None: closed.
        week: the weekly plan.
        special_dates: days that go before the week.
        overrides: go before everything else.
        presentation: what the destination is shown.
        fixed_number: the number shown under `fixed`.
        refuses_withheld: callers who withhold their number are released.
        tariff: the name of the tariff.
        level: the level a call starts at, 1-90.
        level_keys: the destination may change the level of a running call by `*NN#`.
        max_calls: calls in progress at most; None: no limit.
        active_from: in service from this aware instant, included; None: from always.
        active_until: out of service from this aware instant; None: never.
        ported_out_at: another operator's from this aware instant; None: never.
        suspended: every call is refused.
        closed_message: the name of the prompt a caller hears when closed; None: none.
    """

    number: E164
    category: str
    customer_id: str
    tariff: Timeline[str]
    level: Timeline[int]
    zone: ZoneInfo = DEFAULT_ZONE
    routes: Mapping[str, Timeline[Route]] = field(default_factory=dict)
    default_route: Timeline[str | None] = field(default_factory=lambda: Timeline(None))
    week: Timeline[WeekPlan] = field(default_factory=lambda: Timeline(WeekPlan()))
    special_dates: tuple[SpecialDate | PublicHolidays, ...] = ()
    overrides: tuple[Override, ...] = ()
    presentation: Timeline[Presentation] = field(
        default_factory=lambda: Timeline(Presentation.CALLER)
    )
    fixed_number: E164 | None = None
    refuses_withheld: bool = False
    level_keys: bool = False
    max_calls: int | None = None
    active_from: datetime | None = None
    active_until: datetime | None = None
    ported_out_at: datetime | None = None
    suspended: bool = False
    closed_message: str | None = None
