"""Rehearsing a call to a number: each thing that is wrong is found, and told apart."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from callcontrol.reference import Reference
from callcontrol.rehearsal import rehearse
from callcontrol.routing import caller_from
from dialplan import PLATFORM, BlacklistEntry, Customer, Fault, Timeline
from tariffs import Level, Tariff
from tests.dialplan_builders import MONDAY_NOON, NUMBER, make_directory, make_number

_DAY = timedelta(days=1)
_NOT_IN_SERVICE = "not in service: release with UNALLOCATED_NUMBER (SIP 404)"
_SUSPENDED = "suspended: release with CALL_REJECTED (SIP 603)"


def _tariff(per_minute: str = "1.00", **changes: object) -> Tariff:
    levels = {1: Level(per_minute=Decimal(per_minute))}
    return Tariff(**{"name": "hotline", "category": "0900", "levels": levels} | changes)


def _reference(
    *blacklist: BlacklistEntry, tariff: Tariff | None = None, **changes: object
) -> Reference:
    return Reference(
        directory=make_directory(make_number(**changes), blacklist=blacklist),
        tariffs={"hotline": (tariff or _tariff(),)},
    )


def _found(reference: Reference, *faults: Fault, number: str = NUMBER) -> dict[str, str]:
    caller = caller_from("+41795550001", withheld=False)
    found = rehearse(reference, number, caller=caller, at=MONDAY_NOON, faults=faults)
    return {one.name: ("" if one.is_good else "NO ") + one.says for one in found}


def test_a_number_with_nothing_wrong() -> None:
    """Every line, in the order of a decision."""
    assert _found(_reference()) == {
        "entry": "without a fault",
        "service": "in service (always)",
        "customer": "acme",
        "tariff": "hotline, level 1",
        "price": "CHF 1.00 for a call of one minute",
        "caller": "default: route office, shown caller",
        "withheld": "default: route office, shown caller",
        "step 1": "+41215550101 by a (127.0.0.1:5060), 25 s",
    }


def test_closed_is_nothing_wrong() -> None:
    """Nor is a policy about withheld numbers."""
    found = _found(_reference(default_route=Timeline(None), refuses_withheld=True))

    assert found["caller"] == "closed: release with NO_ROUTE_DESTINATION (SIP 404)"
    assert found["withheld"].startswith("withheld refused: release with CALL_REJECTED")
    assert not any(says.startswith("NO ") for says in found.values())


@pytest.mark.parametrize(
    ("reference", "wrong"),
    [
        (
            _reference(active_from=MONDAY_NOON + _DAY),
            {
                "service": "not in service (in service from 2026-01-06 12:00:00)",
                "caller": _NOT_IN_SERVICE,
                "withheld": _NOT_IN_SERVICE,
            },
        ),
        (
            _reference(ported_out_at=MONDAY_NOON),
            {
                "service": "not in service (another operator's from 2026-01-05 12:00:00)",
                "caller": _NOT_IN_SERVICE,
                "withheld": _NOT_IN_SERVICE,
            },
        ),
        (
            _reference(suspended=True),
            {
                "customer": "the number: suspended",
                "caller": _SUSPENDED,
                "withheld": _SUSPENDED,
            },
        ),
        (
            _reference(BlacklistEntry(pattern="+4179*", scope=PLATFORM)),
            {"caller": "blacklist:+4179*: release with CALL_REJECTED (SIP 603)"},
        ),
        (_reference(level=Timeline(2)), {"tariff": "hotline: has no level 2"}),
        (
            _reference(tariff=_tariff("99.00")),
            {"tariff": "hotline: levels.1.per_minute: above CHF 10 (OST art. 39)"},
        ),
    ],
)
def test_what_is_wrong(reference: Reference, wrong: dict[str, str]) -> None:
    """Those lines say no, and no other."""
    found = _found(reference)

    told = {name: says[3:] for name, says in found.items() if says.startswith("NO ")}
    assert told == wrong


def test_a_tariff_that_has_run_out() -> None:
    """A call that could not be charged is refused."""
    found = _found(_reference(tariff=_tariff(valid_until=MONDAY_NOON)))

    assert found["tariff"] == "NO hotline: no table is in force"
    assert found["caller"].startswith("NO no tariff in force")
    assert "price" not in found


def test_a_target_that_the_customer_may_not_have() -> None:
    """The guards against fraud are looked at again."""
    reference = _reference()
    customer = Customer(id="acme", allowed_countries=frozenset({"LI"}))
    directory = replace(reference.directory, customers={"acme": customer})
    found = _found(replace(reference, directory=directory))

    assert found["step 1"] == "NO address: +41215550101 lies in CH, which acme may not call"


def test_an_entry_with_faults() -> None:
    """Only the faults of this number are told; the last good entry is what is in force."""
    mine = Fault(path=f"numbers.{NUMBER}.zone", message="is none")
    other = Fault(path=f"numbers.{NUMBER}0.zone", message="is none")

    assert _found(_reference(), mine, other)["entry"] == f"NO {mine}"


def test_a_number_that_is_not_there() -> None:
    """There is nothing more to look at."""
    assert _found(_reference(), number="+41900999999") == {
        "entry": "NO +41900999999 is not configured"
    }
