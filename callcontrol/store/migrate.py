"""Brings the database's schema to this version of the program."""

from __future__ import annotations

import asyncio

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection as AlembicConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from callcontrol.store.schema import MIGRATIONS, SCHEMA, schema_version, wrong_schema
from callcontrol.store.server_errors import errors_of

_CONNECT_S = 5.0
_ONE_AT_A_TIME = 0x6361_6C6C  # key of the advisory lock that makes a second `migrate` wait


def migrate(dsn: str) -> tuple[str | None, str]:
    """Bring a database to `SCHEMA`, in one transaction; blocks.

    Returns:
        the version it had, none for an empty database, and the one it has now.

    Raises:
        ConfigError: the database is newer than this program, or the URI is wrong.
        StoreUnavailable: Postgres cannot be reached, or does not let us.
    """
    return asyncio.run(_migrate(dsn))


async def _migrate(dsn: str) -> tuple[str | None, str]:
    with errors_of(dsn):
        connection = await asyncpg.connect(dsn, timeout=_CONNECT_S)
        try:
            before = await schema_version(connection)
        finally:
            await connection.close()
        if before is not None and before > SCHEMA:
            raise wrong_schema(before, dsn)
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
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _driver_error(exc: DBAPIError) -> BaseException:
    """Give asyncpg's own error, which SQLAlchemy has wrapped twice."""
    wrapped = exc.orig
    return (wrapped and wrapped.__cause__) or exc
