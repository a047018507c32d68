"""callcontrol.store.reference_news: what was read anew takes the place of what was known."""

from __future__ import annotations

from callcontrol.reference_file.model import CustomerEntry, TariffEntry
from callcontrol.store.reference_news import merged
from callcontrol.store.reference_read import Entries
from dialplan import Fault


def make_entries() -> Entries:
    """Make what is known: a customer and a tariff without tables."""
    return Entries(customers={"acme": CustomerEntry()}, tariffs={"hotline": ()})


def test_what_was_not_read_stays() -> None:
    """Sections that nobody named are the same objects as before."""
    known = make_entries()
    tables = (TariffEntry(category="0900", levels={}),)

    now = merged(known, Entries(tariffs={"hotline": tables}), {"tariffs"})

    assert now.customers is known.customers
    assert now.tariffs == {"hotline": tables}


def test_a_section_that_was_read_is_replaced() -> None:
    """What has no row any more goes, what is new comes."""
    now = merged(make_entries(), Entries(customers={"new": CustomerEntry()}), {"customers"})

    assert now.customers.keys() == {"new"}


def test_an_entry_that_lost_its_shape_keeps_the_one_it_had() -> None:
    """The row is faulty; the last good entry stays, and the fault is told."""
    fault = Fault(path="customers.acme.name", message="has characters that are not allowed")
    fresh = Entries(faults=[fault], shapeless={"customers": ["acme"]})

    now = merged(make_entries(), fresh, {"customers"})

    assert now.customers.keys() == {"acme"}
    assert now.faults == [fault]


def test_a_fault_goes_when_its_section_is_read_anew() -> None:
    """Faults of what was not read stay."""
    known = make_entries()
    known.faults = [
        Fault(path="tariffs.hotline.0", message="x"),
        Fault(path="customers.acme.name", message="x"),
    ]

    now = merged(known, Entries(customers=known.customers), {"customers"})

    assert [fault.path for fault in now.faults] == ["tariffs.hotline.0"]
