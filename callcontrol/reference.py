"""Reference: the frozen snapshot of numbers and tariffs that calls decide with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from dialplan import E164, Directory, Operators
from tariffs import Settlement, Tariff


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Reference:
    """Everything configured, as of one moment. A call takes it once and keeps it to its end.

    Attributes:
        directory: numbers, customers, gateways and the blacklist.
        operators: the networks that callers belong to.
        tariffs: by name; the tables of one name are valid one after the other.
        settlements: the customer's terms, by number; a number without any is not settled.
        revision: names what was read; equal revisions hold equal contents.
        loaded_at: when it was built, aware UTC; none for one that was not read from Postgres.
    """

    directory: Directory = field(default_factory=Directory)
    operators: Operators = field(default_factory=Operators)
    tariffs: Mapping[str, tuple[Tariff, ...]] = field(default_factory=dict)
    settlements: Mapping[E164, Settlement] = field(default_factory=dict)
    revision: str = ""
    loaded_at: datetime | None = None

    def tariff_at(self, name: str, at: datetime) -> Tariff | None:
        """Give the table of a tariff that a call starting at an aware instant is charged by."""
        return next(
            (table for table in self.tariffs.get(name, ()) if table.is_valid_at(at)), None
        )

    def settlement_of(self, number: E164) -> Settlement | None:
        """Give the terms a call to a number is settled by, if any."""
        return self.settlements.get(number)
