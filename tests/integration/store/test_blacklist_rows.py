"""callcontrol.store.blacklist_rows: a change is read alone, with the same outcome."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from callcontrol.store import Connection, run
from callcontrol.store.blacklist_rows import (
    BlacklistRows,
    Place,
    place_told,
    read_blacklist_rows,
)
from dialplan import E164, PLATFORM, Caller, Scope

AT = datetime(2026, 9, 1, tzinfo=UTC)
NUMBER = E164("+41900123456")
CALLER = Caller(raw="x", number=E164("+41795550001"))
OF_NUMBER, OF_CUSTOMER = Scope("number", NUMBER), Scope("customer", "acme")

ROWS = """
    SET session_replication_role = replica;
    INSERT INTO blacklist (pattern, number, customer, action, valid_from, cause, reason) VALUES
        ('+4179*', NULL, NULL, 'block', NULL, 'CALL_REJECTED', 'platform'),
        ('+41795550001', NULL, 'acme', 'block', '2026-01-01', 'USER_BUSY', 'later'),
        ('+41795550001', NULL, 'acme', 'block', NULL, 'CALL_REJECTED', 'always'),
        ('+41795550001', '+41900123456', NULL, 'allow', NULL, 'CALL_REJECTED', ''),
        ('anonymous', NULL, NULL, 'block', NULL, 'NO_SUCH_CAUSE', '')
"""
# One that a person wrote with a zero too many, and a faulty one where there is a good one.
ODD_ROWS = """
    INSERT INTO blacklist (pattern, action, cause, reason) VALUES
        ('+410795550002', 'block', 'CALL_REJECTED', 'a zero too many'),
        ('+41795550002', 'allow', 'CALL_REJECTED', 'good'),
        ('+41795550003', 'block', 'NO_SUCH_CAUSE', ''),
        ('+41795550003', 'allow', 'CALL_REJECTED', 'good')
"""


def decides(rows: BlacklistRows, customer: str = "acme", number: E164 = NUMBER) -> str | None:
    """Say which reason, or action, decides about the caller."""
    entry = rows.blacklist.match(CALLER, number=number, customers=(customer,), at=AT)
    return (entry.reason or entry.action) if entry is not None else None


async def _whole(connection: Connection) -> BlacklistRows:
    await connection.execute(ROWS)
    async with connection.transaction():
        return await read_blacklist_rows(connection, BlacklistRows())


async def _after(
    connection: Connection, statement: str, places: frozenset[Place]
) -> tuple[BlacklistRows, BlacklistRows, BlacklistRows]:
    before = await _whole(connection)
    await connection.execute(statement)
    async with connection.transaction():
        changed = await read_blacklist_rows(connection, before, places)
        return before, changed, await read_blacklist_rows(connection, BlacklistRows())


def test_all_rows_are_read_and_a_faulty_one_is_told(dsn: str) -> None:
    """Of two that differ in when they begin the earlier one decides; a fault names the id."""
    rows = run(dsn, _whole)

    assert len(rows.blacklist) == 4
    assert decides(rows) == "allow"
    assert decides(rows, number=E164("+41900000000")) == "always"
    assert decides(rows, customer="other", number=E164("+41900000000")) == "platform"
    [(place, faults)] = rows.faults.items()
    assert place == Place("anonymous", PLATFORM)
    assert [str(fault) for fault in faults] == [
        "blacklist.5.cause: 'NO_SUCH_CAUSE' is not a hangup cause"
    ]


@pytest.mark.parametrize(
    ("statement", "place"),
    [
        ("DELETE FROM blacklist WHERE action = 'allow'", Place("+41795550001", OF_NUMBER)),
        (
            "UPDATE blacklist SET reason = 'changed' WHERE customer = 'acme'",
            Place("+41795550001", OF_CUSTOMER),
        ),
        (
            "UPDATE blacklist SET cause = 'USER_BUSY' WHERE pattern = 'anonymous'",
            Place("anonymous", PLATFORM),
        ),
        ("INSERT INTO blacklist (pattern) VALUES ('+41795*')", Place("+41795*", PLATFORM)),
        ("DELETE FROM blacklist WHERE pattern = '+4179*'", Place("+4179*", PLATFORM)),
    ],
)
def test_a_change_is_read_alone(dsn: str, statement: str, place: Place) -> None:
    """It then says what reading everything anew says; the blacklist before stays as it was."""
    before, changed, whole = run(dsn, _after, statement, frozenset({place}))

    for customer in ("acme", "other"):
        for number in (NUMBER, E164("+41900000000")):
            assert decides(changed, customer, number) == decides(whole, customer, number)
    assert len(changed.blacklist) == len(whole.blacklist)
    assert changed.faults == whole.faults
    assert decides(before) == "allow"


def test_what_is_told_names_pattern_and_scope() -> None:
    """Anything else is not about one pattern."""
    assert place_told("blacklist +4179*") == Place("+4179*", PLATFORM)
    assert place_told(f"blacklist anonymous number {NUMBER}") == Place("anonymous", OF_NUMBER)
    assert place_told("blacklist +41* customer acme") == Place("+41*", OF_CUSTOMER)
    assert place_told("blacklist") is None
    assert place_told("numbers +41900123456") is None


async def _odd(connection: Connection) -> BlacklistRows:
    await connection.execute(ROWS + ";" + ODD_ROWS)
    async with connection.transaction():
        return await read_blacklist_rows(connection, BlacklistRows())


def test_odd_rows_stand_beside_good_ones(dsn: str) -> None:
    """Each that can be used is there once, and each that cannot is told once."""
    rows = run(dsn, _odd)

    found = {
        number: rows.blacklist.match(
            Caller(raw=number, number=E164(number)), number=NUMBER, customers=(), at=AT
        )
        for number in ("+41795550002", "+41795550003")
    }
    assert len(rows.blacklist) == 7
    assert {entry.reason for entry in found.values() if entry is not None} == {"good"}
    assert sum(len(told) for told in rows.faults.values()) == 2


async def _many(connection: Connection) -> int:
    await connection.execute(
        "INSERT INTO blacklist (pattern, reason, valid_until)"
        " SELECT '+4179' || lpad(i::text, 7, '0'), repeat('r', i % 3), '2090-01-01'"
        " FROM generate_series(1, 60000) AS i; DELETE FROM blacklist WHERE id % 7 = 0"
    )
    async with connection.transaction():
        rows = await read_blacklist_rows(connection, BlacklistRows())
    return len(rows.blacklist) - await connection.fetchval("SELECT count(*) FROM blacklist")


def test_every_page_is_read(dsn: str) -> None:
    """Of many more rows than are read at a time, none is missed and none is there twice."""
    assert run(dsn, _many) == 0
