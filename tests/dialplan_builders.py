"""Valid dialplan values with sane defaults, for tests that care about one field."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, time

from dialplan import (
    E164,
    Blacklist,
    BlacklistEntry,
    Caller,
    Customer,
    Directory,
    Gateway,
    Route,
    ServiceNumber,
    Slot,
    Step,
    Target,
    Timeline,
    WeekPlan,
    parse_weekdays,
)

NUMBER = E164("+41900123456")
MOBILE = E164("+41795550001")
FIXED_LINE = E164("+41445550100")
OFFICE = E164("+41215550101")

MONDAY_NOON = datetime(2026, 1, 5, 11, tzinfo=UTC)  # 12:00 in Zurich
MONDAY_NIGHT = datetime(2026, 1, 5, 22, tzinfo=UTC)  # 23:00 in Zurich


def make_caller(number: str | None = MOBILE, *, withheld: bool = False) -> Caller:
    """Make a caller whose raw form is the number itself."""
    known = E164(number) if number is not None else None
    return Caller(raw=number or "", number=known, withheld=withheld)


def make_target(address: str = OFFICE, *gateways: str) -> Target:
    """Make a target in the telephone network, through the gateway `a` unless told otherwise."""
    return Target(kind="pstn", address=address, gateways=gateways or ("a",))


def make_step(*targets: Target, ring_s: int = 25) -> Step:
    """Make a step that rings the targets, or one target."""
    return Step(targets=targets or (make_target(),), ring_s=ring_s)


def make_route(*steps: Step, name: str = "office", limit_s: int = 120) -> Route:
    """Make a route of the steps, or of one step."""
    return Route(name=name, steps=steps or (make_step(),), limit_s=limit_s)


def make_slot(days: str, start: str, end: str, route: str | None = "office") -> Slot:
    """Make a weekly slot from text such as `mon-fri`, `08:00`, `18:00`."""
    return Slot(
        weekdays=parse_weekdays(days),
        start=time.fromisoformat(start),
        end=time.fromisoformat(end),
        route=route,
    )


def make_week(*slots: tuple[str, str, str]) -> WeekPlan:
    """Make a weekly plan whose slots all lead to the route `office`."""
    return WeekPlan(slots=tuple(make_slot(*slot) for slot in slots))


def make_number(**changes: object) -> ServiceNumber:
    """Make a number that always rings the route `office`."""
    number = ServiceNumber(
        number=NUMBER,
        category="0900",
        customer_id="acme",
        tariff=Timeline("hotline"),
        level=Timeline(1),
        routes={"office": Timeline(make_route())},
        default_route=Timeline("office"),
    )
    return replace(number, **changes)  # type: ignore[arg-type]


def make_directory(
    number: ServiceNumber | None = None,
    *,
    customers: Iterable[Customer] = (Customer(id="acme"),),
    blacklist: Iterable[BlacklistEntry] = (),
    prefixes: tuple[str, ...] = (),
) -> Directory:
    """Make a directory of one number, with the gateways `a` and `b`."""
    held = number or make_number()
    return Directory(
        gateways={name: Gateway(name=name, host="127.0.0.1") for name in ("a", "b")},
        customers={customer.id: customer for customer in customers},
        numbers={held.number: held},
        blacklist=Blacklist(blacklist),
        prefixes=prefixes,
    )
