"""Changes the level of a number and asks for one in running calls, for the command line."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from callcontrol.errors import ConfigError
from callcontrol.level_request import LevelOutcome
from callcontrol.store.level_rows import OUTCOMES, ask, outcomes_of, withdraw
from dialplan import E164

if TYPE_CHECKING:
    from callcontrol.store.pool import Connection

# The table whose prices a call to the number would have at an instant, and its levels.
_LEVELS = """
    SELECT named.tariff, array_agg(level) FILTER (WHERE level IS NOT NULL) AS levels
    FROM (
        SELECT tariff FROM number_tariffs WHERE number = $1 AND effective_at <= $2
        ORDER BY effective_at DESC LIMIT 1
    ) AS named
    LEFT JOIN tariffs ON tariffs.name = named.tariff
    LEFT JOIN tariff_tables ON tariff_id = tariffs.id
        AND tstzrange(valid_from, valid_until) @> $2::timestamptz
    LEFT JOIN tariff_levels ON table_id = tariff_tables.id
    GROUP BY named.tariff
"""

_NOW = """
    WITH passed AS (
        DELETE FROM number_levels
        WHERE number = $1 AND effective_at > '-infinity' AND effective_at <= now()
    )
    INSERT INTO number_levels (number, level) VALUES ($1, $2)
    ON CONFLICT (number, effective_at) DO UPDATE SET level = excluded.level
"""

_LATER = """
    INSERT INTO number_levels (number, effective_at, level) VALUES ($1, $2, $3)
    ON CONFLICT (number, effective_at) DO UPDATE SET level = excluded.level
"""

_RUNNING = """
    SELECT call_id::text, number FROM calls_in_progress
    WHERE call_id = $1::uuid OR number = $2 AND answered_at IS NOT NULL
"""

# The view of calls in progress is a second behind, at most.
_VIEW_S = 1.5
_LOOK_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked of running calls, and what has come of it.

    Attributes:
        request: its number; None: nothing was asked of running calls.
        outcomes: of each call that has told, so far.
        expected: how many calls it is for, as far as is known; 0 for one that is scheduled.
        has_plan: the number has a weekly plan of levels, which goes before its level.
    """

    request: int | None
    outcomes: Sequence[LevelOutcome] = ()
    expected: int = 0
    has_plan: bool = False


async def change_number(
    connection: Connection,
    number: E164,
    level: int,
    *,
    at: datetime | None,
    by: str | None,
    is_live: bool,
    patience_s: float,
) -> Asked:
    """Change the level at which calls to a number start, from now or from an instant on.

    Args:
        connection: to Postgres.
        number: in E.164.
        level: the number of the level.
        at: from when; None: from now on.
        by: who asks; None: the database's user.
        is_live: also the calls that are running then.
        patience_s: how long running calls are waited for.

    Raises:
        ConfigError: there is no such number, or its tariff has no such level.
    """
    since = at or await connection.fetchval("SELECT now()")
    if not await connection.fetchval("SELECT count(*) FROM numbers WHERE number = $1", number):
        raise ConfigError(f"{number} is not configured")
    priced = await connection.fetchrow(_LEVELS, number, since)
    if priced is None or not priced["levels"]:
        raise ConfigError(f"{number} has no tariff that is valid at {since.isoformat()}")
    if level not in priced["levels"]:
        raise ConfigError(f"level: tariff {priced['tariff']!r} has no level {level}")
    has_plan = bool(
        await connection.fetchval("SELECT count(*) FROM level_slots WHERE number = $1", number)
    )
    running = await connection.fetch(_RUNNING, None, number) if is_live and at is None else []
    told = await _listening(connection) if is_live and at is None else None
    request = None
    async with connection.transaction():
        if at is None:
            await connection.execute(_NOW, number, level)
        else:
            await connection.execute(_LATER, number, at, level)
        if is_live:
            request = await ask(connection, number=number, level=level, at=at, by=by)
    if told is None or request is None:
        return Asked(request=request, has_plan=has_plan)
    outcomes = await _waited(connection, told, request, len(running), patience_s)
    return Asked(request=request, outcomes=outcomes, expected=len(running), has_plan=has_plan)


async def change_call(
    connection: Connection,
    call_id: str,
    level: int,
    *,
    at: datetime | None,
    by: str | None,
    patience_s: float,
) -> Asked:
    """Ask for another level in a running call, from now or from an instant on.

    A request that no engine has answered is withdrawn: nobody waits for it any more.

    Args:
        connection: to Postgres.
        call_id: the call.
        level: the number of the level.
        at: from when; None: from now on.
        by: who asks; None: the database's user.
        patience_s: how long the call is waited for.

    Raises:
        ConfigError: there is no such call in progress.
    """
    loop = asyncio.get_running_loop()
    until_s = loop.time() + _VIEW_S
    while not await connection.fetch(_RUNNING, call_id, None):
        if loop.time() > until_s:
            raise ConfigError(f"no call {call_id} is in progress")
        await asyncio.sleep(_LOOK_S)
    told = await _listening(connection)
    request = await ask(connection, call_id=call_id, level=level, at=at, by=by)
    if at is not None:
        return Asked(request=request)
    outcomes = await _waited(connection, told, request, 1, patience_s)
    if not outcomes:
        await withdraw(connection, request)
    return Asked(request=request, outcomes=outcomes, expected=1)


async def _listening(connection: Connection) -> asyncio.Event:
    told = asyncio.Event()
    await connection.add_listener(OUTCOMES, lambda *_: told.set())
    return told


async def _waited(
    connection: Connection,
    told: asyncio.Event,
    request: int,
    expected: int,
    patience_s: float,
) -> list[LevelOutcome]:
    """Wait until all calls expected have told, at most so long; gives those that have."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + patience_s
    while True:
        told.clear()
        outcomes = await outcomes_of(connection, request)
        if len(outcomes) >= expected or loop.time() >= until_s:
            return outcomes
        try:
            async with asyncio.timeout_at(until_s):
                await told.wait()
        except TimeoutError:
            continue
