"""callcontrol.store.level_follow: requests from Postgres to the hub, outcomes back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import structlog

from callcontrol.errors import StoreRejected
from callcontrol.level_request import LevelOutcome, LevelRequest
from callcontrol.store import Connection, EmbeddedPostgres, Store
from callcontrol.store.level_follow import LevelFeed
from callcontrol.store.level_rows import (
    ask,
    open_requests,
    outcomes_of,
    prune_requests,
    withdraw,
)
from tests.waiting import eventually

CALL_ID = "0198f0de-0000-7000-8000-000000000000"
PATIENCE_S = 10.0


class Hub:
    """What the feed tells."""

    def __init__(self) -> None:
        self.requests: dict[int, LevelRequest] = {}
        self.told = 0
        self.withdrawn: list[int] = []

    def take(self, requests: list[LevelRequest]) -> None:
        """Take requests."""
        self.told += len(requests)
        self.requests |= {one.id: one for one in requests}


@pytest.fixture
def store(dsn: str) -> Iterator[Store]:
    """Give an open store with a number in it."""
    opened = Store(dsn)
    opened.open()
    yield opened
    opened.close()


@pytest.fixture
def hub() -> Hub:
    """Give somebody to tell."""
    return Hub()


@pytest.fixture
def feed(store: Store, hub: Hub) -> Iterator[LevelFeed]:
    """Give a feed that follows."""
    log = structlog.make_filtering_bound_logger("critical")(structlog.ReturnLogger(), [], {})
    started = LevelFeed(
        store, "engine-1", take=hub.take, withdraw=hub.withdrawn.append, check_s=300, log=log
    )
    started.start()
    yield started
    started.stop()


async def _ask(
    connection: Connection, level: int, at: datetime | None, by: str | None = None
) -> int:
    return await ask(connection, call_id=CALL_ID, level=level, at=at, by=by)


def asked(store: Store, level: int, at: datetime | None = None, by: str | None = "anna") -> int:
    """Ask for a level; gives the request's number."""
    return store.call(_ask, level, at, by, deadline_s=PATIENCE_S)


async def _execute(connection: Connection, statement: str) -> None:
    await connection.execute(statement)


def test_a_row_is_told_whole(store: Store, hub: Hub, feed: LevelFeed) -> None:
    """With every instant to the microsecond, and nothing to be read first."""
    at = datetime(2027, 1, 4, 19, 0, 0, 123_457, tzinfo=UTC)
    first, second = asked(store, 7, at), asked(store, 8, by=None)

    eventually(lambda: len(hub.requests) == 2, within_s=PATIENCE_S)

    scheduled = hub.requests[first]
    assert (scheduled.level, scheduled.by, scheduled.call_id) == (7, "anna", CALL_ID)
    assert scheduled.effective_us == int(at.timestamp()) * 1_000_000 + 123_457
    assert hub.requests[second].effective_us is None
    assert hub.requests[second].by == "callcontrol"
    assert hub.requests[second].asked_us >= scheduled.asked_us


def test_one_made_before_is_read_and_told_as_the_same(
    store: Store, hub: Hub, feed: LevelFeed
) -> None:
    """The engine was not there, or the connection was lost: the table has it."""
    number = asked(store, 7)
    eventually(lambda: number in hub.requests, within_s=PATIENCE_S)

    (read,) = store.call(open_requests, deadline_s=PATIENCE_S)

    assert read == hub.requests[number]


def test_a_lost_connection_is_made_anew(
    postgres: EmbeddedPostgres, store: Store, hub: Hub, feed: LevelFeed
) -> None:
    """What was asked meanwhile is read, what was told before is told again."""
    first = asked(store, 7)
    eventually(lambda: first in hub.requests, within_s=PATIENCE_S)
    told = hub.told
    store.call(
        _execute,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'callcontrol levels' AND datname = current_database()",
        deadline_s=PATIENCE_S,
    )
    second = asked(store, 8)

    eventually(lambda: second in hub.requests, within_s=PATIENCE_S)
    eventually(lambda: hub.told > told + 1, within_s=PATIENCE_S)


def test_a_row_taken_away_is_withdrawn(store: Store, hub: Hub, feed: LevelFeed) -> None:
    """As long as its instant has not come, nothing will have happened."""
    number = asked(store, 7, datetime.now(UTC) + timedelta(days=1))
    eventually(lambda: number in hub.requests, within_s=PATIENCE_S)

    store.call(withdraw, number, deadline_s=PATIENCE_S)

    eventually(lambda: hub.withdrawn == [number], within_s=PATIENCE_S)


def test_what_came_of_it_is_written_once(store: Store, feed: LevelFeed) -> None:
    """In each call: in force since when, or refused and why; of a row that is gone, nothing."""
    number = asked(store, 7)
    applied = LevelOutcome(
        request=number, call_id=CALL_ID, in_force_us=1_795_515_474_239_098, refused=None
    )
    refused = LevelOutcome(
        request=number,
        call_id="0198f0de-0000-7000-8000-000000000001",
        in_force_us=None,
        refused="level 7 is not in the table",
    )
    gone = LevelOutcome(request=number + 1, call_id=CALL_ID, in_force_us=1, refused=None)
    for outcome in (gone, applied, refused, applied):
        feed.tell(outcome)

    eventually(
        lambda: len(store.call(outcomes_of, number, deadline_s=PATIENCE_S)) == 2,
        within_s=PATIENCE_S,
    )
    assert store.call(outcomes_of, number, deadline_s=PATIENCE_S) == [applied, refused]


@pytest.mark.parametrize(
    "row",
    [
        "(call_id, level) VALUES (gen_random_uuid(), 91)",
        "(call_id, level) VALUES (gen_random_uuid(), 0)",
        "(level) VALUES (2)",
        "(number, level) VALUES ('+41900000000', 2)",
        "(call_id, level, asked_by) VALUES (gen_random_uuid(), 2, 'destination')",
        "(call_id, level, asked_by) VALUES (gen_random_uuid(), 2, E'a\\nb')",
        "(call_id, level, effective_at) VALUES (gen_random_uuid(), 2, 'infinity')",
    ],
)
def test_what_can_never_be_right_is_refused_when_it_is_entered(store: Store, row: str) -> None:
    """No such level, for nobody, for an unknown number, by a name that is taken, or never."""
    with pytest.raises(StoreRejected):
        store.call(_execute, f"INSERT INTO level_requests {row}", deadline_s=PATIENCE_S)


def test_a_request_is_not_changed(store: Store) -> None:
    """It may have been dealt with already: it is withdrawn and made anew."""
    asked(store, 7)

    with pytest.raises(StoreRejected):
        store.call(_execute, "UPDATE level_requests SET level = 8", deadline_s=PATIENCE_S)


def test_old_ones_go(store: Store) -> None:
    """After a week, with what came of them; the records of the calls keep it."""
    insert = "INSERT INTO level_requests (call_id, level, effective_at) VALUES"
    store.call(
        _execute,
        f"{insert} (gen_random_uuid(), 2, now() - interval '8 days'),"
        " (gen_random_uuid(), 3, now() - interval '6 days')",
        deadline_s=PATIENCE_S,
    )

    store.call(prune_requests, deadline_s=PATIENCE_S)

    assert store.call(_levels, deadline_s=PATIENCE_S) == [3]
    assert store.call(open_requests, deadline_s=PATIENCE_S) == []


async def _levels(connection: Connection) -> list[int]:
    return [row[0] for row in await connection.fetch("SELECT level FROM level_requests")]
