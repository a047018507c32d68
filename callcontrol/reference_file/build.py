"""Builds a Reference from entries: makes every part, checks that they fit, names every fault.

Used both ways. For a file, one fault is enough to refuse it all. For the rows of a running
system a faulty part is left out and the last good one of the same name stays; what only looks
wrong (a price above the law, which the meter clips; a tariff that has run out) is told, and
used.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from callcontrol.clock import us_of
from callcontrol.reference import Reference
from callcontrol.reference_file.fit import Around, customers_that_hold, number_fit, tariff_fit
from callcontrol.reference_file.model import NumberEntry, ReferenceFile
from callcontrol.reference_file.number_parts import make_number
from callcontrol.reference_file.parts import (
    Faults,
    make_blacklist_entry,
    make_customer,
    make_gateway,
    make_settlement,
    make_tariffs,
)
from dialplan import (
    E164,
    Blacklist,
    BlacklistEntry,
    Customer,
    Directory,
    Fault,
    Gateway,
    ServiceNumber,
    number_faults,
)
from tariffs import SWISS_LAW, Settlement, Tariff


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What became of the entries.

    Attributes:
        reference: every part that is whole, and the last good one of each that is not.
        faults: everything that is wrong, with paths such as `numbers.+41900123456.tariff`.
    """

    reference: Reference
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class _Made:
    """What was made of a number's entry; good while all it was made from stays the same."""

    entry: NumberEntry
    customer: Customer | None
    gateways: Mapping[str, Gateway]
    number: ServiceNumber | None
    settlement: Settlement | None
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What is in force for a number, and why not what was made of its entry."""

    made: _Made
    number: ServiceNumber | None
    settlement: Settlement | None
    faults: tuple[Fault, ...]


class ReferenceBuilder:
    """Builds references one after the other; each costs only what changed since the last.

    Args:
        prefixes: technical prefixes that may precede a called number.
    """

    def __init__(self, *, prefixes: tuple[str, ...] = ()) -> None:
        self._prefixes = prefixes
        self._outcomes: dict[E164, _Outcome] = {}
        self._sections: tuple[object, ...] = ()
        self._last = Reference()

    def build(self, file: ReferenceFile, *, at: datetime, revision: str = "") -> Built:
        """Build a reference.

        Args:
            file: all entries.
            at: the aware instant from which prices must be lawful and tariffs valid.
            revision: names what the entries were read from.
        """
        faults = Faults()
        around = Around(
            at=at,
            file=file,
            customers=self._customers(file, faults),
            gateways=self._gateways(file, faults),
            tariffs=self._tariffs(file, at, faults),
        )
        numbers, settlements = self._numbers(file, around, faults)
        directory = faults.attempt(
            "",
            lambda: Directory(
                gateways=around.gateways,
                customers=around.customers,
                numbers=numbers,
                blacklist=Blacklist(_blacklist(file, faults)),
                prefixes=self._prefixes,
            ),
        )
        if directory is None:  # a check of dialplan's that is none of ours: all stays as it was
            return Built(reference=self._last, faults=tuple(faults.found))
        self._last = Reference(
            directory=directory,
            tariffs=around.tariffs,
            settlements=settlements,
            revision=revision,
            loaded_at=at,
        )
        return Built(reference=self._last, faults=tuple(faults.found))

    def _gateways(self, file: ReferenceFile, faults: Faults) -> dict[str, Gateway]:
        last = self._last.directory.gateways
        made = {
            name: make_gateway(name, entry, faults) or last.get(name)
            for name, entry in file.gateways.items()
        }
        return {name: gateway for name, gateway in made.items() if gateway is not None}

    def _customers(self, file: ReferenceFile, faults: Faults) -> dict[str, Customer]:
        made = {id_: make_customer(id_, entry) for id_, entry in file.customers.items()}
        return customers_that_hold(made, self._last.directory.customers, faults)

    def _tariffs(
        self, file: ReferenceFile, at: datetime, faults: Faults
    ) -> dict[str, tuple[Tariff, ...]]:
        tariffs = {}
        for name, entries in file.tariffs.items():
            made = make_tariffs(name, entries, faults)
            for index, table in enumerate(made or ()):
                from_us = us_of(max(at, table.valid_from or at))
                for fault in SWISS_LAW.faults(table, from_us):
                    faults.add(f"tariffs.{name}.{index}.{fault.path}", fault.message)
            tables = made or self._last.tariffs.get(name)
            if tables is not None:
                tariffs[name] = tables
        return tariffs

    def _numbers(
        self, file: ReferenceFile, around: Around, faults: Faults
    ) -> tuple[dict[E164, ServiceNumber], dict[E164, Settlement]]:
        sections = (file.customers, file.gateways, file.tariffs)
        is_around_same = all(map(operator.is_, sections, self._sections)) and self._sections
        outcomes = {}
        for number, entry in file.numbers.items():
            outcome = self._outcomes.get(number)
            if not (is_around_same and outcome is not None and outcome.made.entry is entry):
                outcome = self._outcome(number, entry, around)
            outcomes[number] = outcome
            faults.found.extend(outcome.faults)
        self._outcomes, self._sections = outcomes, sections
        numbers = {n: one.number for n, one in outcomes.items() if one.number is not None}
        settlements = {
            n: one.settlement for n, one in outcomes.items() if one.settlement is not None
        }
        return numbers, settlements

    def _outcome(self, number: E164, entry: NumberEntry, around: Around) -> _Outcome:
        before = self._outcomes.get(number)
        made = self._made(number, entry, around, before.made if before else None)
        decisive = (*made.faults, *number_fit(number, entry, around))
        faults = Faults()
        for fault in (*decisive, *tariff_fit(made.number, around)):
            # A week's slots stand below `slots` in dialplan, below `week` in the file.
            path = fault.path.replace("week.slots.", "week.", 1)
            faults.add(f"numbers.{number}.{path}", fault.message)
        told = tuple(faults.found)
        if not decisive and around.holds(made.number):
            return _Outcome(made, made.number, made.settlement, told)
        if before is not None and around.holds(before.number):
            return _Outcome(made, before.number, before.settlement, told)
        return _Outcome(made, None, None, told)

    def _made(
        self, number: E164, entry: NumberEntry, around: Around, known: _Made | None
    ) -> _Made:
        customer = around.customers.get(entry.customer)
        if (
            known is not None
            and known.entry == entry
            and known.customer == customer
            and known.gateways == around.gateways
        ):
            return known
        faults = Faults()
        service_number = make_number(number, entry, faults)
        settlement = make_settlement(entry.settlement, faults) if entry.settlement else None
        if service_number is not None and customer is not None:
            trunks = around.gateways.values()
            faults.found.extend(number_faults(service_number, customer, trunks))
        return _Made(
            entry, customer, around.gateways, service_number, settlement, tuple(faults.found)
        )


def _blacklist(file: ReferenceFile, faults: Faults) -> Iterator[BlacklistEntry]:
    seen = set()
    for index, line in enumerate(file.blacklist):
        path = f"blacklist.{index}"
        if line.key in seen:
            faults.add(path, "says the same as a line before it")
        elif line.customer is not None and line.customer not in file.customers:
            faults.add(path, f"there is no customer {line.customer!r}")
        elif line.number is not None and line.number not in file.numbers:
            faults.add(path, f"there is no number {line.number!r}")
        elif (entry := make_blacklist_entry(path, line, faults)) is not None:
            yield entry
        seen.add(line.key)
