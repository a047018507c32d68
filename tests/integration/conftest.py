"""A real Postgres for the tests that need one: started once, a fresh database for each test."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from callcontrol.store import Connection, EmbeddedPostgres, run
from callcontrol.store.migrate import migrate

_names = count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """Start a server with a migrated database `template` that others are copied from."""
    with EmbeddedPostgres() as server:
        run(server.dsn, _execute, "CREATE DATABASE template")
        migrate(server.dsn.replace("/postgres?", "/template?"))
        yield server


@pytest.fixture
def dsn(postgres: EmbeddedPostgres) -> Iterator[str]:
    """Give the connection URI of a migrated database that is this test's alone; 0.05 s."""
    name = f"test_{next(_names)}"
    # Copying the files is the faster strategy by far for a small database.
    create = f"CREATE DATABASE {name} TEMPLATE template STRATEGY file_copy"
    run(postgres.dsn, _execute, create)
    yield postgres.dsn.replace("/postgres?", f"/{name}?")
    run(postgres.dsn, _execute, f"DROP DATABASE {name} WITH (FORCE)")


async def _execute(connection: Connection, statement: str) -> None:
    await connection.execute(statement)
