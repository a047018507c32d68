"""The table of calls in progress: what each engine says of the calls on its hands.

An engine writes what changed, in batches; who looks sees what was true a moment ago. A call
that another engine has taken over is the other one's row: its old engine no longer touches it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from callcontrol.cdr import CallId
from callcontrol.store.cdr_table import storable_text

if TYPE_CHECKING:
    from callcontrol.store.pool import Connection

_TYPES = {
    "call_id": "uuid",
    "received_us": "bigint",
    "answered_us": "bigint",
    "meter_start_us": "bigint",
    "level": "smallint",
    "level_at_start": "smallint",
    "changes": "jsonb",
    "spared": "jsonb",
    "attempts": "jsonb",
}  # the rest is text
_INSTANTS = ("received", "answered")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallInProgress:
    """One call, as its engine last told of it.

    Attributes:
        number: the service number in E.164; category and customer are that number's.
        caller: E.164; none when it is withheld: this is seen by whoever may see the call.
        received_us, answered_us, meter_start_us: microseconds since the epoch; none where
            that moment has not come.
        level: the level in force; none before the meter starts.
        level_at_start: the one it started at; what the changes changed.
        changes: the changes of level that came into force, as plain JSON objects with `level`
            and `in_force_us`; not the automatic steps, which follow from the tariff.
        spared: what it is not charged: `free`, pairs of instants between which time was free,
            the second null while it is; `withheld`, pairs of `step` or `fixed` and the instant.
        attempts: the destinations tried so far, as plain JSON objects with `target`, `gateway`
            and `outcome`: `rings`, `answered`, or why not.
    """

    call_id: CallId
    switch_uuid: str
    state: str
    received_us: int
    number: str | None = None
    category: str | None = None
    customer: str | None = None
    caller: str | None = None
    answered_us: int | None = None
    meter_start_us: int | None = None
    tariff: str | None = None
    tariff_version: str = ""
    level: int | None = None
    level_at_start: int | None = None
    changes: tuple[dict[str, Any], ...] = ()
    spared: dict[str, list[Any]] = field(default_factory=dict)
    attempts: tuple[dict[str, Any], ...] = ()


_PLAIN = [
    one.name for one in fields(CallInProgress) if one.name.removesuffix("_us") not in _INSTANTS
]
_COLUMNS = ", ".join([*(f"{name}_at" for name in _INSTANTS), *_PLAIN])
_FROM_US = ", ".join(
    f"timestamptz 'epoch' + interval '1 microsecond' * {name}_us" for name in _INSTANTS
)
_TO_US = ", ".join(
    f"(extract(epoch FROM {name}_at) * 1000000)::bigint AS {name}_us" for name in _INSTANTS
)
_TYPED = ", ".join(
    f"{one.name} {_TYPES.get(one.name, 'text')}" for one in fields(CallInProgress)
)

_REPLACE = f"""
    WITH gone AS (
        DELETE FROM calls_in_progress WHERE engine = $1 AND call_id = ANY ($2::uuid[])
    )
    INSERT INTO calls_in_progress AS known (engine, {_COLUMNS})
    SELECT $1, {_FROM_US}, {", ".join(_PLAIN)} FROM jsonb_to_recordset($3) AS call ({_TYPED})
    ON CONFLICT (call_id) DO UPDATE
    SET (engine, updated_at, {_COLUMNS}) = ROW (
        excluded.engine, clock_timestamp(),
        {", ".join(f"excluded.{name}" for name in _COLUMNS.split(", "))})
"""  # noqa: S608  our own words


async def replace_calls(
    connection: Connection,
    engine: str,
    calls: Sequence[CallInProgress],
    gone: Sequence[CallId] = (),
) -> None:
    """Write what is new of an engine's calls, and take away those that have ended.

    All or nothing, in one round trip. A call of another engine becomes this engine's when it
    is among `calls`, and stays when it is among `gone`.
    """
    rows = [{one.name: getattr(call, one.name) for one in fields(call)} for call in calls]
    await connection.execute(_REPLACE, engine, list(gone), json.dumps(storable_text(rows)))


async def forget_calls(connection: Connection, engine: str) -> None:
    """Take away all calls of an engine: those of its former life, when it starts."""
    await connection.execute("DELETE FROM calls_in_progress WHERE engine = $1", engine)


async def calls_in_progress(connection: Connection) -> list[tuple[str, CallInProgress]]:
    """Give the calls in progress with their engine's name, oldest first."""
    names = ", ".join(one.name for one in fields(CallInProgress) if one.name in _PLAIN)
    rows = await connection.fetch(
        f"SELECT engine, {_TO_US}, {names} FROM calls_in_progress"  # noqa: S608  our own words
        " ORDER BY received_at, call_id"
    )
    return [(row["engine"], _call_of(dict(row))) for row in rows]


def _call_of(row: dict[str, Any]) -> CallInProgress:
    del row["engine"]
    row["call_id"] = CallId(str(row["call_id"]))
    for name in ("changes", "attempts"):
        row[name] = tuple(json.loads(row[name]))
    row["spared"] = json.loads(row["spared"])
    return CallInProgress(**row)
