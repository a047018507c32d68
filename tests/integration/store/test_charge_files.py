"""Charge records: each call is in exactly one file, ever, and no number is missing or twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callcontrol.cdr import Cdr, CdrCharge
from callcontrol.cdr.charge_file import ChargeFile
from callcontrol.cdr.journal_file import PendingRecord
from callcontrol.errors import StoreRejected
from callcontrol.store import Connection, run
from callcontrol.store.cdr_table import insert_cdrs
from callcontrol.store.charge_files import (
    KeptFile,
    kept_file,
    make_charge_files,
    mark_written,
    unwritten,
)
from tests.cdr_builders import NOON_US, make_cdr, make_refused_cdr

DAY_US = 86_400_000_000
MONDAY = date(2026, 1, 5)  # the day of NOON_US


def make_call(index: int, *, day: int = 0, origin: str | None = "lake", **changed: Any) -> Cdr:
    """Make the record of a call to be billed by its operator, some days after Monday."""
    given: dict[str, Any] = {"tariff_class": "offline-b", "origin": origin} | changed
    given.setdefault("received_us", NOON_US + day * DAY_US + index * 1_000_000)
    return make_cdr(index, **given)


def pending(cdr: Cdr) -> PendingRecord:
    """Give a record as the journal does."""
    return PendingRecord(call_id=cdr.call_id, recorded_us=0, body=cdr.to_json())


def insert(dsn: str, *cdrs: Cdr) -> None:
    """Insert records as the shipper does."""
    run(dsn, insert_cdrs, [pending(cdr) for cdr in cdrs])


def make_files(dsn: str, day: date = MONDAY) -> list[ChargeFile]:
    """Make the files that are due and give those that were not there before."""
    before = {(file.operator, file.number) for file in every_file(dsn)}
    run(dsn, make_charge_files, dsn, day)
    return [file for file in every_file(dsn) if (file.operator, file.number) not in before]


def every_file(dsn: str) -> list[ChargeFile]:
    """Give all files there are, read back from their bytes."""
    kept: list[KeptFile] = run(dsn, unwritten)
    return [ChargeFile.from_bytes(file.content or b"") for file in kept]


def ids(file: ChargeFile) -> list[str]:
    """Give the calls in a file."""
    return [call[0] for call in file.calls]


def column(file: ChargeFile, place: int) -> list[str]:
    """Give one field of every call."""
    return [call[place] for call in file.calls]


def test_a_file_for_each_operator_and_day(dsn: str) -> None:
    """Days are Swiss days, operators that are not known share a file."""
    before_midnight = make_call(1, received_us=NOON_US + 10 * 3_600_000_000 + 1)
    after_midnight = make_call(2, received_us=NOON_US + 11 * 3_600_000_000)
    other = make_call(3, origin="alp")
    nobody = make_call(4, origin=None)
    insert(dsn, before_midnight, after_midnight, other, nobody)

    files = make_files(dsn, MONDAY + timedelta(days=1))

    assert [(f.operator, f.number, f.day, ids(f)) for f in files] == [
        ("alp", 1, MONDAY, [other.call_id]),
        ("lake", 1, MONDAY, [before_midnight.call_id]),
        ("lake", 2, MONDAY + timedelta(days=1), [after_midnight.call_id]),
        ("unknown", 1, MONDAY, [nobody.call_id]),
    ]


def test_only_what_is_to_be_billed_by_record(dsn: str) -> None:
    """Not what the operator rates itself, not what was refused, not what has no class."""
    sent = make_call(1, tariff_class="offline-a")
    insert(
        dsn,
        sent,
        make_call(2, tariff_class="online"),
        make_call(3, tariff_class=None),
        make_refused_cdr(4, tariff_class="offline-b", origin="lake"),
        make_call(5, day=1),
    )

    (file,) = make_files(dsn)

    assert ids(file) == [sent.call_id]
    assert make_files(dsn) == []


def test_a_late_record_goes_into_the_next_file(dsn: str) -> None:
    """The journal may ship a call days later, also one of a day without a file of its own."""
    insert(dsn, make_call(1), make_call(2, day=2))
    make_files(dsn, MONDAY + timedelta(days=2))
    late, later = make_call(3), make_call(4, day=1)
    insert(dsn, late, later, make_call(5, day=3), make_call(6, day=4))

    files = make_files(dsn, MONDAY + timedelta(days=4))

    assert [(f.number, f.day, len(f.calls)) for f in files] == [
        (3, MONDAY + timedelta(days=3), 3),
        (4, MONDAY + timedelta(days=4), 1),
    ]
    assert ids(files[0])[:2] == [late.call_id, later.call_id]


def test_a_late_record_of_the_last_day_has_a_file_of_its_own(dsn: str) -> None:
    """The day of the last file may be asked for once more."""
    insert(dsn, make_call(1))
    make_files(dsn)
    insert(dsn, make_call(2))

    assert [(f.number, f.day) for f in make_files(dsn)] == [(2, MONDAY)]


def test_amounts_of_two_currencies_are_not_added(dsn: str) -> None:
    """A file has one currency."""
    euro = CdrCharge(
        gross=Decimal("1.10"),
        net=Decimal("1.02"),
        vat=Decimal("0.08"),
        vat_rate=Decimal("0.081"),
        exact=Decimal("1.1"),  # type: ignore[arg-type]
        currency="EUR",
    )
    insert(dsn, make_call(1), make_call(2, charge=euro), make_call(3))

    files = make_files(dsn)

    assert [(f.number, f.currency, f.charged) for f in files] == [
        (1, "CHF", Decimal("12.00")),
        (2, "EUR", Decimal("1.10")),
    ]


def test_a_withheld_number_is_told_to_its_own_network_alone(dsn: str) -> None:
    """Whose trunk it came by knows it; the file of nobody in particular does not say it."""
    insert(
        dsn,
        make_call(1, caller_withheld=True),
        make_call(2, caller_withheld=True, origin=None),
        make_call(3, origin=None),
    )

    own, unknown = make_files(dsn)

    assert (column(own, 1), column(own, 2)) == (["+41795550001"], ["1"])
    assert (column(unknown, 1), column(unknown, 2)) == (["", "+41795550001"], ["1", "0"])


def test_a_file_is_kept_to_the_byte(dsn: str) -> None:
    """What is written again is what was written, whatever became of the records."""
    insert(dsn, make_call(1))
    make_files(dsn)
    (made,) = run(dsn, unwritten)
    run(dsn, mark_written, made)

    run(dsn, _execute, "DELETE FROM cdrs")

    assert run(dsn, unwritten) == []
    assert run(dsn, kept_file, dsn, "lake", 1) == made
    assert run(dsn, kept_file, dsn, "lake", 2) is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE cdrs SET charge_file = NULL",
        "INSERT INTO charge_files (operator, number, day, currency, records, charged, sha256)"
        " VALUES ('lake', 3, '2026-01-06', 'CHF', 1, 0, '')",
        "DELETE FROM charge_files",
        "UPDATE charge_files SET content = ''",
    ],
)
def test_the_schema_itself_refuses(dsn: str, statement: str) -> None:
    """A second file for a call, a gap, a file without its calls' file, other contents."""
    insert(dsn, make_call(1))
    make_files(dsn)

    with pytest.raises(StoreRejected):
        run(dsn, _execute, statement)


async def _execute(connection: Connection, statement: str) -> None:
    await connection.execute(statement)


class Killed(Exception):
    """The exporter dies."""


class Dying:
    """A connection whose program dies at one of its statements."""

    def __init__(self, connection: Connection, statements: int) -> None:
        self._connection = connection
        self._left = statements

    def __getattr__(self, name: str) -> Any:
        method: Callable[..., Any] = getattr(self._connection, name)
        if name not in ("execute", "fetch", "fetchval"):
            return method
        self._left -= 1
        if self._left < 0:
            raise Killed
        return method


CALLS = st.tuples(
    st.just("calls"),
    st.lists(
        st.tuples(st.integers(0, 6), st.sampled_from(["lake", "alp", None])),
        min_size=1,
        max_size=6,
    ),
)
EXPORTS = st.tuples(st.just("export"), st.lists(st.integers(0, 6), min_size=1, max_size=2))
DEATHS = st.tuples(st.just("death"), st.tuples(st.integers(0, 6), st.integers(0, 12)))


@given(steps=st.lists(CALLS | EXPORTS | DEATHS, max_size=8))
@settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_every_call_is_in_exactly_one_file(dsn: str, steps: list[Any]) -> None:
    """Whatever comes late, whoever exports at the same time, wherever an exporter dies."""
    made, files = asyncio.run(_live(dsn, steps))

    numbers: dict[str, list[int]] = {}
    for file in files:
        numbers.setdefault(file.operator, []).append(file.number)
        assert {made[call] for call in ids(file)} == {file.operator}
    assert Counter(call for file in files for call in ids(file)) == Counter(made.keys())
    assert all(of == list(range(1, len(of) + 1)) for of in numbers.values())
    for operator in numbers:
        days = [file.day for file in files if file.operator == operator]
        assert days == sorted(days)


async def _live(dsn: str, steps: list[Any]) -> tuple[dict[str, str], list[ChargeFile]]:
    """Go through the steps; gives the calls with their operators, and all files."""
    first, second = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    made: dict[str, str] = {}
    try:
        await first.execute("TRUNCATE cdrs, charge_files")
        for what, how in steps:
            if what == "calls":
                some = [
                    make_call(len(made) + at, day=day, origin=origin)
                    for at, (day, origin) in enumerate(how)
                ]
                made |= {cdr.call_id: cdr.origin or "unknown" for cdr in some}
                await insert_cdrs(first, [pending(cdr) for cdr in some])
            elif what == "export":
                exporters = zip((first, second), how, strict=False)
                await asyncio.gather(
                    *(
                        make_charge_files(one, dsn, MONDAY + timedelta(d))
                        for one, d in exporters
                    )
                )
            else:
                day, statements = how
                dying: Any = Dying(first, statements)
                try:
                    await make_charge_files(dying, dsn, MONDAY + timedelta(day))
                except Killed:
                    assert not first.is_in_transaction()
        await make_charge_files(first, dsn, datetime.now(UTC).date())
        kept = await unwritten(first)
    finally:
        await first.close()
        await second.close()
    return made, [ChargeFile.from_bytes(file.content or b"") for file in kept]
