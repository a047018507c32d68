"""Builds a Reference from entries: makes every part, checks that they fit, names every fault.

Used both ways. For a file, one fault is enough to refuse it all. For the rows of a running
system a faulty part is left out and the last good one of the same name stays; what only looks
wrong (a price above the law, which the meter clips; a tariff that has run out) is told, and
used.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from pydantic import ValidationError

from callcontrol.clock import us_of
from callcontrol.reference import Reference
from callcontrol.reference_file.fit import Around, customers_that_hold, number_fit, tariff_fit
from callcontrol.reference_file.model import CustomerEntry, NumberEntry, ReferenceFile
from callcontrol.reference_file.number_parts import make_number
from callcontrol.reference_file.parts import (
    Faults,
    make_blacklist_entry,
    make_customer,
    make_gateway,
    make_operator,
    make_settlement,
    make_tariffs,
)
from callcontrol.reference_file.quick import quick_number
from callcontrol.reference_file.wording import faults_of
from dialplan import (
    E164,
    Blacklist,
    BlacklistEntry,
    Customer,
    Directory,
    Fault,
    Gateway,
    Operator,
    Operators,
    ServiceNumber,
    number_faults,
    shared_faults,
)
from tariffs import SWISS_LAW, Settlement, Tariff, category_faults

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What became of the entries.

    Attributes:
        reference: every part that is whole, and the last good one of each that is not.
        faults: everything that is wrong, with paths such as `numbers.+41900123456.tariff`.
    """

    reference: Reference
    faults: tuple[Fault, ...]


class ReferenceBuilder:
    """Builds references one after the other; each costs only what changed since the last.

    Args:
        prefixes: technical prefixes that may precede a called number.
    """

    def __init__(self, *, prefixes: tuple[str, ...] = ()) -> None:
        self.prefixes = prefixes
        self.last = Reference()
        self.faults: dict[E164, tuple[Fault, ...]] = {}
        self.around: Around | None = None
        self.part_faults: dict[str, tuple[Fault, ...]] = {}
        self.made_customers: dict[str, Customer] = {}
        self._file = ReferenceFile()

    def build(self, file: ReferenceFile, *, at: datetime, revision: str = "") -> Built:
        """Build a reference of entries.

        Args:
            file: all entries.
            at: the aware instant from which prices must be lawful and tariffs valid.
            revision: names what the entries were read from.
        """
        before, self._file = self._file, file
        is_around_same = self.around is not None and self.around.is_of(file)
        draft = Draft(self, file, at=at)
        for number, entry in file.numbers.items():
            if is_around_same and before.numbers.get(number) is entry:
                draft.keep(number)
            else:
                draft.enter(number, entry)
        blacklist = Blacklist(_blacklist(file, draft.faults))
        return draft.finish(blacklist, revision=revision)

    def draft(self, sections: ReferenceFile, *, at: datetime) -> Draft:
        """Begin the next reference; its numbers come one by one.

        Args:
            sections: the entries of gateways, operators, customers and tariffs.
            at: the aware instant from which prices must be lawful and tariffs valid.
        """
        return Draft(self, sections, at=at)


class Draft:
    """A reference that is being built; nothing of it counts before `finish`.

    Args:
        builder: knows the last one.
        file: the entries of gateways, operators, customers and tariffs.
        at: the aware instant from which prices must be lawful and tariffs valid.
    """

    def __init__(self, builder: ReferenceBuilder, file: ReferenceFile, *, at: datetime) -> None:
        self.faults = Faults()
        self._builder = builder
        self._last = builder.last
        self._numbers: dict[E164, ServiceNumber] = {}
        self._settlements: dict[E164, Settlement] = {}
        self._number_faults: dict[E164, tuple[Fault, ...]] = {}
        self._is_continued = False
        self._touched: set[E164] = set()
        self._priced: dict[tuple[str, int, str], bool] = {}
        self._part_faults: dict[str, tuple[Fault, ...]] = {}
        self._made_customers = builder.made_customers
        self._around = Around(
            at=at,
            file=file,
            customers=self._part("customers", lambda: self._customers(file), file),
            gateways=self._part("gateways", lambda: self._gateways(file), file),
            operators=self._part("operators", lambda: self._operators(file), file),
            tariffs=self._part("tariffs", lambda: self._tariffs(file, at), file),
        )

    def _part(
        self, name: str, make: Callable[[], Mapping[str, T]], file: ReferenceFile
    ) -> Mapping[str, T]:
        """Make what numbers refer to, or take it over when its entries are the last ones."""
        known = self._builder.around
        if known is not None and getattr(known.file, name) is getattr(file, name):
            self._part_faults[name] = self._builder.part_faults[name]
            part: Mapping[str, T] = getattr(known, name)
            return part
        made = make()
        self._part_faults[name] = tuple(self.faults.found)
        self.faults.found.clear()
        return made

    # Numbers

    def keep_all(self) -> None:
        """Take over all numbers as they are; those that changed are then to be told."""
        self._numbers = dict(self._last.directory.numbers)
        self._settlements = dict(self._last.settlements)
        self._number_faults = dict(self._builder.faults)
        self._is_continued = True

    def keep(self, number: E164) -> None:
        """Take over one number as it is."""
        if (known := self._last.directory.numbers.get(number)) is not None:
            self._numbers[number] = known
        if (terms := self._last.settlements.get(number)) is not None:
            self._settlements[number] = terms
        if faults := self._builder.faults.get(number):
            self._number_faults[number] = faults

    def drop(self, number: E164) -> None:
        """Leave a number out: it is not there any more."""
        self._numbers.pop(number, None)
        self._settlements.pop(number, None)
        self._number_faults.pop(number, None)

    def take(self, number: E164, raw: Mapping[str, Any]) -> None:
        """Make a number of its raw entry; what cannot be used leaves its last good one."""
        made, settlement = quick_number(number, raw)
        if made is not None and self._fits(made) and not _share_faults(made, settlement):
            self._put(number, made, settlement, ())
            return
        try:
            entry = NumberEntry.model_validate(raw)
        except ValidationError as exc:
            told = tuple(fault.under(f"numbers.{number}") for fault in faults_of(exc))
            self._put_last(number, told)
        else:
            self.enter(number, entry)

    def enter(self, number: E164, entry: NumberEntry) -> None:
        """Make a number of its entry; what cannot be used leaves its last good one."""
        around = self._around
        faults = Faults()
        made = make_number(number, entry, faults)
        settlement = make_settlement(entry.settlement, faults) if entry.settlement else None
        customer = around.customers.get(entry.customer)
        faults.found.extend(_share_faults(made, settlement))
        if made is not None and customer is not None:
            faults.found.extend(number_faults(made, customer, around.gateways.values()))
        decisive = (*faults.found, *number_fit(number, entry, around))
        told = []
        for fault in (*decisive, *tariff_fit(made, around)):
            # A week's slots stand below `slots` in dialplan, below `week` in the file.
            path = fault.path.replace("week.slots.", "week.", 1)
            told.append(Fault(path=f"numbers.{number}.{path}", message=fault.message))
        if not decisive and around.holds(made):
            self._put(number, made, settlement, tuple(told))
        else:
            self._put_last(number, tuple(told))

    def changed_around(self) -> tuple[set[str], set[str]]:
        """Name the customers and the tariffs that are not as they were."""
        directory, around = self._last.directory, self._around
        return (
            _changed(directory.customers, around.customers),
            _changed(self._last.tariffs, around.tariffs),
        )

    def doubtful(self, of_customers: Set[E164], of_tariffs: Set[E164]) -> set[E164]:
        """Name the numbers that must be taken anew, because of what changed around them.

        Args:
            of_customers: those whose rows name a customer that `changed_around` names.
            of_tariffs: those whose rows name a tariff that it names.
        """
        # One that was faulty may be good now, whatever it refers to.
        found = set(self._number_faults)
        # A SIP URI, too, may name any gateway.
        is_any = _changed(self._last.directory.gateways, self._around.gateways)
        for number in self._numbers if is_any else of_customers:
            one = self._numbers.get(number)
            if one is None or not self._fits(one):
                found.add(number)
        for number in set() if is_any else of_tariffs - of_customers:
            one = self._numbers.get(number)
            if one is None or not self._has_its_prices(one):
                found.add(number)
        return found

    def finish(self, blacklist: Blacklist, *, revision: str) -> Built:
        """Give the reference; it is from then on the last one."""
        around, builder = self._around, self._builder
        parts: dict[str, Any] = {
            "customers": around.customers,
            "gateways": around.gateways,
            "numbers": self._numbers,
            "blacklist": blacklist,
        }
        if self._is_continued:
            make = partial(self._last.directory.with_changes, changed=self._touched, **parts)
        else:
            make = partial(Directory, prefixes=builder.prefixes, **parts)
        directory = self.faults.attempt("", make)
        for told in self._number_faults.values():
            self.faults.found.extend(told)
        if directory is not None:
            builder.faults = self._number_faults
            builder.around, builder.part_faults = around, self._part_faults
            builder.made_customers = self._made_customers
            builder.last = Reference(
                directory=directory,
                operators=Operators(tuple(around.operators.values())),
                tariffs=around.tariffs,
                settlements=self._settlements,
                revision=revision,
                loaded_at=around.at,
            )
        # Else a check of dialplan's that is none of ours: all stays as it was.
        of_parts = (fault for told in self._part_faults.values() for fault in told)
        return Built(reference=builder.last, faults=(*of_parts, *self.faults.found))

    def _put(
        self,
        number: E164,
        made: ServiceNumber,
        settlement: Settlement | None,
        faults: tuple[Fault, ...],
    ) -> None:
        self.drop(number)
        self._touched.add(number)
        self._numbers[number] = made
        if settlement is not None:
            self._settlements[number] = settlement
        if faults:
            self._number_faults[number] = faults

    def _put_last(self, number: E164, faults: tuple[Fault, ...]) -> None:
        """Let the last good one stay, if all that it refers to is there."""
        before = self._last.directory.numbers.get(number)
        if self._around.holds(before):
            self._put(number, before, self._last.settlements.get(number), faults)
        else:
            self.drop(number)
            self._number_faults[number] = faults

    def _fits(self, made: ServiceNumber) -> bool:
        """Say whether nothing at all is wrong with how a number fits what it refers to."""
        around = self._around
        return self._has_its_prices(made) and not number_faults(
            made, around.customers[made.customer_id], around.gateways.values()
        )

    def _has_its_prices(self, made: ServiceNumber) -> bool:
        """Say whether all that a number refers to is there, and its tariff is for it.

        Most numbers share one of a few tariffs and levels, from always: judged once for all.
        """
        around = self._around
        if not around.holds(made):
            return False
        if made.tariff.changes or made.level.changes or made.level_week.slots:
            return _has_prices(made, around)
        key = made.tariff.initial, made.level.initial, made.category
        known = self._priced.get(key)
        if known is None:
            known = self._priced[key] = _has_prices(made, around)
        return known

    # What numbers refer to

    def _gateways(self, file: ReferenceFile) -> dict[str, Gateway]:
        last = self._last.directory.gateways
        made = {
            name: make_gateway(name, entry, self.faults) or last.get(name)
            for name, entry in file.gateways.items()
        }
        return {name: gateway for name, gateway in made.items() if gateway is not None}

    def _operators(self, file: ReferenceFile) -> dict[str, Operator]:
        last = {one.code: one for one in self._last.operators.all}
        made = {
            code: make_operator(code, entry, self.faults) or last.get(code)
            for code, entry in file.operators.items()
        }
        operators = {code: one for code, one in made.items() if one is not None}
        for fault in shared_faults(operators.values()):
            self.faults.add(f"operators.{fault.path}", fault.message)
        return operators

    def _customers(self, file: ReferenceFile) -> dict[str, Customer]:
        known, known_made = self._builder.around, self._builder.made_customers
        before: Mapping[str, CustomerEntry] = known.file.customers if known is not None else {}
        made = {
            id_: known_made[id_] if before.get(id_) is entry else make_customer(id_, entry)
            for id_, entry in file.customers.items()
        }
        self._made_customers = made
        if known is not None and not self._builder.part_faults["customers"]:
            changed = _changed(known_made, made)
            parents = [(known_made.get(id_), made.get(id_)) for id_ in changed]
            if all(old and new and old.parent == new.parent for old, new in parents):
                return made
        return customers_that_hold(made, self._last.directory.customers, self.faults)

    def _tariffs(self, file: ReferenceFile, at: datetime) -> dict[str, tuple[Tariff, ...]]:
        tariffs = {}
        for name, entries in file.tariffs.items():
            made = make_tariffs(name, entries, self.faults)
            for index, table in enumerate(made or ()):
                from_us = us_of(max(at, table.valid_from or at))
                for fault in SWISS_LAW.faults(table, from_us):
                    self.faults.add(f"tariffs.{name}.{index}.{fault.path}", fault.message)
            tables = made or self._last.tariffs.get(name)
            if tables is not None:
                tariffs[name] = tables
        return tariffs


def _has_prices(made: ServiceNumber, around: Around) -> bool:
    return all(
        table.category == made.category
        for name in made.tariff.values()
        for table in around.tariffs[name]
    ) and not any(tariff_fit(made, around))


def _share_faults(
    number: ServiceNumber | None, settlement: Settlement | None
) -> tuple[Fault, ...]:
    if number is None or settlement is None:
        return ()
    found = category_faults(settlement, number.category)
    return tuple(Fault(path=f"settlement.{one.path}", message=one.message) for one in found)


def _changed(before: Mapping[str, object], now: Mapping[str, object]) -> set[str]:
    if before is now:
        return set()
    get = before.get
    found = {
        name for name, value in now.items() if (old := get(name)) is not value and old != value
    }
    return found | (before.keys() - now.keys())


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
