"""What a customer may not enter: toll fraud and the numbers of others."""

from __future__ import annotations

import pytest

from dialplan import Customer, Timeline, number_faults, parse_target, target_faults
from tests.dialplan_builders import OFFICE, make_number, make_route, make_step, make_target

_ACME = Customer(id="acme", allowed_countries=frozenset({"CH", "LI"}))


@pytest.mark.parametrize("address", ["044 555 01 01", "+423 235 00 00", "sip:a@example.net"])
def test_targets_a_customer_may_enter(address: str) -> None:
    """Numbers of the allowed countries and SIP URIs."""
    assert target_faults(parse_target(address, gateways=("a",)), _ACME) == ()


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("0900 123 457", "+41900123457 is itself a service number"),
        ("0800 123 456", "+41800123456 is itself a service number"),
        ("0878 123 456", "+41878123456 is itself a service number"),
        ("+44 800 1111 111", "+448001111111 is itself a service number"),
        ("+491701234567", "+491701234567 lies in DE, which acme may not call"),
        ("+1 242 555 1234", "+12425551234 lies in BS, which acme may not call"),
        ("+882 16 123 4567", "+882161234567 lies in no country, which acme may not call"),
    ],
)
def test_targets_a_customer_may_not_enter(address: str, message: str) -> None:
    """Service numbers of any country, and countries that are not allowed."""
    (fault,) = target_faults(parse_target(address, gateways=("a",)), _ACME)

    assert (fault.path, fault.message) == ("address", message)


def test_the_faults_of_a_number_name_the_target() -> None:
    """The path leads through route and step to the target."""
    bad = make_route(
        make_step(make_target()), make_step(make_target(), make_target("+33123456789"))
    )
    number = make_number(routes={"office": Timeline(bad)}, fixed_number=OFFICE)
    faults = number_faults(number, _ACME)

    assert [str(fault) for fault in faults] == [
        f"fixed_number: acme has not proved to own {OFFICE}",
        "routes.office.steps.1.targets.1.address: "
        "+33123456789 lies in FR, which acme may not call",
    ]


def test_a_proved_number_may_be_shown() -> None:
    """The customer owns it."""
    proved = Customer(id="acme", proved_numbers=frozenset({OFFICE}))

    assert number_faults(make_number(fixed_number=OFFICE), proved) == ()
