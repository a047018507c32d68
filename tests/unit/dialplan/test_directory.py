"""The directory refuses dead references and knows who belongs to whom."""

from __future__ import annotations

import pytest

from dialplan import Customer, Directory, InvalidDirectory, Timeline
from tests.dialplan_builders import (
    make_directory,
    make_number,
    make_route,
    make_step,
    make_target,
)


def test_the_accounts_above_a_customer() -> None:
    """A customer first, then each account it belongs to."""
    customers = (
        Customer(id="acme", parent="group"),
        Customer(id="group", parent="holding"),
        Customer(id="holding"),
    )
    chain = make_directory(customers=customers).account_chain("acme")

    assert [customer.id for customer in chain] == ["acme", "group", "holding"]


@pytest.mark.parametrize(
    ("customers", "fault"),
    [
        ([Customer(id="other")], "customer_id: there is no customer 'acme'"),
        (
            [Customer(id="acme", parent="x")],
            "customers.acme.parent: there is no customer 'x'",
        ),
        (
            [Customer(id="acme", parent="acme")],
            "customers.acme.parent: leads back to itself",
        ),
        (
            [
                Customer(id="acme", parent="b"),
                Customer(id="b", parent="c"),
                Customer(id="c", parent="b"),
            ],
            "customers.acme.parent: leads back to itself",
        ),
    ],
)
def test_dead_references_between_customers(customers: list[Customer], fault: str) -> None:
    """No number without a customer, no account above that is not there, no circle."""
    with pytest.raises(InvalidDirectory) as refusal:
        make_directory(customers=customers)

    assert fault in str(refusal.value)


def test_a_gateway_that_is_not_there() -> None:
    """A target cannot be dialled through it."""
    route = make_route(make_step(make_target("+41445550101", "a", "z")))

    with pytest.raises(InvalidDirectory, match="there is no gateway 'z'"):
        make_directory(make_number(routes={"office": Timeline(route)}))


def test_an_empty_directory_is_one() -> None:
    """An engine may start before anything is set up."""
    assert not Directory().numbers


def test_changed_parts_are_judged_like_new_ones() -> None:
    """A number whose customer is gone is refused, although the number has not changed."""
    directory = make_directory()

    with pytest.raises(InvalidDirectory):
        directory.with_changes(
            gateways=directory.gateways,
            customers={},
            numbers=directory.numbers,
            changed=(),
            blacklist=directory.blacklist,
        )
