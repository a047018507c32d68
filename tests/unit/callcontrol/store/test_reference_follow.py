"""callcontrol.store.reference_follow: what was read anew takes the place of what was known."""

from __future__ import annotations

from callcontrol.reference_file.model import CustomerEntry, NumberEntry
from callcontrol.store.reference_follow import merged
from callcontrol.store.reference_read import Entries
from dialplan import E164, Fault

ONE, TWO = E164("+41901000001"), E164("+41901000002")


def make_entries() -> Entries:
    """Make what is known: a customer and two numbers."""
    entry = NumberEntry(customer="acme", tariff="hotline")
    return Entries(customers={"acme": CustomerEntry()}, numbers={ONE: entry, TWO: entry})


def test_what_was_not_read_stays() -> None:
    """Sections and numbers that nobody named are the same objects as before."""
    known = make_entries()
    changed = NumberEntry(customer="acme", tariff="other")

    now = merged(known, Entries(numbers={ONE: changed}), set(), {ONE})

    assert now.customers is known.customers
    assert now.numbers == {ONE: changed, TWO: known.numbers[TWO]}
    assert now.numbers[TWO] is known.numbers[TWO]


def test_a_number_that_is_not_there_any_more_goes() -> None:
    """It was named as changed, and there is no row of it."""
    assert merged(make_entries(), Entries(), set(), {ONE}).numbers.keys() == {TWO}


def test_a_section_that_was_read_whole_is_replaced() -> None:
    """What has no row any more goes, what is new comes."""
    now = merged(
        make_entries(), Entries(customers={"new": CustomerEntry()}), {"customers"}, set()
    )

    assert now.customers.keys() == {"new"}


def test_an_entry_that_lost_its_shape_keeps_the_one_it_had() -> None:
    """The row is faulty; the last good entry stays, and the fault is told."""
    fault = Fault(path=f"numbers.{ONE}.zone", message="'x' is not a time zone")
    fresh = Entries(faults=[fault], shapeless={"numbers": [ONE]})

    now = merged(make_entries(), fresh, set(), {ONE})

    assert now.numbers.keys() == {ONE, TWO}
    assert now.faults == [fault]


def test_a_fault_goes_when_its_row_is_read_anew() -> None:
    """Faults of what was not read stay."""
    known = make_entries()
    known.faults = [
        Fault(path=f"numbers.{ONE}.zone", message="x"),
        Fault(path=f"numbers.{TWO}.zone", message="x"),
        Fault(path="customers.acme.name", message="x"),
    ]
    fresh = Entries(numbers={ONE: known.numbers[TWO]}, customers=known.customers)

    now = merged(known, fresh, {"customers"}, {ONE})

    assert [fault.path for fault in now.faults] == [f"numbers.{TWO}.zone"]
