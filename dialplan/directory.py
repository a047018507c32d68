"""The directory: all numbers, customers, gateways and the blacklist, as one frozen whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dialplan.blacklist import Blacklist
from dialplan.gateway import Gateway
from dialplan.numbers import E164
from dialplan.service_number import ServiceNumber


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """A business that rents numbers, or a sub-account of one.

    Attributes:
        id: how numbers, sub-accounts and blacklist entries refer to it.
        name: for people.
        parent: the id of the account it belongs to; None: it stands alone.
        suspended: every call of it and of its sub-accounts is refused.
        max_calls: calls in progress at most, sub-accounts included; None: no limit.
        allowed_countries: ISO 3166 codes of the countries its targets may lie in.
        proved_numbers: numbers it has proved to own, which `fixed` may show.
    """

    id: str
    name: str = ""
    parent: str | None = None
    suspended: bool = False
    max_calls: int | None = None
    allowed_countries: frozenset[str] = frozenset({"CH"})
    proved_numbers: frozenset[E164] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """Everything a decision is made from.

    Attributes:
        gateways: by name.
        customers: by id.
        numbers: by number.
        blacklist: every entry of every scope.
        prefixes: technical prefixes (routing, porting) that may precede a called number.
    """

    gateways: Mapping[str, Gateway] = field(default_factory=dict)
    customers: Mapping[str, Customer] = field(default_factory=dict)
    numbers: Mapping[E164, ServiceNumber] = field(default_factory=dict)
    blacklist: Blacklist = field(default_factory=Blacklist)
    prefixes: tuple[str, ...] = ()

    def account_chain(self, customer_id: str) -> tuple[Customer, ...]:
        """Give a customer and the accounts it belongs to, itself first."""
        chain: list[Customer] = []
        above: str | None = customer_id
        while above is not None:
            chain.append(self.customers[above])
            above = chain[-1].parent
        return tuple(chain)
