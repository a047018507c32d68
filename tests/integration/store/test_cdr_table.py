"""callcontrol.store.cdr_table against a real Postgres."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import gevent
import pytest

from callcontrol.cdr import (
    CallId,
    Cdr,
    CdrAnnouncement,
    CdrAttempt,
    CdrChange,
    CdrCharge,
    CdrLine,
    CdrSegment,
    CdrSettlement,
    call_id_for,
)
from callcontrol.cdr.journal_file import PendingRecord
from callcontrol.clock import us_of
from callcontrol.errors import StoreRejected, StoreUnavailable
from callcontrol.store import Connection, Store
from callcontrol.store.cdr_table import CdrFilter, find_cdr, find_cdrs, insert_cdrs
from tests.cdr_builders import NOON_US, make_cdr, make_changed_cdr, make_refused_cdr

PATIENCE_S = 20.0


@pytest.fixture
def store(dsn: str) -> Iterator[Store]:
    """Give an open store."""
    opened = Store(dsn)
    opened.open()
    yield opened
    opened.close()


def insert(store: Store, *cdrs: Cdr) -> int:
    """Insert records as the shipper does."""
    records = [
        PendingRecord(call_id=cdr.call_id, recorded_us=0, body=cdr.to_json()) for cdr in cdrs
    ]
    return store.call(insert_cdrs, records, deadline_s=PATIENCE_S)


def found(store: Store, **wanted: Any) -> list[Cdr]:
    """Give records, newest first."""
    return store.call(find_cdrs, CdrFilter(**wanted), deadline_s=PATIENCE_S)


def value(store: Store, query: str, *arguments: object) -> Any:
    """Give what a query gives."""

    async def ask(connection: Connection) -> object:
        return await connection.fetchval(query, *arguments)

    return store.call(ask, deadline_s=PATIENCE_S)


def make_full_cdr() -> Cdr:
    """Make a record in which no field has its default."""
    answered_us = NOON_US + 4_000_001
    return make_cdr(
        caller_withheld=True,
        origin="lake-mobile",
        tariff_class="offline-b",
        caller_raw="Zoë <sip:anonymous@anonymous.invalid> \N{GRINNING FACE}\n",
        q850=16,
        attempts=(
            CdrAttempt(
                step=1,
                target="sip:anna@pbx.example",
                gateway="trunk-b",
                started_us=NOON_US + 1,
                ringing_us=NOON_US + 2,
                answered_us=answered_us,
                ended_us=answered_us + 9,
                cause="NORMAL_CLEARING",
                q850=16,
                sip_code=200,
                is_answered=True,
                leg_uuid="leg",
            ),
            CdrAttempt(step=2, target="+41445550101", started_us=NOON_US),
        ),
        segments=(
            CdrSegment(level=90, from_us=1, to_us=2, seconds=61, amount=Fraction(61, 60)),
        ),
        lines=(
            CdrLine(
                kind="time", level=90, amount=Fraction(61, 60), from_us=1, to_us=2, seconds=61
            ),
            CdrLine(kind="fixed", level=90, amount=Fraction("0.05"), at_us=3),
        ),
        changes=(
            CdrChange(level=2, asked_us=5, in_force_us=6, by="anna"),
            CdrChange(level=77, asked_us=7, by="destination", refused="no level 77"),
        ),
        announcements=(
            CdrAnnouncement(name="price", level=2, started_us=4, ended_us=5, consent_key="1"),
        ),
        charge=CdrCharge(
            gross=Decimal("26.80"),
            net=Decimal("24.79"),
            vat=Decimal("2.01"),
            vat_rate=Decimal("0.081"),
            exact=Fraction(80, 3),
            rounding=Fraction(2, 15),
            is_capped=True,
            currency="EUR",
        ),
        settlement=CdrSettlement(
            share=Fraction(1, 3),
            transport=Fraction("0.0000001"),
            payout=Fraction(-2, 7),
            kind="voip",
            currency="EUR",
        ),
        closed_how="recovered",
        flags=("clock_ran_backwards", "odd"),
    )


@pytest.mark.parametrize(
    "cdr", [make_full_cdr(), make_cdr(), make_refused_cdr(), make_changed_cdr()]
)
def test_a_record_comes_back_as_it_went(store: Store, cdr: Cdr) -> None:
    """Every field, exactly: amounts, microseconds, text."""
    insert(store, cdr)

    assert found(store) == [cdr]
    assert store.call(find_cdr, cdr.call_id, deadline_s=PATIENCE_S) == cdr


def test_no_field_of_the_full_record_has_its_default() -> None:
    """The test above would not notice a column that is missing for a field left out."""
    cdr = make_full_cdr()

    for field in dataclasses.fields(cdr):
        assert getattr(cdr, field.name) != field.default, field.name


def test_an_unknown_id_finds_nothing(store: Store) -> None:
    """A call that is not there, in a month that is not there."""
    insert(store, make_cdr())

    for call_id in (make_cdr(1).call_id, call_id_for("x", 0)):
        assert store.call(find_cdr, call_id, deadline_s=PATIENCE_S) is None
    with pytest.raises(ValueError, match="hexadecimal"):
        store.call(find_cdr, CallId("no id"), deadline_s=PATIENCE_S)


def test_a_record_is_there_once_however_often_it_is_sent(store: Store) -> None:
    """The same batch again, parts of it, the same record twice in a batch: one row each."""
    cdrs = [make_cdr(index) for index in range(10)]

    assert insert(store, *cdrs[:7]) == 7
    assert insert(store, *cdrs[:7]) == 0
    assert insert(store, *cdrs[5:], cdrs[9]) == 3

    assert found(store) == cdrs[::-1]


def test_the_first_record_of_a_call_stands(store: Store) -> None:
    """Two engines recorded the same call: whichever came first is the record."""
    insert(store, make_cdr(1))
    insert(store, make_cdr(1, engine="engine-2", closed_how="recovered"))

    assert found(store) == [make_cdr(1)]


def test_two_at_once_leave_one_of_each(store: Store) -> None:
    """Overlapping batches from several connections at the same time."""
    cdrs = [make_cdr(index) for index in range(300)]
    chance = random.Random(7)
    batches = [chance.sample(cdrs, 150) for _ in range(8)] + [cdrs]

    greenlets = [gevent.spawn(insert, store, *sorted_by_id(batch)) for batch in batches]
    gevent.joinall(greenlets, timeout=PATIENCE_S, raise_error=True)

    assert sum(greenlet.get() for greenlet in greenlets) == 300
    assert value(store, "SELECT count(*) FROM cdrs") == 300


def sorted_by_id(cdrs: list[Cdr]) -> list[Cdr]:
    """Put records in the order engines make them in."""
    return sorted(cdrs, key=lambda cdr: cdr.call_id)


def _us(*date: int) -> int:
    return us_of(datetime(*date, tzinfo=UTC))  # type: ignore[arg-type, misc]


def test_months_are_made_as_they_come(store: Store) -> None:
    """A batch across years makes each month's partition, and the one after the last."""
    cdrs = [
        make_cdr(received_us=us)
        for us in (
            _us(2019, 12, 31, 23, 59, 59, 999_999),
            _us(2020, 1, 1),
            _us(2020, 2, 29, 12),
            _us(1970, 1, 1, 0, 0, 0, 1),
            _us(2031, 12, 1),
        )
    ]

    assert insert(store, *cdrs) == 5

    assert set(found(store)) == set(cdrs)
    for month, count in (
        ("2019_12", 1),
        ("2020_01", 1),
        ("2020_02", 1),
        ("1970_01", 1),
        ("2031_12", 1),
        ("2032_01", 0),
    ):
        assert value(store, f"SELECT count(*) FROM cdrs_{month}") == count


def test_the_months_ahead_are_there_after_migrating(store: Store) -> None:
    """The first record of a new month finds its partition."""
    query = "SELECT to_regclass('cdrs_' || to_char(now() + $1::interval, 'YYYY_MM')) IS NULL"

    assert value(store, query.replace("$1", "'0'")) is False
    assert value(store, query.replace("$1", "'1 month'")) is False


def test_many_make_the_same_month_at_once(store: Store) -> None:
    """Engines that meet at midnight do not hinder each other."""
    greenlets = [
        gevent.spawn(insert, store, make_cdr(index, received_us=_us(2040, month, 1)))
        for index in range(4)
        for month in (1, 2, 3)
    ]
    gevent.joinall(greenlets, timeout=PATIENCE_S, raise_error=True)

    assert value(store, "SELECT count(*) FROM cdrs") == 12


def test_a_month_is_utcs_whatever_the_session(store: Store) -> None:
    """A connection with its own ideas of time zone and dates makes the same partitions."""

    async def odd(connection: Connection) -> object:
        await connection.execute("SET timezone = 'Asia/Tokyo'; SET datestyle = 'SQL, DMY'")
        await connection.execute("SELECT cdrs_month('2041-03-31 23:59:59Z')")
        return await connection.fetchval(
            "SELECT tableoid::regclass::text FROM cdrs WHERE received_at = '2041-03-01Z'"
        )

    store.call(odd, deadline_s=PATIENCE_S)

    assert insert(store, make_cdr(received_us=_us(2041, 3, 1))) == 1
    assert value(store, "SELECT count(*) FROM cdrs_2041_03") == 1
    assert value(store, "SELECT to_regclass('cdrs_2041_02')") is None


def test_an_engines_role_needs_few_rights(store: Store) -> None:
    """It may insert and call the function, and cannot create or change tables."""

    async def as_engine(connection: Connection) -> int:
        await connection.execute("SET ROLE few_rights")
        cdr = make_cdr(received_us=_us(2042, 7, 1))
        record = PendingRecord(call_id=cdr.call_id, recorded_us=0, body=cdr.to_json())
        try:
            return await insert_cdrs(connection, [record])
        finally:
            await connection.execute("RESET ROLE")

    for statement in (
        "DROP ROLE IF EXISTS few_rights",
        "CREATE ROLE few_rights",
        "GRANT SELECT, INSERT ON cdrs TO few_rights",
    ):
        value(store, statement)
    with pytest.raises(StoreUnavailable, match="does not allow"):
        store.call(as_engine, deadline_s=PATIENCE_S)

    value(store, "GRANT EXECUTE ON FUNCTION cdrs_month TO few_rights")
    assert store.call(as_engine, deadline_s=PATIENCE_S) == 1
    value(store, "DROP OWNED BY few_rights")
    value(store, "DROP ROLE few_rights")


def test_a_month_that_was_taken_out_stays_out(store: Store) -> None:
    """A late record of an archived month is refused, and does not undo the archiving."""
    insert(store, make_cdr())
    value(store, "ALTER TABLE cdrs DETACH PARTITION cdrs_2026_01")

    with pytest.raises(StoreRejected):
        insert(store, make_cdr(1))

    assert found(store) == []


def _charge(**changed: Any) -> CdrCharge:
    charge = make_cdr().charge
    assert charge is not None
    return dataclasses.replace(charge, **changed)


@pytest.mark.parametrize(
    ("changed", "constraint"),
    [
        ({"charge": _charge(gross=Decimal(-6))}, "gross_not_negative"),
        ({"charge": _charge(net=Decimal(-1), vat=Decimal(7))}, "net_not_negative"),
        ({"charge": _charge(net=Decimal(7), vat=Decimal(-1))}, "vat_not_negative"),
        ({"charge": _charge(net=Decimal("5.56"))}, "net_and_vat_are_gross"),
        ({"charge": _charge(exact=Fraction(-1, 3))}, "exact_not_negative"),
        ({"charge": _charge(vat_rate=Decimal("8.1"))}, "vat_rate_in_range"),
        ({"answered_us": None}, "charged_only_when_answered"),
        (
            {"segments": (dataclasses.replace(make_cdr().segments[0], amount=Fraction(-1)),)},
            "segments_not_negative",
        ),
        (
            {"lines": (dataclasses.replace(make_cdr().lines[0], seconds=-1),)},
            "lines_not_negative",
        ),
        ({"metered_us": -1}, "metered_not_negative"),
        ({"level_at_start": 91}, "level_in_range"),
        ({"q850": 602}, "q850_in_range"),
        ({"sip_code": 42}, "sip_code_in_range"),
        ({"disposition": "lost"}, "disposition_is_known"),
        ({"released_by": "nobody"}, "released_by_is_known"),
        ({"closed_how": "somehow"}, "closed_how_is_known"),
        ({"call_id": call_id_for("x", NOON_US + 1)}, "call_id_tells_received_at"),
        ({"hangup_cause": None}, "hangup_cause"),
        ({"flags": None}, "flags"),
        ({"attempts": None}, "attempts"),
        ({"metered_us": 1 << 63}, "SQLSTATE 22003"),
        ({"customer": "x" * 1_000_000}, "SQLSTATE 22001|SQLSTATE 54000"),
    ],
)
def test_what_cannot_be_true_is_refused(
    store: Store, changed: dict[str, Any], constraint: str
) -> None:
    """A record with impossible money or times never gets in, nor do those sent with it."""
    with pytest.raises(StoreRejected, match=constraint) as caught:
        insert(store, make_cdr(1), make_cdr(2, **changed))

    assert caught.value.sqlstate[:2] in {"22", "23", "54"}
    assert found(store) == []


@pytest.mark.parametrize("amount", ["NaN", "Infinity", "1e400", "", "six"])
def test_an_amount_that_is_no_number_is_refused(store: Store, amount: str) -> None:
    """Postgres knows numbers that money does not."""
    body = make_cdr().to_json()
    for name in ("gross", "net"):
        body = body.replace(f'"{name}":"{getattr(_charge(), name)}"', f'"{name}":"{amount}"')
    record = PendingRecord(call_id=make_cdr().call_id, recorded_us=0, body=body)

    with pytest.raises(StoreRejected):
        store.call(insert_cdrs, [record], deadline_s=PATIENCE_S)


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "7", "null", "{}", '{"call_id": 7}', "{}]; DROP TABLE cdrs; --"]
)
def test_what_is_no_record_is_refused(store: Store, body: str) -> None:
    """A damaged journal entry is the data's fault and nobody else's."""
    record = PendingRecord(call_id=make_cdr().call_id, recorded_us=0, body=body)

    with pytest.raises(StoreRejected):
        store.call(insert_cdrs, [record], deadline_s=PATIENCE_S)


@pytest.mark.parametrize("call_id", ["", "no id", str(call_id_for("x", (1 << 48) * 1000 - 1))])
def test_an_id_that_names_no_instant_is_refused(store: Store, call_id: str) -> None:
    """No id at all, or one of a year that no calendar here has."""
    record = PendingRecord(call_id=CallId(call_id), recorded_us=0, body=make_cdr().to_json())

    with pytest.raises(StoreRejected):
        store.call(insert_cdrs, [record], deadline_s=PATIENCE_S)


def test_text_that_is_no_text_is_kept_readable(store: Store) -> None:
    """A NUL or half a character neither stops the record nor vanishes without a word."""
    insert(store, make_cdr(caller_raw="a\0b\udcffc", rule="\\u0000"))

    (kept,) = found(store)
    assert kept.caller_raw == "a\ufffdb\ufffdc"
    assert kept.rule == "\\u0000"
    assert kept.flags == ("text_replaced",)


def test_every_microsecond_agrees_with_its_id(store: Store) -> None:
    """The constraint that ties a call's id to its instant never refuses a right one."""
    chance = random.Random(1)
    cdrs = [
        make_cdr(index, received_us=chance.randrange(NOON_US, NOON_US + 10**12))
        for index in range(500)
    ]

    assert insert(store, *cdrs) == 500


def test_newest_first_with_filters(store: Store) -> None:
    """Each filter alone and all together; the limit counts after them."""
    mine = make_cdr(3, customer="acme", number="+41901000001")
    cdrs = [
        make_refused_cdr(0, customer="acme"),
        make_cdr(1, customer="acme"),
        make_cdr(2, customer="other"),
        mine,
        make_cdr(4, customer=None, number=None),
    ]
    insert(store, *cdrs)
    at = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)

    assert found(store) == cdrs[::-1]
    assert found(store, limit=2) == [cdrs[4], cdrs[3]]
    assert found(store, customer="acme") == [cdrs[3], cdrs[1], cdrs[0]]
    assert found(store, number="+41901000001") == [mine]
    assert found(store, disposition="blocked") == [cdrs[0]]
    assert found(store, since=at.replace(second=3)) == [cdrs[4], cdrs[3]]
    assert found(store, until=at.replace(second=1)) == [cdrs[0]]
    assert found(
        store,
        customer="acme",
        number="+41901000001",
        disposition="answered",
        since=at.replace(second=3),
        until=at.replace(second=4),
        limit=1,
    ) == [mine]


def test_a_filter_is_a_value_and_never_sql(store: Store) -> None:
    """Whatever is typed is compared, not run."""
    insert(store, make_cdr())

    assert found(store, customer="' OR true --") == []
    assert found(store, number="'; DROP TABLE cdrs; --") == []
    assert len(found(store)) == 1


def test_customers_never_see_a_withheld_number(store: Store) -> None:
    """The view for customers has no column in which it could be."""
    hidden = "+41795550099"
    insert(
        store,
        make_cdr(0),
        make_cdr(1, caller=hidden, caller_raw=f"tel:{hidden}", caller_withheld=True),
        make_cdr(2, customer=None),
    )

    rows = value(store, "SELECT json_agg(to_json(c) ORDER BY received_at) FROM customer_cdrs c")

    assert hidden not in rows
    assert hidden[1:] not in rows
    query = "SELECT array_agg(caller ORDER BY received_at) FROM customer_cdrs"
    assert value(store, query) == ["+41795550001", None]


def test_the_customers_view_cannot_be_looked_behind(store: Store) -> None:
    """A function in somebody's WHERE is shown what the view shows, not the row underneath."""
    insert(store, make_cdr(caller="+41795550099", caller_withheld=True))
    value(
        store,
        """CREATE FUNCTION peek(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$
        BEGIN
            IF $1 IS NOT NULL THEN RAISE EXCEPTION 'saw %', $1; END IF;
            RETURN true;
        END $$""",
    )

    assert value(store, "SELECT count(*) FROM customer_cdrs WHERE peek(caller)") == 1


def test_a_customers_list_reads_an_index(store: Store) -> None:
    """Through the view as well: a customer's newest calls are read off, month by month."""
    insert(store, *(make_cdr(index, customer=f"c{index % 50}") for index in range(2000)))
    value(store, "ANALYZE cdrs")

    async def plan(connection: Connection) -> str:
        # So few rows are sorted faster; made dear, sorting is left out where it can be.
        await connection.execute("SET enable_sort = off")
        rows = await connection.fetch(
            "EXPLAIN SELECT * FROM customer_cdrs WHERE customer = 'c7'"
            " AND received_at >= '2026-01-05' ORDER BY received_at DESC LIMIT 20"
        )
        return "\n".join(row[0] for row in rows)

    text = store.call(plan, deadline_s=PATIENCE_S)
    assert "customer_received_at_idx" in text
    assert "Sort" not in text


def test_sums_are_made_of_exact_amounts(store: Store) -> None:
    """Three thirds of a centime, added by Postgres, are a centime to the twelfth decimal."""
    third = CdrSettlement(
        share=Fraction(1, 300), transport=Fraction(0), payout=Fraction(1, 300), kind="voip"
    )
    insert(store, *(make_cdr(index, settlement=third) for index in range(3)))

    total = value(store, "SELECT sum(payout) FROM cdrs")

    assert abs(total - Decimal("0.01")) < Decimal("1e-11")
    assert value(store, "SELECT sum(gross) FROM cdrs") == Decimal("18.00")
