"""`load` and `export`: a reference file into the rows, and the rows back into a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from callcontrol.errors import ConfigError
from callcontrol.reference_file import ReferenceFile, canonical
from callcontrol.reference_file.differences import Difference, differences
from callcontrol.store.pool import run
from callcontrol.store.reference_read import READERS, Entries, read_everything
from callcontrol.store.reference_write import write_differences
from callcontrol.store.schema import check_schema

if TYPE_CHECKING:
    from callcontrol.store.pool import Connection

_LOAD_S = 600.0
_ONE_AT_A_TIME = 0x6361_6C6D  # key of the advisory lock that makes a second `load` wait


def load_reference(
    dsn: str, file: ReferenceFile, *, is_trial: bool = False
) -> list[Difference]:
    """Make the rows say what a file says, in one transaction; blocks.

    Args:
        dsn: connection URI.
        file: as `read_reference_file` gives it: canonical, and without a fault.
        is_trial: only find the differences.

    Returns:
        what differed.

    Raises:
        ConfigError: the database has another schema.
        StoreUnavailable: Postgres cannot be reached; nothing was written.
        StoreRejected: Postgres refuses a row; nothing was written.
    """
    return run(dsn, _load, dsn, file, is_trial, deadline_s=_LOAD_S)


def export_reference(dsn: str) -> ReferenceFile:
    """Give what the rows say, canonical; blocks.

    Raises:
        ConfigError: the database has another schema, or a row is none that could be loaded.
        StoreUnavailable: Postgres cannot be reached.
    """
    entries = run(dsn, _export, dsn, deadline_s=_LOAD_S)
    if entries.faults:
        raise ConfigError(*(f"Postgres: {fault}" for fault in entries.faults))
    return canonical(entries.file())


async def one_load_at_a_time(connection: Connection, program: str) -> None:
    """Wait until no other load writes; the lock goes with the connection.

    Args:
        connection: outside a transaction, whose snapshot would otherwise be of before the wait.
            What a portal changes between comparison and writing is found by Postgres, which
            then refuses the transaction.
        program: what the history calls it.
    """
    await connection.execute("SELECT set_config('application_name', $1, false)", program)
    await connection.execute("SELECT pg_advisory_lock($1)", _ONE_AT_A_TIME)


async def _export(connection: Connection, dsn: str) -> Entries:
    await check_schema(connection, dsn)
    return await read_everything(connection)


async def _load(
    connection: Connection, dsn: str, file: ReferenceFile, is_trial: bool
) -> list[Difference]:
    await check_schema(connection, dsn)
    if not is_trial:
        await one_load_at_a_time(connection, "callcontrol load")
    async with connection.transaction(isolation="repeatable_read", readonly=is_trial):
        entries = Entries()
        for read in READERS.values():
            await read(connection, entries)
        found = differences(canonical(entries.file()), file)
        found += _shapeless(entries, file)
        if not is_trial:
            await write_differences(connection, file, found)
    return found


def _shapeless(entries: Entries, file: ReferenceFile) -> list[Difference]:
    """Find rows that are not in the file and were not compared, because they have no shape."""
    return [
        Difference(section=section, name=str(key), key=key, kind="removed")
        for section, keys in entries.shapeless.items()
        for key in keys
        if section != "blacklist" and key not in getattr(file, section)
    ]
