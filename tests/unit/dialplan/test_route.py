"""The decision: its order, its rules, and that nothing dialled can make it fail."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from dialplan import (
    BlacklistEntry,
    Caller,
    Connect,
    Customer,
    Decision,
    Directory,
    Disposition,
    Override,
    Presentation,
    PublicHolidays,
    Release,
    Scope,
    ServiceNumber,
    SpecialDate,
    Timeline,
    WeekPlan,
    decide,
    scopes_of,
)
from tests.dialplan_builders import (
    FIXED_LINE,
    MONDAY_NIGHT,
    MONDAY_NOON,
    NUMBER,
    make_caller,
    make_directory,
    make_number,
    make_route,
    make_slot,
    make_step,
    make_target,
    make_week,
)

_HOUR = timedelta(hours=1)
_OFFICE_HOURS = Timeline(make_week(("mon-fri", "08:00", "18:00")))
_FAMILY = (Customer(id="acme", parent="holding"), Customer(id="holding"))


def _decide(
    directory: Directory, *, caller: Caller | None = None, at: datetime = MONDAY_NOON
) -> Decision:
    return decide(directory, called="0900 123 456", caller=caller or make_caller(), at=at)


def _release(decision: Decision) -> tuple[str, str, str]:
    assert isinstance(decision, Release)
    return decision.rule, decision.cause, decision.disposition


def _rule(number: ServiceNumber, at: datetime = MONDAY_NOON) -> str:
    return _decide(make_directory(number), at=at).rule


def test_a_plain_call_is_connected_with_everything_the_engine_needs() -> None:
    """Route, presentation, tariff, level, and what the call counts against."""
    number = make_number()
    directory = make_directory(number, customers=_FAMILY)

    assert _decide(directory) == Connect(
        rule="default",
        number=number,
        customer=_FAMILY[0],
        route=make_route(),
        presentation=Presentation.CALLER,
        tariff="hotline",
        level=1,
        scopes=(
            Scope("number", NUMBER),
            Scope("customer", "acme"),
            Scope("customer", "holding"),
        ),
    )


@pytest.mark.parametrize("called", ["0900123457", "", "garbage", "112", "\x00", "9" * 10_000])
def test_an_unknown_number_is_not_in_service(called: str) -> None:
    """Whatever is dialled, the answer is a release."""
    decision = decide(make_directory(), called=called, caller=make_caller(), at=MONDAY_NOON)

    assert decision == Release(
        rule="not in service", cause="UNALLOCATED_NUMBER", disposition=Disposition.REJECTED
    )


def test_a_called_number_may_carry_a_technical_prefix() -> None:
    """The routing prefix of the network is removed."""
    decision = decide(
        make_directory(prefixes=("98023",)),
        called="980230900123456",
        caller=make_caller(),
        at=MONDAY_NOON,
    )

    assert decision.rule == "default"


@pytest.mark.parametrize("field", ["active_until", "ported_out_at"])
def test_a_number_out_of_service(field: str) -> None:
    """Its calls are not ours, but the record still knows whose number it was."""
    number = make_number(**{field: MONDAY_NOON})
    decision = _decide(make_directory(number))

    assert _release(decision) == ("not in service", "UNALLOCATED_NUMBER", "rejected")
    assert (decision.number, decision.customer) == (number, Customer(id="acme"))


@pytest.mark.parametrize(
    "directory",
    [
        make_directory(make_number(suspended=True)),
        make_directory(customers=[Customer(id="acme", suspended=True)]),
        make_directory(
            customers=[
                Customer(id="acme", parent="holding"),
                Customer(id="holding", suspended=True),
            ]
        ),
    ],
)
def test_suspended(directory: Directory) -> None:
    """The number, its customer, or an account above."""
    assert _release(_decide(directory)) == ("suspended", "CALL_REJECTED", "rejected")


def test_withheld_callers_may_be_refused() -> None:
    """Only on numbers that say so, and only who withholds."""
    refusing = make_directory(make_number(refuses_withheld=True))
    withheld = make_caller(withheld=True)

    assert _release(_decide(refusing, caller=withheld)) == (
        "withheld refused",
        "CALL_REJECTED",
        "rejected",
    )
    assert _decide(refusing).rule == "default"
    assert _decide(make_directory(), caller=withheld).rule == "default"


def test_blocked() -> None:
    """The rule names the pattern, the cause is the entry's."""
    entry = BlacklistEntry(pattern="+4179*", cause="USER_BUSY")
    directory = make_directory(blacklist=[entry])
    decision = _decide(directory)

    assert _release(decision) == ("blacklist:+4179*", "USER_BUSY", "blocked")
    assert isinstance(decision, Release)
    assert decision.entry == entry
    assert _decide(directory, caller=make_caller(FIXED_LINE)).rule == "default"


def test_an_allowed_caller_goes_on() -> None:
    """An allowance is not a route: the rest of the decision follows."""
    entries = [
        BlacklistEntry(pattern="+4179*"),
        BlacklistEntry(pattern="+41795*", action="allow", scope=Scope("customer", "holding")),
    ]

    assert _decide(make_directory(customers=_FAMILY, blacklist=entries)).rule == "default"


@pytest.mark.parametrize(
    ("pattern", "rule"),
    [("+41795550001", "blacklist:withheld"), ("anonymous", "blacklist:anonymous")],
)
def test_the_rule_tells_nothing_of_a_withheld_number(pattern: str, rule: str) -> None:
    """The customer reads the rule; the operator has the entry."""
    directory = make_directory(blacklist=[BlacklistEntry(pattern=pattern)])
    decision = _decide(directory, caller=make_caller(withheld=True))

    assert decision.rule == rule
    assert isinstance(decision, Release)
    assert decision.entry is not None
    assert decision.entry.pattern == pattern


@pytest.mark.parametrize(
    ("scope", "calls", "rule"),
    [
        (Scope("number", NUMBER), 1, "default"),
        (Scope("number", NUMBER), 2, "limit"),
        (Scope("customer", "acme"), 2, "default"),
        (Scope("customer", "acme"), 3, "limit"),
        (Scope("customer", "holding"), 3, "default"),
        (Scope("customer", "holding"), 4, "limit"),
    ],
)
def test_limits_of_number_customer_and_the_accounts_above(
    scope: Scope, calls: int, rule: str
) -> None:
    """The call that would be one too many is refused."""
    directory = make_directory(
        make_number(max_calls=2),
        customers=[
            Customer(id="acme", parent="holding", max_calls=3),
            Customer(id="holding", max_calls=4),
        ],
    )
    decision = decide(
        directory,
        called=NUMBER,
        caller=make_caller(),
        at=MONDAY_NOON,
        in_progress=lambda asked: calls if asked == scope else 0,
    )

    assert decision.rule == rule


def test_a_call_counts_against_its_number_and_all_accounts_above() -> None:
    """Whoever takes over a running call counts it as the decision did."""
    directory = make_directory(customers=_FAMILY)
    decision = decide(directory, called=NUMBER, caller=make_caller(), at=MONDAY_NOON)

    assert isinstance(decision, Connect)
    assert scopes_of(directory, decision.number) == decision.scopes
    assert decision.scopes == (
        Scope("number", NUMBER),
        Scope("customer", "acme"),
        Scope("customer", "holding"),
    )


def test_without_calls_in_progress_any_limit_is_far() -> None:
    """Who does not tell them is taken to have none."""
    assert _decide(make_directory(make_number(max_calls=1))).rule == "default"


def test_a_full_number_is_busy() -> None:
    """Zero calls allowed is always full."""
    assert _release(_decide(make_directory(make_number(max_calls=0)))) == (
        "limit",
        "USER_BUSY",
        "busy",
    )


def test_the_week_decides_then_the_default_then_closed() -> None:
    """Inside a slot its route; outside the default; without one, closed."""
    number = make_number(week=_OFFICE_HOURS)
    closing = make_number(week=_OFFICE_HOURS, default_route=Timeline(None))

    assert _rule(number) == "weekly:mon-fri 08:00-18:00"
    assert _rule(number, MONDAY_NIGHT) == "default"
    assert _rule(closing, MONDAY_NIGHT) == "closed"


@pytest.mark.parametrize("message", [None, "closed-de"])
def test_closed(message: str | None) -> None:
    """Free of charge, with the number's message when it has one."""
    number = make_number(default_route=Timeline(None), closed_message=message)
    decision = _decide(make_directory(number))

    assert _release(decision) == ("closed", "NO_ROUTE_DESTINATION", "closed")
    assert isinstance(decision, Release)
    assert decision.message == message


def test_a_special_date_goes_before_the_week() -> None:
    """By the number's own calendar: its evening may be another day's in UTC."""
    number = make_number(
        week=_OFFICE_HOURS,
        zone=ZoneInfo("Pacific/Auckland"),
        special_dates=(
            SpecialDate(
                name="Inventar", first=date(2026, 1, 6), last=date(2026, 1, 6), route=None
            ),
        ),
    )

    assert _release(_decide(make_directory(number))) == (
        "special:2026-01-06 Inventar",
        "NO_ROUTE_DESTINATION",
        "closed",
    )
    assert _rule(number, MONDAY_NOON - 2 * _HOUR) == "default"


def test_public_holidays_close() -> None:
    """Each canton's own."""
    number = make_number(
        week=_OFFICE_HOURS, special_dates=(PublicHolidays(canton="ZH", route=None),)
    )
    easter_monday = MONDAY_NOON.replace(month=4, day=6)

    assert _rule(number, easter_monday) == "special:2026-04-06 Ostermontag"


def test_an_override_goes_before_everything() -> None:
    """It forces a route, or closes, for its time and no longer."""
    override = Override(from_at=MONDAY_NOON, until_at=MONDAY_NOON + _HOUR, route=None)
    number = make_number(
        week=_OFFICE_HOURS,
        special_dates=(
            SpecialDate(
                name="x", first=date(2026, 1, 5), last=date(2026, 1, 5), route="office"
            ),
        ),
        overrides=(override,),
    )

    assert _rule(number) == "override:2026-01-05 12:00/2026-01-05 13:00"
    assert _rule(number, MONDAY_NOON + _HOUR) == "special:2026-01-05 x"


def test_scheduled_changes_take_effect_at_their_instant() -> None:
    """Route, plan, presentation, tariff and level each from the first call at or after it."""
    night = make_route(make_step(make_target("+41215550102")), name="night")
    moved = make_route(make_step(make_target("+41215550103")))
    change = MONDAY_NOON
    number = make_number(
        routes={"office": Timeline(make_route(), ((change, moved),)), "night": Timeline(night)},
        default_route=Timeline("night", ((change, "office"),)),
        week=Timeline(
            WeekPlan(slots=(make_slot("tue", "08:00", "18:00"),)),
            ((change, make_week(("wed", "08:00", "18:00"))),),
        ),
        presentation=Timeline(Presentation.CALLER, ((change, Presentation.NUMBER),)),
        tariff=Timeline("old", ((change, "new"),)),
        level=Timeline(1, ((change, 7),)),
    )
    before, after = (
        _decide(make_directory(number), at=at)
        for at in (change - timedelta(microseconds=1), change)
    )

    assert isinstance(before, Connect)
    assert isinstance(after, Connect)
    assert (before.route, before.presentation, before.tariff, before.level) == (
        night,
        "caller",
        "old",
        1,
    )
    assert (after.route, after.presentation, after.tariff, after.level) == (
        moved,
        "number",
        "new",
        7,
    )
    assert _rule(number, MONDAY_NOON + 24 * _HOUR) == "default"
    assert _rule(number, MONDAY_NOON + 48 * _HOUR) == "weekly:wed 08:00-18:00"


# Everything at once, and what is taken away to see the next rule.
_CALLER = make_caller(withheld=True)
_TOWARDS_CONNECT = [
    ("not in service", {"active_until": None}),
    ("suspended", {"suspended": False}),
    ("withheld refused", {"refuses_withheld": False}),
    ("blacklist:withheld", {}),
    ("limit", {"max_calls": None}),
    ("override:2026-01-05 12:00/..", {"overrides": ()}),
    ("special:2026-01-05 x", {"special_dates": ()}),
    ("weekly:mon 08:00-18:00", {"week": Timeline(WeekPlan())}),
    ("default", {"default_route": Timeline(None)}),
    ("closed", {}),
]


def test_the_order_of_the_rules() -> None:
    """With every rule against a call, each shows only when all before it are gone."""
    state: dict[str, object] = {
        "active_until": MONDAY_NOON,
        "suspended": True,
        "refuses_withheld": True,
        "max_calls": 0,
        "overrides": (Override(from_at=MONDAY_NOON, until_at=None, route="office"),),
        "special_dates": (
            SpecialDate(
                name="x", first=date(2026, 1, 5), last=date(2026, 1, 5), route="office"
            ),
        ),
        "week": Timeline(make_week(("mon", "08:00", "18:00"))),
    }
    blacklist = [BlacklistEntry(pattern="+41*")]
    seen = []
    for rule, taken_away in _TOWARDS_CONNECT:
        directory = make_directory(make_number(**state), blacklist=blacklist)
        seen.append(_decide(directory, caller=_CALLER).rule)
        state |= taken_away
        if rule.startswith("blacklist"):
            blacklist = []

    assert seen == [rule for rule, _ in _TOWARDS_CONNECT]


def test_a_naive_instant_is_the_callers_own_mistake() -> None:
    """It is refused rather than taken as the machine's local time."""
    with pytest.raises(ValueError, match="no time zone"):
        _decide(make_directory(), at=MONDAY_NOON.replace(tzinfo=None))


def test_a_caller_without_a_number_is_served() -> None:
    """What the trunk told of the caller never makes the decision fail."""
    strange = Caller(raw="\x00${hostile}\n", number=None)

    assert _decide(make_directory(), caller=strange).rule == "default"


@pytest.mark.parametrize(
    ("caller", "at", "is_let_through"),
    [
        pytest.param(FIXED_LINE, -_HOUR, True, id="its tester, before"),
        pytest.param(FIXED_LINE, timedelta(), True, id="its tester, in service"),
        pytest.param("+41795550001", -_HOUR, False, id="anybody else, before"),
        pytest.param(None, -_HOUR, False, id="no number, before"),
        pytest.param("+41795550001", timedelta(), True, id="anybody else, in service"),
        pytest.param(FIXED_LINE, 2 * _HOUR, False, id="its tester, after it has left"),
    ],
)
def test_a_number_to_be_ported_in_is_tested_before(
    caller: str | None, at: timedelta, is_let_through: bool
) -> None:
    """Its test callers reach it before its instant, and nobody else does."""
    number = make_number(
        active_from=MONDAY_NOON,
        ported_out_at=MONDAY_NOON + _HOUR,
        test_callers=frozenset({FIXED_LINE}),
    )

    decision = _decide(make_directory(number), caller=make_caller(caller), at=MONDAY_NOON + at)

    assert isinstance(decision, Connect) == is_let_through
    assert number.is_test_call(make_caller(FIXED_LINE), MONDAY_NOON - _HOUR)
    assert not number.is_test_call(make_caller(FIXED_LINE), MONDAY_NOON)
