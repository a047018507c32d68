"""callcontrol.store.reference_rows: the reference in force follows Postgres."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import gevent
import pytest
import structlog

from callcontrol.errors import ConfigError, StoreUnavailable
from callcontrol.metrics import Metrics
from callcontrol.reference import Reference
from callcontrol.reference_file import read_reference_file
from callcontrol.store import Connection, EmbeddedPostgres, Store, run
from callcontrol.store.reference_load import load_reference
from callcontrol.store.reference_rows import ReferenceFeed
from dialplan import E164, Caller

AT = datetime(2026, 9, 1, tzinfo=UTC)
DEMO = Path(__file__).parents[3] / "fixtures" / "reference" / "demo.yaml"
NUMBER = E164("+41901123456")


def eventually(claim: Callable[[], bool], *, within_s: float = 20.0) -> None:
    """Wait until a claim holds; fail when it does not in time."""
    with gevent.Timeout(within_s, AssertionError(f"not within {within_s} s")):
        while not claim():
            gevent.sleep(0.01)


@pytest.fixture
def loaded(dsn: str) -> str:
    """Give the connection URI of a database that holds the documented example."""
    load_reference(dsn, read_reference_file(DEMO, at=AT)[0])
    return dsn


@pytest.fixture
def store(loaded: str) -> Iterator[Store]:
    """Give an open store."""
    opened = Store(loaded)
    opened.open()
    yield opened
    opened.close()


@pytest.fixture
def feed(store: Store) -> Iterator[ReferenceFeed]:
    """Give a feed that follows."""
    started = make_feed(store)
    started.start()
    yield started
    started.stop()


def make_feed(store: Store, check_s: float = 300.0) -> ReferenceFeed:
    """Make a feed that keeps its log to itself."""
    log = structlog.make_filtering_bound_logger("critical")(structlog.ReturnLogger(), [], {})
    return ReferenceFeed(store, check_s=check_s, metrics=Metrics(), log=log, engine="engine-1")


def execute(store: Store, statement: str) -> None:
    """Run a statement as the portal would."""
    store.call(_execute, statement, deadline_s=10)


def blocks(reference: Reference, number: str) -> bool:
    """Say whether a caller is refused by the platform's blacklist."""
    caller = Caller(raw=number, number=E164(number))
    blacklist = reference.directory.blacklist
    return blacklist.match(caller, number=NUMBER, customers=(), at=AT) is not None


def level_of(feed: ReferenceFeed) -> int:
    """Say at which level a call to the number starts."""
    return feed.current().directory.numbers[NUMBER].level.at(AT)


def test_what_is_configured_is_there_after_the_start(feed: ReferenceFeed) -> None:
    """Calls may come as soon as `start` returns."""
    assert len(feed.current().directory.numbers) == 12
    assert feed.current().loaded_at is not None


def test_a_change_takes_effect_without_a_restart(store: Store, feed: ReferenceFeed) -> None:
    """A row is changed and the next call is decided with it; other numbers are not touched."""
    before = feed.current()
    execute(
        store, f"UPDATE number_levels SET level = 3 WHERE number = '{NUMBER}' AND level = 1"
    )

    eventually(lambda: level_of(feed) == 3)
    other = E164("+41900123456")
    assert feed.current().directory.numbers[other] is before.directory.numbers[other]
    assert before.directory.numbers[NUMBER].level.at(AT) == 1


@pytest.mark.parametrize(
    ("statement", "claim"),
    [
        (
            "DELETE FROM numbers WHERE number = '+41901123456'",
            lambda r: NUMBER not in r.directory.numbers,
        ),
        (
            "UPDATE customers SET suspended = true WHERE id = 'muster'",
            lambda r: r.directory.customers["muster"].suspended,
        ),
        (
            "UPDATE tariff_levels SET per_minute = 2.5 WHERE per_minute = 3",
            lambda r: str(r.tariffs["hotline"][0].levels[1].per_minute) == "2.5",
        ),
        (
            "UPDATE gateways SET port = 5070 WHERE name = 'trunk-a'",
            lambda r: r.directory.gateways["trunk-a"].port == 5070,
        ),
        (
            "UPDATE operators SET networks = '{198.51.100.0/24}' WHERE code = 'lake-mobile'",
            lambda r: getattr(r.operators.at("198.51.100.1"), "code", None) == "lake-mobile",
        ),
        ("DELETE FROM blacklist", lambda r: len(r.directory.blacklist) == 0),
        (
            "INSERT INTO blacklist (pattern) VALUES ('+41791234567')",
            lambda r: blocks(r, "+41791234567"),
        ),
        ("TRUNCATE overrides", lambda r: not r.directory.numbers["+41840123456"].overrides),
        (
            "UPDATE numbers SET number = '+41901999999' WHERE number = '+41901123456'",
            lambda r: (
                "+41901999999" in r.directory.numbers and NUMBER not in r.directory.numbers
            ),
        ),
        (
            "UPDATE route_targets SET address = '+41445550199' WHERE number = '+41901123456'",
            lambda r: "+41445550199" in str(r.directory.numbers[NUMBER].routes),
        ),
    ],
)
def test_every_kind_of_change_is_followed(
    store: Store, feed: ReferenceFeed, statement: str, claim: Callable[..., bool]
) -> None:
    """Numbers, what belongs to them, customers, tariffs, gateways, blacklist."""
    execute(store, statement)

    eventually(lambda: claim(feed.current()))


def test_a_faulty_row_leaves_the_last_good_one_in_force(
    store: Store, feed: ReferenceFeed
) -> None:
    """The number goes on as before, and its neighbour takes its change."""
    execute(
        store,
        f"UPDATE number_default_routes SET route = 'nowhere' WHERE number = '{NUMBER}';"
        "UPDATE numbers SET suspended = true WHERE number = '+41900123456'",
    )

    eventually(lambda: feed.current().directory.numbers[E164("+41900123456")].suspended)
    assert feed.current().directory.numbers[NUMBER].default_route.at(AT) == "experts"

    execute(
        store,
        f"UPDATE number_default_routes SET route = NULL WHERE number = '{NUMBER}'",
    )
    eventually(lambda: feed.current().directory.numbers[NUMBER].default_route.at(AT) is None)


def test_postgres_away_leaves_everything_in_force(
    postgres: EmbeddedPostgres, store: Store, feed: ReferenceFeed
) -> None:
    """While Postgres is down calls are decided as before; once back, what changed is there."""
    postgres.kill()
    gevent.idle()
    assert len(feed.current().directory.numbers) == 12

    postgres.start()
    run(
        store.dsn,
        _execute,
        f"UPDATE number_levels SET level = 2 WHERE number = '{NUMBER}' AND level = 1",
    )

    eventually(lambda: level_of(feed) == 2)


def test_a_change_nobody_told_of_is_found(store: Store) -> None:
    """The count of changes is compared now and then, whatever became of a notification."""
    feed = make_feed(store, check_s=0.2)
    feed.start()
    try:
        execute(
            store,
            "SET session_replication_role = replica;"
            f"UPDATE number_levels SET level = 2 WHERE number = '{NUMBER}' AND level = 1;"
            "SELECT nextval('reference_revision');"
            "SET session_replication_role = DEFAULT",
        )

        eventually(lambda: level_of(feed) == 2)
    finally:
        feed.stop()


def test_an_engine_refuses_another_schema(store: Store) -> None:
    """One sentence at the start, and no reference."""
    execute(store, "UPDATE alembic_version SET version_num = '0000'")
    feed = make_feed(store)

    with pytest.raises(ConfigError, match="run `callcontrol migrate`"):
        feed.start()

    assert feed.current().directory.numbers == {}


def test_an_engine_says_that_postgres_cannot_be_reached() -> None:
    """At the start, where nothing is known yet, it is an error."""
    store = Store("postgresql://127.0.0.1:1/x")
    store.open()
    try:
        with pytest.raises(StoreUnavailable, match="cannot be reached"):
            make_feed(store).start()
    finally:
        store.close()


async def _execute(connection: Connection, statement: str) -> None:
    await connection.execute(statement)


def test_a_customer_is_read_alone(store: Store, feed: ReferenceFeed) -> None:
    """What it may no longer do is a fault of its numbers, which go on as they were."""
    proved = "UPDATE customers SET proved_numbers = '{}' WHERE id = 'muster'"
    before = feed.current().directory
    execute(store, proved)

    eventually(lambda: not feed.current().directory.customers["muster"].proved_numbers)
    assert feed.current().directory.numbers == before.numbers
    execute(store, "INSERT INTO customers (id, parent) VALUES ('new', 'muster')")
    eventually(lambda: "new" in feed.current().directory.customers)
    execute(store, "UPDATE customers SET id = 'newer', parent = NULL WHERE id = 'new'")
    eventually(lambda: "newer" in feed.current().directory.customers)
    execute(store, "DELETE FROM customers WHERE id = 'newer'")
    eventually(lambda: feed.current().directory.customers.keys() == before.customers.keys())


def in_force(store: Store) -> list[tuple[object, ...]]:
    """Give what the engine has told of itself, and of each fault."""
    return store.call(_in_force, deadline_s=10)


async def _in_force(connection: Connection) -> list[tuple[object, ...]]:
    rows = await connection.fetch(
        "SELECT engine, revision = (SELECT last_value FROM reference_revision), path, since"
        " FROM reference_in_force LEFT JOIN reference_faults USING (engine) ORDER BY path"
    )
    return [tuple(row) for row in rows]


def test_a_portal_sees_what_is_in_force_and_why_a_row_is_not(
    store: Store, feed: ReferenceFeed
) -> None:
    """A fault keeps the instant it was first seen at, and goes when it is mended."""
    eventually(lambda: in_force(store) == [("engine-1", True, None, None)])
    execute(
        store, f"UPDATE number_default_routes SET route = 'nowhere' WHERE number = '{NUMBER}'"
    )
    eventually(lambda: in_force(store)[0][2] == f"numbers.{NUMBER}.default_route")
    (first,) = in_force(store)
    execute(store, "UPDATE customers SET suspended = true WHERE id = 'muster'")
    eventually(lambda: feed.current().directory.customers["muster"].suspended)
    eventually(lambda: in_force(store) == [first])

    execute(store, f"UPDATE number_default_routes SET route = NULL WHERE number = '{NUMBER}'")
    eventually(lambda: in_force(store) == [("engine-1", True, None, None)])
    assert feed.current().directory.numbers[NUMBER].default_route.at(AT) is None


def test_a_postgres_that_takes_nothing_still_tells_its_changes(
    store: Store, feed: ReferenceFeed
) -> None:
    """What is in force cannot be told to it; the change decides calls all the same."""
    execute(store, "ALTER TABLE reference_in_force RENAME TO elsewhere")
    for level in (2, 3):
        execute(
            store,
            f"UPDATE number_levels SET level = {level} WHERE number = '{NUMBER}'"
            " AND effective_at = '-infinity'",
        )
        eventually(lambda level=level: level_of(feed) == level)
