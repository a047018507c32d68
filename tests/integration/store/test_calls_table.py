"""callcontrol.store.calls_table against a real Postgres."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from callcontrol.cdr import call_id_for
from callcontrol.store import Connection, Store
from callcontrol.store.calls_table import (
    CallInProgress,
    calls_in_progress,
    forget_calls,
    replace_calls,
)
from tests.cdr_builders import NOON_US

PATIENCE_S = 20.0


@pytest.fixture
def store(dsn: str) -> Iterator[Store]:
    """Give an open store."""
    opened = Store(dsn)
    opened.open()
    yield opened
    opened.close()


def make_call(index: int = 0, **changed: Any) -> CallInProgress:
    """Make a call that is ringing."""
    uuid = f"a-{index}"
    fields: dict[str, Any] = {
        "call_id": call_id_for(uuid, NOON_US + index),
        "switch_uuid": uuid,
        "state": "dialling",
        "received_us": NOON_US + index,
        "number": "+41901123456",
        "category": "0901",
        "customer": "acme",
        "caller": "+41795550001",
    }
    return CallInProgress(**(fields | changed))


def replace(store: Store, engine: str, *calls: CallInProgress, gone: Any = ()) -> None:
    """Write what is new of an engine's calls."""
    store.call(replace_calls, engine, calls, gone, deadline_s=PATIENCE_S)


def seen(store: Store) -> list[tuple[str, CallInProgress]]:
    """Give all calls with their engines."""
    return store.call(calls_in_progress, deadline_s=PATIENCE_S)


def test_a_call_comes_back_as_it_was_told(store: Store) -> None:
    """Every field, to the microsecond."""
    whole = make_call(
        1,
        caller=None,
        state="answered\0",
        answered_us=NOON_US + 7,
        meter_start_us=NOON_US + 8,
        tariff="hotline",
        tariff_version="3",
        level=7,
        changes=({"level": 7, "asked_us": NOON_US + 9, "by": "destination", "refused": None},),
    )
    replace(store, "engine-1", make_call(0), whole)

    ((_, first), (engine, second)) = seen(store)
    assert first == make_call(0)
    assert engine == "engine-1"
    assert second.state == "answered\ufffd"
    assert second.changes == whole.changes
    assert (second.answered_us, second.meter_start_us) == (NOON_US + 7, NOON_US + 8)
    assert (second.caller, second.level, second.tariff_version) == (None, 7, "3")


def test_what_changed_replaces_and_what_ended_goes(store: Store) -> None:
    """One batch: a new call, a changed one, one that is gone; the others stay."""
    calls = [make_call(index) for index in range(4)]
    replace(store, "engine-1", *calls[:3])

    replace(
        store, "engine-1", make_call(1, state="answered"), calls[3], gone=[calls[0].call_id]
    )

    assert [call for _, call in seen(store)] == [
        make_call(1, state="answered"),
        calls[2],
        calls[3],
    ]


def test_a_batch_may_be_empty(store: Store) -> None:
    """Nothing new and nothing gone is no error."""
    replace(store, "engine-1")

    assert seen(store) == []


def test_a_call_taken_over_is_the_other_engines(store: Store) -> None:
    """Its old engine, which thinks that it has ended, does not take it away."""
    replace(store, "engine-1", make_call(0), make_call(1))
    replace(store, "engine-2", make_call(0, state="taken over"))

    replace(store, "engine-1", gone=[make_call(0).call_id, make_call(1).call_id])

    assert seen(store) == [("engine-2", make_call(0, state="taken over"))]


def test_an_engine_forgets_its_former_life(store: Store) -> None:
    """At its start an engine takes away what it left behind, and nothing of the others."""
    replace(store, "engine-1", make_call(0))
    replace(store, "engine-2", make_call(1))

    store.call(forget_calls, "engine-1", deadline_s=PATIENCE_S)

    assert [engine for engine, _ in seen(store)] == ["engine-2"]


def test_many_calls_in_one_round_trip(store: Store) -> None:
    """Two thousand rows, written and then rewritten, all there once."""
    replace(store, "engine-1", *(make_call(index) for index in range(2000)))
    replace(store, "engine-1", *(make_call(index, level=2) for index in range(2000)))

    async def count(connection: Connection) -> object:
        return await connection.fetchval("SELECT count(*) FROM calls_in_progress")

    assert store.call(count, deadline_s=PATIENCE_S) == 2000
