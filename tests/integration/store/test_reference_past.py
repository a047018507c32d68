"""callcontrol.store.reference_past: whatever was changed since, the past is as it was."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from callcontrol.errors import ConfigError
from callcontrol.reference_file import ReferenceFile, read_reference_file
from callcontrol.store import Connection, run
from callcontrol.store.reference_load import export_reference, load_reference
from callcontrol.store.reference_past import (
    export_reference_at,
    forget_history,
    read_built_at,
)
from dialplan import E164

AT = datetime(2026, 9, 1, tzinfo=UTC)
DEMO = Path(__file__).parents[3] / "fixtures" / "reference" / "demo.yaml"
NUMBER = E164("+41901123456")

# What a portal, a script or a person may do; each leaves a reference that can be loaded.
CHANGES = (
    "UPDATE numbers SET max_calls = {n} WHERE number = '+41901123456'",
    "UPDATE numbers SET number = '+4190188{n:04}' WHERE number = '+41901123456'",
    "DELETE FROM numbers WHERE number = '+41800000001'",
    "UPDATE number_levels SET level = 1 + {n} % 3 WHERE number = '+41901123456'",
    "UPDATE customers SET name = 'n{n}'",
    "INSERT INTO customers (id) VALUES ('c{n}') ON CONFLICT DO NOTHING",
    "UPDATE tariff_levels SET per_minute = 0.0{n}",
    "INSERT INTO blacklist (pattern, reason) SELECT '+4175' || i || '{n}*', 'x' FROM"
    " generate_series(1, 5) AS i ON CONFLICT DO NOTHING",
    "UPDATE blacklist SET reason = 'r{n}' WHERE number IS NULL",
    "DELETE FROM blacklist WHERE pattern LIKE '+4175%'",
    "UPDATE blacklist SET valid_until = '2090-01-01T00:00:00Z' WHERE action = 'allow'",
    "TRUNCATE overrides",
    "SET timezone = 'Asia/Tokyo'; UPDATE blacklist SET valid_from = '2027-01-0{n}'"
    " WHERE customer IS NOT NULL",
)


@pytest.fixture(autouse=True)
def _loaded(dsn: str) -> None:
    load_reference(dsn, read_reference_file(DEMO, at=AT)[0])


async def _change(connection: Connection, *statements: str) -> datetime:
    """Change something in one transaction, and give an instant right after it."""
    async with connection.transaction():
        for statement in statements:
            await connection.execute(statement)
    at: datetime = await connection.fetchval("SELECT clock_timestamp()")
    return at


@pytest.mark.parametrize("seed", range(4))
def test_every_instant_is_as_it_was(dsn: str, seed: int) -> None:
    """The past is read back equal to what was exported then, change by change."""
    chance = random.Random(seed)
    seen: list[tuple[datetime, ReferenceFile]] = []
    at = run(dsn, _change)
    for _ in range(8):
        seen.append((at, export_reference(dsn)))
        chosen = chance.choices(CHANGES, k=chance.randint(1, 3))
        at = run(dsn, _change, *(one.format(n=chance.randint(1, 9)) for one in chosen))
    load_reference(dsn, read_reference_file(DEMO, at=AT)[0])

    for then, file in seen:
        assert export_reference_at(dsn, at=then) == file


def test_calls_of_then_are_decided_as_then(dsn: str) -> None:
    """A built reference of the past has its numbers and its blacklist, and today's is as is."""
    before = run(dsn, _change)
    run(dsn, _change, "DELETE FROM numbers WHERE number = '+41901123456'", "TRUNCATE blacklist")

    built = read_built_at(dsn, at=before)
    now = read_built_at(dsn, at=run(dsn, _change))

    assert built.faults == ()
    assert NUMBER in built.reference.directory.numbers
    assert len(built.reference.directory.blacklist) > 0
    assert NUMBER not in now.reference.directory.numbers
    assert len(now.reference.directory.blacklist) == 0


def test_what_is_forgotten_cannot_be_told(dsn: str) -> None:
    """Older instants are refused; younger ones are told as before."""
    first = run(dsn, _change)
    run(dsn, _change, "UPDATE customers SET name = 'x'")
    second = run(dsn, _change)
    file = export_reference(dsn)
    run(dsn, _change, "UPDATE customers SET name = 'y'")

    assert run(dsn, forget_history, dsn, second) > 0

    assert export_reference_at(dsn, at=second) == file
    with pytest.raises(ConfigError, match="is not known: the history begins there"):
        export_reference_at(dsn, at=first)
    with pytest.raises(ConfigError, match="is not known"):
        export_reference_at(dsn, at=AT - timedelta(days=10_000))


def test_a_column_that_came_later_had_its_default(dsn: str) -> None:
    """Rows of the history are older than the table's newest columns."""
    at = run(dsn, _change)
    file = export_reference(dsn)
    run(dsn, _change, "DELETE FROM gateways WHERE name NOT IN (SELECT unnest(gateways)"
        " FROM route_targets)", "UPDATE customers SET suspended = true")  # fmt: skip
    run(dsn, _change, "ALTER TABLE reference_history DISABLE TRIGGER keep_whole",
        "UPDATE reference_history SET content = content - 'max_calls' - 'allowed_countries'"
        " WHERE in_table = 'customers'")  # fmt: skip

    then = export_reference_at(dsn, at=at)

    assert then.customers.keys() == file.customers.keys()
    assert not any(customer.suspended for customer in then.customers.values())
