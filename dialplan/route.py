"""decide(): service, suspension, withheld, blacklist, limits, then the route; always a rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from dialplan.blacklist import ANONYMOUS_PATTERN, Blacklist
from dialplan.causes import Disposition
from dialplan.decision import Connect, Decision, Release
from dialplan.directory import Customer, Directory
from dialplan.numbers import Caller, parse_number_or_none
from dialplan.scope import Scope
from dialplan.service_number import ServiceNumber
from dialplan.special_dates import override_at, special_on
from dialplan.week import wall_clock

NOT_IN_SERVICE = "not in service"
SUSPENDED = "suspended"
WITHHELD_REFUSED = "withheld refused"
LIMIT = "limit"
DEFAULT = "default"
CLOSED = "closed"

Accounts = tuple[Customer, ...]
"""A customer and the accounts above, nearest first."""


def none_in_progress(scope: Scope) -> int:
    """Count calls in progress where there are none."""
    return 0


def decide(
    directory: Directory,
    *,
    called: str,
    caller: Caller,
    at: datetime,
    in_progress: Callable[[Scope], int] = none_in_progress,
) -> Decision:
    """Decide what happens to a call.

    Args:
        directory: what is set up.
        called: the number dialled, in any form and of any content.
        caller: who calls.
        at: the aware instant of the call.
        in_progress: tells how many calls in progress count against a number or a customer,
            this one not included.

    Returns:
        Connect or Release. No content of `called` or `caller` makes it raise.

    Raises:
        ValueError, TypeError: `at` has no time zone.
    """
    dialled = parse_number_or_none(called, prefixes=directory.prefixes)
    number = directory.numbers.get(dialled) if dialled is not None else None
    if number is None:
        return _NOT_IN_SERVICE
    accounts = directory.account_chain(number.customer_id)
    decision = (
        _refused(number, accounts, caller, at)
        or _blocked(directory.blacklist, number, accounts, caller, at)
        or _full(number, accounts, in_progress)
        or _routed(number, accounts, at)
    )
    if isinstance(decision, Connect):
        return decision
    return replace(decision, number=number, customer=accounts[0])


_NOT_IN_SERVICE = Release(
    rule=NOT_IN_SERVICE, cause="UNALLOCATED_NUMBER", disposition=Disposition.REJECTED
)
_SUSPENDED = Release(rule=SUSPENDED, cause="CALL_REJECTED", disposition=Disposition.REJECTED)
_WITHHELD = Release(
    rule=WITHHELD_REFUSED, cause="CALL_REJECTED", disposition=Disposition.REJECTED
)
_FULL = Release(rule=LIMIT, cause="USER_BUSY", disposition=Disposition.BUSY)


def _refused(
    number: ServiceNumber, accounts: Accounts, caller: Caller, at: datetime
) -> Release | None:
    if not number.is_in_service(at) and not number.is_test_call(caller, at):
        return _NOT_IN_SERVICE
    if number.suspended or any(account.suspended for account in accounts):
        return _SUSPENDED
    return _WITHHELD if caller.withheld and number.refuses_withheld else None


def _blocked(
    blacklist: Blacklist,
    number: ServiceNumber,
    accounts: Accounts,
    caller: Caller,
    at: datetime,
) -> Release | None:
    entry = blacklist.match(
        caller,
        number=number.number,
        customers=[account.id for account in accounts],
        at=at,
    )
    if entry is None or entry.action == "allow":
        return None
    # The rule is read by the customer, who must not learn a digit of a withheld number.
    hides = caller.withheld and entry.pattern != ANONYMOUS_PATTERN
    return Release(
        rule=f"blacklist:{'withheld' if hides else entry.pattern}",
        cause=entry.cause,
        disposition=Disposition.BLOCKED,
        entry=entry,
    )


def _full(
    number: ServiceNumber, accounts: Accounts, in_progress: Callable[[Scope], int]
) -> Release | None:
    limits = (number.max_calls, *(account.max_calls for account in accounts))
    for scope, limit in zip(_scopes(number, accounts), limits, strict=True):
        if limit is not None and in_progress(scope) >= limit:
            return _FULL
    return None


def scopes_of(directory: Directory, number: ServiceNumber) -> tuple[Scope, ...]:
    """Give what a call to a number counts against: the number, its customer, those above."""
    return _scopes(number, directory.account_chain(number.customer_id))


def _scopes(number: ServiceNumber, accounts: Accounts) -> tuple[Scope, ...]:
    return (
        Scope("number", number.number),
        *(Scope("customer", account.id) for account in accounts),
    )


def _routed(number: ServiceNumber, accounts: Accounts, at: datetime) -> Connect | Release:
    rule, route_name = _route_at(number, at)
    if route_name is None:
        return Release(
            rule=rule,
            cause="NO_ROUTE_DESTINATION",
            disposition=Disposition.CLOSED,
            message=number.closed_message,
        )
    return Connect(
        rule=rule,
        number=number,
        customer=accounts[0],
        route=number.routes[route_name].at(at),
        presentation=number.presentation.at(at),
        tariff=number.tariff.at(at),
        level=number.level_at(at),
        scopes=_scopes(number, accounts),
    )


def _route_at(number: ServiceNumber, at: datetime) -> tuple[str, str | None]:
    """Give the rule that holds and the name of its route; None: closed."""
    override = override_at(number.overrides, at)
    if override is not None:
        return f"override:{override.text(number.zone)}", override.route
    special = special_on(number.special_dates, wall_clock(at, number.zone).date())
    if special is not None:
        route_name, text = special
        return f"special:{text}", route_name
    slot = number.week.at(at).slot_at(at, number.zone)
    if slot is not None:
        return f"weekly:{slot}", slot.route
    default = number.default_route.at(at)
    return (CLOSED if default is None else DEFAULT), default
