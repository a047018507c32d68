"""Which version of its schema a database has, and whether this program can do with it.

Apart from `migrate`, so that who only looks does without Alembic and SQLAlchemy.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from callcontrol.errors import ConfigError
from callcontrol.store.server_errors import server_of

if TYPE_CHECKING:
    from callcontrol.store.pool import Connection

MIGRATIONS: Final = Path(__file__).parent / "migrations"
_NO_CODE = "9999"

SCHEMA: Final = max(path.name[:4] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))
"""The schema this version of the program needs."""


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
        raise wrong_schema(version, dsn)


def wrong_schema(version: str | None, dsn: str) -> ConfigError:
    """Say in one sentence what to do about a schema that is not this version's."""
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


async def _serves_from(connection: Connection) -> str:
    """Give the oldest schema whose code this one serves; a migration writes it."""
    said = await connection.fetchval(
        "SELECT obj_description('alembic_version'::regclass, 'pg_class')"
    )
    return str(said or "").removeprefix("serves code from ") or _NO_CODE
