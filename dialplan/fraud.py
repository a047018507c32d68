"""What a customer may not enter: targets that are toll fraud, and numbers of somebody else.

Checked when a number is entered, not when a call arrives.
"""

from __future__ import annotations

from collections.abc import Iterator

from dialplan.directory import Customer
from dialplan.errors import Fault
from dialplan.numbers import E164, country_of, is_service_number
from dialplan.service_number import ServiceNumber
from dialplan.target import Target


def number_faults(number: ServiceNumber, customer: Customer) -> tuple[Fault, ...]:
    """Find everything of a number that its customer may not have.

    Args:
        number: as entered.
        customer: who rents it.

    Returns:
        Each fault with its path from the number, such as `routes.office.steps.0.targets.1`.
    """
    return (*_fixed_faults(number, customer), *_route_faults(number, customer))


def target_faults(target: Target, customer: Customer) -> tuple[Fault, ...]:
    """Find why a customer may not send calls to a target; empty when they may.

    Emergency and short numbers have no E.164 form, so no `Target` can hold one;
    `parse_target` refuses them by name.
    """
    if target.kind == "sip":
        return ()
    number = E164(target.address)
    if is_service_number(number):
        return (Fault(path="address", message=f"{number} is itself a service number"),)
    country = country_of(number)
    if country not in customer.allowed_countries:
        place = country or "no country"
        message = f"{number} lies in {place}, which {customer.id} may not call"
        return (Fault(path="address", message=message),)
    return ()


def _fixed_faults(number: ServiceNumber, customer: Customer) -> Iterator[Fault]:
    fixed = number.fixed_number
    if fixed is not None and fixed not in customer.proved_numbers:
        message = f"{customer.id} has not proved to own {fixed}"
        yield Fault(path="fixed_number", message=message)


def _route_faults(number: ServiceNumber, customer: Customer) -> Iterator[Fault]:
    for path, route in number.every_route():
        for step_index, step in enumerate(route.steps):
            for index, target in enumerate(step.targets):
                for fault in target_faults(target, customer):
                    yield fault.under(f"{path}.steps.{step_index}.targets.{index}")
