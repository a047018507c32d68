"""The directory: all numbers, customers, gateways and the blacklist, as one frozen whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from dialplan.blacklist import Blacklist
from dialplan.errors import Fault, InvalidDirectory
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

    Raises:
        InvalidDirectory: a part refers to one that is not there.
    """

    gateways: Mapping[str, Gateway] = field(default_factory=dict)
    customers: Mapping[str, Customer] = field(default_factory=dict)
    numbers: Mapping[E164, ServiceNumber] = field(default_factory=dict)
    blacklist: Blacklist = field(default_factory=Blacklist)
    prefixes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a directory in which a call would meet a dead reference."""
        faults = (
            *_customer_faults(self.customers),
            *_number_faults(self.numbers.values(), self.customers, self.gateways),
        )
        if faults:
            raise InvalidDirectory(*faults)

    def with_changes(
        self,
        *,
        gateways: Mapping[str, Gateway],
        customers: Mapping[str, Customer],
        numbers: Mapping[E164, ServiceNumber],
        changed: Iterable[E164],
        blacklist: Blacklist,
    ) -> Directory:
        """Give the same directory with other parts.

        Numbers that have not changed are checked only when a customer or a gateway has gone:
        of a hundred thousand mostly one has changed.

        Args:
            gateways: all of them.
            customers: all of them.
            numbers: all of them.
            changed: the numbers that are new, or not as they are here.
            blacklist: every entry of every scope.

        Raises:
            InvalidDirectory: a part refers to one that is not there.
        """
        is_all_there = (
            self.gateways.keys() <= gateways.keys()
            and self.customers.keys() <= customers.keys()
        )
        judged = [numbers[n] for n in changed if n in numbers] if is_all_there else None
        faults = [] if customers is self.customers else list(_customer_faults(customers))
        faults += _number_faults(
            numbers.values() if judged is None else judged, customers, gateways
        )
        if faults:
            raise InvalidDirectory(*faults)
        made = object.__new__(Directory)
        for name, value in (
            ("gateways", gateways),
            ("customers", customers),
            ("numbers", numbers),
            ("blacklist", blacklist),
            ("prefixes", self.prefixes),
        ):
            object.__setattr__(made, name, value)
        return made

    def account_chain(self, customer_id: str) -> tuple[Customer, ...]:
        """Give a customer and the accounts it belongs to, itself first."""
        chain = [self.customers[customer_id]]
        while chain[-1].parent is not None:
            chain.append(self.customers[chain[-1].parent])
        return tuple(chain)


def _customer_faults(customers: Mapping[str, Customer]) -> Iterator[Fault]:
    for customer in customers.values():
        seen = {customer.id}
        parent = customer.parent
        while parent is not None:
            path = f"customers.{customer.id}.parent"
            if parent not in customers:
                yield Fault(path=path, message=f"there is no customer {parent!r}")
                break
            if parent in seen:
                yield Fault(path=path, message="leads back to itself")
                break
            seen.add(parent)
            parent = customers[parent].parent


def _number_faults(
    numbers: Iterable[ServiceNumber],
    customers: Mapping[str, Customer],
    gateways: Mapping[str, Gateway],
) -> Iterator[Fault]:
    for number in numbers:
        if number.customer_id not in customers:
            message = f"there is no customer {number.customer_id!r}"
            yield Fault(path=f"numbers.{number.number}.customer_id", message=message)
        if not number.gateways <= gateways.keys():
            for name in sorted(number.gateways - gateways.keys()):
                message = f"there is no gateway {name!r}"
                yield Fault(path=f"numbers.{number.number}.routes", message=message)
