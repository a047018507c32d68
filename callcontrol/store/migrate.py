"""Brings the database's schema to this version, and says which version it has."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection as AlembicConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from callcontrol.errors import ConfigError
from callcontrol.store.server_errors import errors_of, server_of

if TYPE_CHECKING:
    from callcontrol.store.pool import Connection

_MIGRATIONS = Path(__file__).parent / "migrations"
_CONNECT_S = 5.0
_ONE_AT_A_TIME = 0x6361_6C6C  # key of the advisory lock that makes a second `migrate` wait
_NO_CODE = "9999"

SCHEMA = max(path.name[:4] for path in (_MIGRATIONS / "versions").glob("[0-9]*.py"))
"""The schema this version of the program needs."""


def migrate(dsn: str) -> tuple[str | None, str]:
    """Bring a database to `SCHEMA`, in one transaction; blocks.

    Returns:
        the version it had, none for an empty database, and the one it has now.

    Raises:
        ConfigError: the database is newer than this program, or the URI is wrong.
        StoreUnavailable: Postgres cannot be reached, or does not let us.
    """
    return asyncio.run(_migrate(dsn))


async def schema_version(connection: Connection) -> str | None:
    """Say which schema a database has; none when it has none."""
    if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
        return None
    version: str | None = await connection.fetchval("SELECT version_num FROM alembic_version")
    return version


async def check_schema(connection: Connection, dsn: str, *, may_be_newer: bool = False) -> None:
    """Refuse a database whose schema is not the one this program was written for.

    Args:
        connection: to it.
        dsn: of it.
        may_be_newer: a schema of later code will do that says it serves this code, as after
            an upgrade that was rolled back; for who reads, and adds records.

    Raises:
        ConfigError: one sentence with what to do.
    """
    version = await schema_version(connection)
    if version == SCHEMA:
        return
    is_newer = version is not None and version > SCHEMA
    if not (may_be_newer and is_newer and await _serves_from(connection) <= SCHEMA):
        raise _wrong_schema(version, dsn)


async def _serves_from(connection: Connection) -> str:
    """Give the oldest schema whose code this one serves; a migration writes it."""
    said = await connection.fetchval(
        "SELECT obj_description('alembic_version'::regclass, 'pg_class')"
    )
    return str(said or "").removeprefix("serves code from ") or _NO_CODE


async def _migrate(dsn: str) -> tuple[str | None, str]:
    with errors_of(dsn):
        connection = await asyncpg.connect(dsn, timeout=_CONNECT_S)
        try:
            before = await schema_version(connection)
        finally:
            await connection.close()
        if before is not None and before > SCHEMA:
            raise _wrong_schema(before, dsn)
        # asyncpg reads the URI itself: SQLAlchemy's own reading of it differs in detail.
        engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=lambda: asyncpg.connect(dsn, timeout=_CONNECT_S),
            poolclass=NullPool,
        )
        try:
            async with engine.begin() as transaction:
                await transaction.run_sync(_upgrade)
        except DBAPIError as exc:
            raise _driver_error(exc) from exc
        finally:
            await engine.dispose()
    return before, SCHEMA


def _upgrade(connection: AlembicConnection) -> None:
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_ONE_AT_A_TIME})")
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _driver_error(exc: DBAPIError) -> BaseException:
    """Give asyncpg's own error, which SQLAlchemy has wrapped twice."""
    wrapped = exc.orig
    return (wrapped and wrapped.__cause__) or exc


def _wrong_schema(version: str | None, dsn: str) -> ConfigError:
    server = server_of(dsn)
    where = f"the database {server.database} at {server.where}"
    if version is None:
        return ConfigError(f"{where} is empty: run `callcontrol migrate`")
    if version < SCHEMA:
        return ConfigError(
            f"{where} has schema {version}, this version needs {SCHEMA}:"
            " run `callcontrol migrate`"
        )
    return ConfigError(
        f"{where} has schema {version}, newer than this version knows ({SCHEMA}):"
        " install the newer version"
    )
