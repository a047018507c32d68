"""Postgres: the only package that knows asyncpg and asyncio.

Store(dsn)                 what greenlets call; `run(dsn, …)` for the command line
EmbeddedPostgres()         a throw-away server for the demo and the tests
"""

from callcontrol.store.embedded import EmbeddedPostgres
from callcontrol.store.pool import Connection, Store, run

__all__ = ["Connection", "EmbeddedPostgres", "Store", "run"]
