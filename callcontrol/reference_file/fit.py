"""Whether the parts of a reference fit together: what refers to what, and is it there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeGuard

from callcontrol.reference_file.model import NumberEntry, ReferenceFile, RouteEntry
from callcontrol.reference_file.parts import Faults
from dialplan import E164, Customer, Fault, Gateway, Operator, ServiceNumber, category_of
from tariffs import Tariff


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """What a number refers to.

    Attributes:
        at: the aware instant from which on everything must fit.
        file: all entries, the faulty ones too: what is there but faulty has been told once,
            and need not be told again of every number that refers to it.
    """

    at: datetime
    file: ReferenceFile
    customers: Mapping[str, Customer]
    gateways: Mapping[str, Gateway]
    operators: Mapping[str, Operator]
    tariffs: Mapping[str, tuple[Tariff, ...]]

    def is_of(self, file: ReferenceFile) -> bool:
        """Say whether it was made of the very entries of a file."""
        return (
            self.file.customers is file.customers
            and self.file.gateways is file.gateways
            and self.file.tariffs is file.tariffs
        )

    def holds(self, number: ServiceNumber | None) -> TypeGuard[ServiceNumber]:
        """Say whether all that a number refers to is there."""
        return (
            number is not None
            and number.customer_id in self.customers
            and number.gateways <= self.gateways.keys()
            and all(name in self.tariffs for name in number.tariff.values())
        )

    def tariff_at(self, name: str, at: datetime) -> Tariff | None:
        """Give the table of a tariff that is valid at an instant."""
        tables = self.tariffs.get(name, ())
        return next((table for table in tables if table.is_valid_at(at)), None)


def customers_that_hold(
    made: dict[str, Customer], last: Mapping[str, Customer], faults: Faults
) -> dict[str, Customer]:
    """Keep the customers whose accounts above exist; of the others, the last good one."""
    kept = dict(made)
    while broken := {id_: why for id_ in kept if (why := _chain_fault(id_, kept))}:
        for id_, why in broken.items():
            faults.add(f"customers.{id_}.parent", why)
            before = last.get(id_)
            if before is None or kept[id_] is before:
                del kept[id_]
            else:
                kept[id_] = before
    return kept


def _chain_fault(customer_id: str, customers: Mapping[str, Customer]) -> str | None:
    seen = {customer_id}
    parent = customers[customer_id].parent
    while parent is not None:
        if parent not in customers:
            return f"there is no customer {parent!r}"
        if parent in seen:
            return "leads back to itself"
        seen.add(parent)
        parent = customers[parent].parent
    return None


def number_fit(number: E164, entry: NumberEntry, around: Around) -> Iterator[Fault]:
    """Find what a number refers to that no entry is of, or that is not for this number."""
    if entry.customer not in around.file.customers:
        yield _missing("customer", "customer", entry.customer)
    for path, tariff in (
        ("tariff", entry.tariff),
        *((f"scheduled.{i}.tariff", c.tariff) for i, c in enumerate(entry.scheduled)),
    ):
        if tariff is None:
            continue
        if tariff not in around.file.tariffs:
            yield _missing(path, "tariff", tariff)
        for table in around.tariffs.get(tariff, ()):
            # The limits of the law go by the tariff's category: a free number must not be
            # charged by the table of a premium one.
            if table.category != category_of(number):
                message = f"{tariff!r} is for {table.category}, not for this number"
                yield Fault(path=path, message=message)
    yield from _gateway_fit("routes", entry.routes, around)
    for index, change in enumerate(entry.scheduled):
        yield from _gateway_fit(f"scheduled.{index}.routes", change.routes, around)


def tariff_fit(number: ServiceNumber | None, around: Around) -> Iterator[Fault]:
    """Find the instants, from now on, at which a number's tariff or level is not there."""
    if number is None:
        return
    changes = (*number.tariff.changes, *number.level.changes)
    instants = {around.at, *(at for at, _ in changes if at > around.at)}
    for at in sorted(instants):
        name, level = number.tariff.at(at), number.level.at(at)
        if name not in around.tariffs:
            continue
        table = around.tariff_at(name, at)
        if table is None:
            message = f"{name!r} has no table that is valid at {at.isoformat()}"
            yield Fault(path="tariff", message=message)
        elif level not in table.levels:
            yield Fault(path="level", message=f"tariff {name!r} has no level {level}")
        else:
            yield from _week_fit(number, name, table)


def _week_fit(number: ServiceNumber, name: str, table: Tariff) -> Iterator[Fault]:
    for index, slot in enumerate(number.level_week.slots):
        if slot.level not in table.levels:
            message = f"tariff {name!r} has no level {slot.level}"
            yield Fault(path=f"level_week.{index}.level", message=message)


def _gateway_fit(
    path: str, routes: Mapping[str, RouteEntry], around: Around
) -> Iterator[Fault]:
    for name, route in routes.items():
        for step_index, step in enumerate(route.steps):
            for index, target in enumerate(step.targets):
                where = f"{path}.{name}.steps.{step_index}.targets.{index}.gateways"
                for gateway in target.gateways:
                    if gateway not in around.file.gateways:
                        yield _missing(where, "gateway", gateway)


def _missing(path: str, what: str, name: str) -> Fault:
    return Fault(path=path, message=f"there is no {what} {name!r}")
