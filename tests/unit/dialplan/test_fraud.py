"""What a customer may not enter: toll fraud and the numbers of others."""

from __future__ import annotations

import pytest

from dialplan import Customer, Gateway, Timeline, number_faults, parse_target, target_faults
from tests.dialplan_builders import OFFICE, make_number, make_route, make_step, make_target

_TRUNK = Gateway(name="a", host="trunk.example.net")
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


@pytest.mark.parametrize(
    "address",
    ["sip:pbx.example.net", "sip:100@pbx.example.net", "sip:+41445550101@pbx.example.net"],
)
def test_sip_uris_a_customer_may_enter(address: str) -> None:
    """Extensions of an exchange, and numbers that could be entered as such."""
    assert target_faults(parse_target(address), _ACME, [_TRUNK]) == ()


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("sip:0900123457@pbx.example.net", "+41900123457 is itself a service number"),
        ("sip:00491701234567@pbx.example.net", "+491701234567 lies in DE, which acme may"),
        ("sip:112@pbx.example.net", "112 is an emergency number"),
        ("sip:desk@TRUNK.example.net:5060", "TRUNK.example.net:5060 is a gateway: name the"),
        ("sip:desk@trunk.example.net", "trunk.example.net:5060 is a gateway: name the number"),
    ],
)
def test_a_sip_uri_is_no_way_round(address: str, message: str) -> None:
    """A number in its user is judged as a number, and our own trunks are not to be named."""
    (fault,) = target_faults(parse_target(address), _ACME, [_TRUNK])

    assert fault.path == "address"
    assert fault.message.startswith(message)


def test_another_port_or_scheme_of_a_trunks_host_is_another_place() -> None:
    """The host of a trunk may serve telephones too."""
    for address in ("sip:desk@trunk.example.net:5070", "sips:desk@trunk.example.net"):
        assert target_faults(parse_target(address), _ACME, [_TRUNK]) == ()


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
