"""Rehearses the whole decision for a number at an instant, such as that of its porting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from callcontrol.clock import us_of
from callcontrol.reference import Reference
from callcontrol.routing import decide_from, rule_of
from dialplan import (
    E164,
    WITHHELD_REFUSED,
    Caller,
    Connect,
    Customer,
    Decision,
    Disposition,
    Fault,
    Gateway,
    ServiceNumber,
    Step,
    sip_code_of,
    target_faults,
    wall_clock,
)
from tariffs import SWISS_LAW, Meter, Tariff

# Why a caller who withholds the number may be refused where another is not.
_BY_POLICY = (WITHHELD_REFUSED, "blacklist:")

_MINUTE_US = 60_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: what it is.
        is_good: nothing about it is wrong.
        says: how it is, or what is wrong.
    """

    name: str
    is_good: bool
    says: str


def rehearse(
    reference: Reference,
    number: E164,
    *,
    caller: Caller,
    at: datetime,
    faults: Sequence[Fault] = (),
) -> Iterator[Finding]:
    """Look at everything that decides a call to a number.

    That it is closed at that instant is nothing wrong; that it is refused is.

    Args:
        reference: what is configured.
        number: called.
        caller: who calls, the number not withheld.
        at: the aware instant of the call.
        faults: what is wrong with the entries the reference was built of.
    """
    path = f"numbers.{number}"
    own = [str(fault) for fault in faults if f"{fault.path}.".startswith(f"{path}.")]
    known = reference.directory.numbers.get(number)
    if known is None:
        says = "; ".join(own) or f"{number} is not configured"
        yield Finding(name="entry", is_good=False, says=says)
        return
    yield Finding(name="entry", is_good=not own, says="; ".join(own) or "without a fault")
    accounts = reference.directory.account_chain(known.customer_id)
    yield _service(known, caller, at)
    yield _customer(known, accounts)
    yield from _price(reference, known, at)
    open_call, hidden_call = (
        decide_from(
            reference, called=number, caller=replace(caller, withheld=is_withheld), at=at
        )
        for is_withheld in (False, True)
    )
    yield Finding(name="caller", is_good=_is_reached(open_call), says=_outcome(open_call))
    is_meant = _is_reached(hidden_call) or hidden_call.rule.startswith(_BY_POLICY)
    yield Finding(name="withheld", is_good=is_meant, says=_outcome(hidden_call))
    if isinstance(open_call, Connect):
        gateways = reference.directory.gateways
        for place, step in enumerate(open_call.route.steps, start=1):
            bad = [
                str(fault)
                for target in step.targets
                for fault in target_faults(target, accounts[0], gateways.values())
            ]
            says = "; ".join(bad) or _step(step, gateways)
            yield Finding(name=f"step {place}", is_good=not bad, says=says)


def _service(number: ServiceNumber, caller: Caller, at: datetime) -> Finding:
    dates = (
        ("in service from", number.active_from),
        ("until", number.active_until),
        ("another operator's from", number.ported_out_at),
    )
    told = [
        f"{word} {wall_clock(date, number.zone).isoformat(' ', 'seconds')}"
        for word, date in dates
        if date is not None
    ]
    is_ours = number.is_in_service(at)
    state = "in service" if is_ours else "not in service"
    if is_test := number.is_test_call(caller, at):
        state += ", but this caller may test it"
    return Finding(
        name="service",
        is_good=is_ours or is_test,
        says=f"{state} ({', '.join(told) or 'always'})",
    )


def _customer(number: ServiceNumber, accounts: Sequence[Customer]) -> Finding:
    suspended = [account.id for account in accounts if account.suspended]
    if number.suspended:
        suspended.insert(0, "the number")
    chain = ", of ".join(account.id for account in accounts)
    says = f"{', '.join(suspended)}: suspended" if suspended else chain
    return Finding(name="customer", is_good=not suspended, says=says)


def _price(reference: Reference, number: ServiceNumber, at: datetime) -> Iterator[Finding]:
    name, level = number.tariff.at(at), number.level.at(at)
    table = reference.tariff_at(name, at)
    wrong = _tariff_faults(table, level, us_of(at))
    version = f", version {table.version}" if table is not None and table.version else ""
    says = "; ".join(f"{name}: {one}" for one in wrong) or f"{name}{version}, level {level}"
    yield Finding(name="tariff", is_good=not wrong, says=says)
    if table is not None and level in table.levels:
        start_us = us_of(at)
        rated = Meter(table, level=level, start_us=start_us).stop(start_us + _MINUTE_US)
        says = f"{rated.currency} {rated.charge} for a call of one minute"
        yield Finding(name="price", is_good=True, says=says)


def _tariff_faults(table: Tariff | None, level: int, at_us: int) -> list[str]:
    if table is None:
        return ["no table is in force"]
    if level not in table.levels:
        return [f"has no level {level}"]
    return [str(fault) for fault in SWISS_LAW.faults(table, at_us)]


def _is_reached(decision: Decision) -> bool:
    return isinstance(decision, Connect) or decision.disposition is Disposition.CLOSED


def _outcome(decision: Decision) -> str:
    if isinstance(decision, Connect):
        shown = decision.presentation.value
        return f"{rule_of(decision)}: route {decision.route.name}, shown {shown}"
    release = f"release with {decision.cause} (SIP {sip_code_of(decision.cause)})"
    after = f" after the message {decision.message}" if decision.message else ""
    return f"{rule_of(decision)}: {release}{after}"


def _step(step: Step, gateways: Mapping[str, Gateway]) -> str:
    targets = []
    for target in step.targets:
        by = " or ".join(
            f"{name} ({gateways[name].host}:{gateways[name].port})" for name in target.gateways
        )
        targets.append(f"{target.address} by {by}" if by else target.address)
    return f"{', '.join(targets)}, {step.ring_s} s"
