"""Entries of the reference file to the values of dialplan and tariffs, each with every fault.

A maker here needs its own entry and nothing else; how the parts fit together is for `build.py`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from typing import TypeVar

from callcontrol.reference_file.model import (
    BlacklistLine,
    CustomerEntry,
    GatewayEntry,
    OperatorEntry,
    SettlementEntry,
    TariffEntry,
)
from dialplan import (
    PLATFORM,
    BlacklistEntry,
    Customer,
    DialplanError,
    Fault,
    Gateway,
    Operator,
    Scope,
)
from tariffs import (
    TARGET_KINDS,
    Announcement,
    FixedCharge,
    Invalid,
    Level,
    Rounding,
    Settlement,
    TargetKind,
    Tariff,
    Then,
)

T = TypeVar("T")


@dataclass(slots=True)
class Faults:
    """Faults found so far, each with its path from the file's root."""

    found: list[Fault] = field(default_factory=list)

    def add(self, path: str, message: str) -> None:
        """Note one fault."""
        self.found.append(Fault(path=path, message=message))

    def attempt(self, path: str, make: Callable[[], T]) -> T | None:
        """Make a value, or note why it cannot be made and give None."""
        try:
            return make()
        except (DialplanError, Invalid) as exc:
            for fault in exc.faults:
                whole = ".".join(part for part in (path, fault.path) if part)
                self.add(whole, fault.message)
        return None


def make_gateway(name: str, entry: GatewayEntry, faults: Faults) -> Gateway | None:
    """Make a gateway."""
    return faults.attempt(f"gateways.{name}", lambda: Gateway(name=name, **dict(entry)))


def make_operator(code: str, entry: OperatorEntry, faults: Faults) -> Operator | None:
    """Make an operator."""
    return faults.attempt(f"operators.{code}", lambda: Operator(code=code, **dict(entry)))


def make_customer(customer_id: str, entry: CustomerEntry) -> Customer:
    """Make a customer."""
    return Customer(id=customer_id, **dict(entry))


def make_tariffs(
    name: str, entries: Sequence[TariffEntry], faults: Faults
) -> tuple[Tariff, ...] | None:
    """Make the tables of one tariff, in their order; None when one of them is faulty."""
    path = f"tariffs.{name}"
    if not entries:
        faults.add(path, "has no table")
        return None
    made = [
        faults.attempt(f"{path}.{index}", partial(_tariff, name, entry))
        for index, entry in enumerate(entries)
    ]
    tables = [table for table in made if table is not None]
    if len(tables) < len(entries):
        return None
    for index, one in enumerate(tables):
        if any(_overlap(one, other) for other in tables[:index]):
            faults.add(f"{path}.{index}", "is valid at the same time as another table")
            return None
    return tuple(tables)


def make_settlement(entry: SettlementEntry, faults: Faults) -> Settlement | None:
    """Make the terms of settlement of a number."""
    given = entry.transport_per_minute
    prices: dict[TargetKind, Decimal] = {kind: getattr(given, kind) for kind in TARGET_KINDS}
    return faults.attempt(
        "settlement", lambda: Settlement(share=entry.share, transport_per_minute=prices)
    )


def make_blacklist_entry(
    path: str, entry: BlacklistLine, faults: Faults
) -> BlacklistEntry | None:
    """Make one line of the blacklist."""
    if entry.number is not None and entry.customer is not None:
        faults.add(path, "is for a number and for a customer; it can be for one of them")
        return None
    scope = PLATFORM
    if entry.number is not None:
        scope = Scope("number", entry.number)
    elif entry.customer is not None:
        scope = Scope("customer", entry.customer)
    terms = {name: item for name, item in entry if name not in ("number", "customer")}
    return faults.attempt(path, lambda: BlacklistEntry(scope=scope, **terms))


def _tariff(name: str, entry: TariffEntry) -> Tariff:
    fields = dict(entry) | {
        "levels": {
            number: Level(
                per_minute=level.per_minute,
                per_call=level.per_call,
                fixed=tuple(FixedCharge(**dict(charge)) for charge in level.fixed),
                then=Then(**dict(level.then)) if level.then else None,
            )
            for number, level in entry.levels.items()
        },
        "rounding": Rounding(**dict(entry.rounding)),
        "announcement": Announcement(**dict(entry.announcement)),
        "version": entry.version or version_of(entry),
    }
    return Tariff(name=name, **fields)


def version_of(entry: TariffEntry) -> str:
    """Name a table by its contents, so that a record says exactly which prices it used."""
    no_prices = {"version", "valid_from", "valid_until", "tariff_class"}
    contents = entry.model_dump(mode="json", exclude=no_prices)
    return hashlib.sha256(json.dumps(contents, sort_keys=True).encode()).hexdigest()[:12]


def _overlap(one: Tariff, other: Tariff) -> bool:
    return _begins_before_end(one, other) and _begins_before_end(other, one)


def _begins_before_end(one: Tariff, other: Tariff) -> bool:
    return (
        one.valid_from is None
        or other.valid_until is None
        or one.valid_from < other.valid_until
    )
