"""What a customer may not enter: targets that are toll fraud, and numbers of somebody else.

Checked when a number is entered, not when a call arrives.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dialplan.directory import Customer
from dialplan.errors import Fault
from dialplan.gateway import Gateway
from dialplan.numbers import (
    E164,
    country_of,
    is_service_number,
    parse_number_or_none,
    short_number_kind,
)
from dialplan.service_number import ServiceNumber
from dialplan.target import Target, sip_parts


def number_faults(
    number: ServiceNumber, customer: Customer, gateways: Iterable[Gateway] = ()
) -> tuple[Fault, ...]:
    """Find everything of a number that its customer may not have.

    Args:
        number: as entered.
        customer: who rents it.
        gateways: ours, which no SIP URI of a customer may name.

    Returns:
        Each fault with its path from the number, such as `routes.office.steps.0.targets.1`.
    """
    trunks = tuple(gateways)
    return (*_fixed_faults(number, customer), *_route_faults(number, customer, trunks))


def target_faults(
    target: Target, customer: Customer, gateways: Iterable[Gateway] = ()
) -> tuple[Fault, ...]:
    """Find why a customer may not send calls to a target; empty when they may.

    Emergency and short numbers have no E.164 form, so no `Target` can hold one;
    `parse_target` refuses them by name. A SIP URI is no way round: a user that is a number
    is judged as that number, and our own trunks, which believe us, are not to be named.
    """
    if target.kind == "sip":
        messages = _uri_faults(target, customer, gateways)
    else:
        messages = _destination_faults(E164(target.address), customer)
    return tuple(Fault(path="address", message=message) for message in messages)


def _destination_faults(number: E164, customer: Customer) -> Iterator[str]:
    country = country_of(number)
    if is_service_number(number):
        yield f"{number} is itself a service number"
    elif country not in customer.allowed_countries:
        yield f"{number} lies in {country or 'no country'}, which {customer.id} may not call"


def _uri_faults(
    target: Target, customer: Customer, gateways: Iterable[Gateway]
) -> Iterator[str]:
    user, host, port = sip_parts(target)
    if any((host.lower(), port) == (trunk.host.lower(), trunk.port) for trunk in gateways):
        yield f"{host}:{port} is a gateway: name the number and the gateway instead"
    number = parse_number_or_none(user)
    if number is not None:
        yield from _destination_faults(number, customer)
    elif short_number_kind(user) == "emergency":
        yield f"{user} is an emergency number"


def _fixed_faults(number: ServiceNumber, customer: Customer) -> Iterator[Fault]:
    fixed = number.fixed_number
    if fixed is not None and fixed not in customer.proved_numbers:
        message = f"{customer.id} has not proved to own {fixed}"
        yield Fault(path="fixed_number", message=message)


def _route_faults(
    number: ServiceNumber, customer: Customer, gateways: tuple[Gateway, ...]
) -> Iterator[Fault]:
    for path, route in number.every_route():
        for step_index, step in enumerate(route.steps):
            for index, target in enumerate(step.targets):
                for fault in target_faults(target, customer, gateways):
                    yield fault.under(f"{path}.steps.{step_index}.targets.{index}")
