"""callcontrol.store.migrate and the schema: what the database itself refuses."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial

import pytest

from callcontrol.errors import ConfigError, StoreRejected, StoreUnavailable
from callcontrol.store import Connection, EmbeddedPostgres, run
from callcontrol.store.migrate import migrate
from callcontrol.store.reference_rows import read_reference_once
from callcontrol.store.schema import SCHEMA, check_schema


@pytest.fixture
def empty(postgres: EmbeddedPostgres) -> str:
    """Give the connection URI of an empty database."""
    run(postgres.dsn, _execute, "DROP DATABASE IF EXISTS empty WITH (FORCE)")
    run(postgres.dsn, _execute, "CREATE DATABASE empty")
    return postgres.dsn.replace("/postgres?", "/empty?")


def test_an_empty_database_gets_the_schema_and_keeps_it(empty: str) -> None:
    """Once makes everything, twice changes nothing."""
    assert migrate(empty) == (None, SCHEMA)
    assert migrate(empty) == (SCHEMA, SCHEMA)

    run(empty, check_schema, empty)


def test_two_at_once_do_not_hurt(empty: str) -> None:
    """Two operators who migrate at the same moment both get the schema."""
    with ThreadPoolExecutor(2) as both:
        results = list(both.map(migrate, (empty, empty)))

    assert {now for _, now in results} == {SCHEMA}


def test_a_database_without_schema_says_what_to_do(empty: str) -> None:
    """An engine, and every command, refuses it in one sentence."""
    with pytest.raises(ConfigError, match=r"is empty: run `callcontrol migrate`"):
        run(empty, check_schema, empty)


@pytest.mark.parametrize(
    ("version", "sentence"),
    [
        ("0000", f"has schema 0000, this version needs {SCHEMA}: run `callcontrol migrate`"),
        ("9999", f"has schema 9999, newer than this version knows \\({SCHEMA}\\)"),
    ],
)
def test_another_schema_is_refused(dsn: str, version: str, sentence: str) -> None:
    """Too old and too new are both told, with what to do."""
    run(dsn, _execute, f"UPDATE alembic_version SET version_num = '{version}'")

    with pytest.raises(ConfigError, match=sentence):
        run(dsn, check_schema, dsn)


def test_a_newer_schema_that_serves_this_code(dsn: str) -> None:
    """After an upgrade is rolled back engines run on it; what writes the reference does not."""
    run(dsn, _execute, "UPDATE alembic_version SET version_num = '9999'")

    run(dsn, partial(check_schema, may_be_newer=True), dsn)
    assert read_reference_once(dsn, at=datetime(2027, 1, 1, tzinfo=UTC)).revision
    with pytest.raises(ConfigError, match="newer than this version knows"):
        run(dsn, check_schema, dsn)


@pytest.mark.parametrize("said", ["'serves code from 9998'", "NULL"])
def test_a_newer_schema_that_does_not_serve_this_code(dsn: str, said: str) -> None:
    """It says so, or nothing."""
    run(dsn, _execute, "UPDATE alembic_version SET version_num = '9999'")
    run(dsn, _execute, f"COMMENT ON TABLE alembic_version IS {said}")

    with pytest.raises(ConfigError, match="newer than this version knows"):
        run(dsn, partial(check_schema, may_be_newer=True), dsn)


def test_a_newer_database_is_left_alone(dsn: str) -> None:
    """An old program does not migrate what it does not know."""
    run(dsn, _execute, "UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(ConfigError, match="newer than this version knows"):
        migrate(dsn)


@pytest.mark.parametrize(
    ("uri", "error", "sentence"),
    [
        ("postgresql://127.0.0.1:1/x", StoreUnavailable, "127.0.0.1:1 cannot be reached"),
        ("nonsense", ConfigError, "CALLCONTROL_DSN: not a connection URI"),
    ],
)
def test_a_database_that_cannot_be_had_is_named(
    uri: str, error: type[Exception], sentence: str
) -> None:
    """One sentence, without a password."""
    with pytest.raises(error, match=sentence):
        migrate(uri)


BASE = """
    INSERT INTO customers (id) VALUES ('acme');
    INSERT INTO tariffs (name) VALUES ('hotline');
    INSERT INTO numbers (number, category, customer) VALUES ('+41901123456', '0901', 'acme');
    INSERT INTO number_weeks (number) VALUES ('+41901123456');
"""
SLOT = "INSERT INTO week_slots (number, position, weekdays, starts, ends) VALUES"
TABLE = "INSERT INTO tariff_tables (tariff_id, category, valid_from, valid_until) SELECT id,"


@pytest.mark.parametrize(
    "statements",
    [
        pytest.param(
            f"{SLOT} ('+41901123456', 0, '{{0,4}}', '08:00', '18:00'),"
            " ('+41901123456', 1, '{4}', '17:59', '19:00')",
            id="slots overlap on Friday",
        ),
        pytest.param(
            f"{SLOT} ('+41901123456', 0, '{{6}}', '22:00', '06:00'),"
            " ('+41901123456', 1, '{0}', '05:00', '07:00')",
            id="Sunday night overlaps Monday morning",
        ),
        pytest.param(
            f"{SLOT} ('+41901123456', 0, '{{2}}', '00:00', '00:00'),"
            " ('+41901123456', 1, '{2}', '12:00', '12:01')",
            id="a whole day overlaps everything in it",
        ),
        pytest.param(f"{SLOT} ('+41901123456', 0, '{{7}}', '08:00', '09:00')", id="day 7"),
        pytest.param(
            f"{TABLE} '0901', NULL, '2027-01-01' FROM tariffs;"
            f"{TABLE} '0901', '2026-01-01', NULL FROM tariffs",
            id="tables of a tariff overlap",
        ),
        pytest.param("UPDATE numbers SET customer = 'nobody'", id="no such customer"),
        pytest.param("UPDATE numbers SET settlement_share = 0.5", id="half a settlement"),
        pytest.param("UPDATE numbers SET category = '0990'", id="no such category"),
        pytest.param("UPDATE numbers SET number = '0901123456'", id="not E.164"),
        pytest.param("DELETE FROM customers", id="a customer that still has numbers"),
        pytest.param(
            "INSERT INTO number_levels (number, level) VALUES ('+41901123456', 91)",
            id="level 91",
        ),
        pytest.param(
            "INSERT INTO blacklist (pattern) VALUES ('+41*'), ('+41*')", id="a line twice"
        ),
        pytest.param("INSERT INTO blacklist (pattern) VALUES ('0795550001')", id="a pattern"),
        pytest.param("UPDATE customers SET parent = 'acme'", id="its own parent"),
    ],
)
def test_the_database_refuses_what_cannot_be(dsn: str, statements: str) -> None:
    """Also rows written by hand are held to what a constraint can say."""
    run(dsn, _execute, BASE)

    with pytest.raises(StoreRejected):
        run(dsn, _execute, statements)


@pytest.mark.parametrize(
    "statements",
    [
        f"{SLOT} ('+41901123456', 0, '{{0,4}}', '08:00', '18:00'),"
        " ('+41901123456', 1, '{4}', '18:00', '19:00')",
        f"{SLOT} ('+41901123456', 0, '{{6}}', '22:00', '06:00'),"
        " ('+41901123456', 1, '{0}', '06:00', '07:00')",
        f"{TABLE} '0901', NULL, '2027-01-01' FROM tariffs;"
        f"{TABLE} '0901', '2027-01-01', NULL FROM tariffs",
        "UPDATE numbers SET number = '+41901999999'",
    ],
    ids=["slots that touch", "nights that touch", "tables that touch", "a number renamed"],
)
def test_the_database_takes_what_can_be(dsn: str, statements: str) -> None:
    """Neighbours are no overlap, and a number takes along what belongs to it."""
    run(dsn, _execute, BASE)

    run(dsn, _execute, statements)


async def _execute(connection: Connection, statements: str) -> None:
    await connection.execute(statements)
