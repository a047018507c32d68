"""callcontrol.store.roles: each program can do its work with its role, and nothing else."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog

from callcontrol.cdr.journal_file import PendingRecord
from callcontrol.errors import StoreUnavailable
from callcontrol.metrics import Metrics
from callcontrol.reference_file import read_reference_file
from callcontrol.store import Connection, Store, run
from callcontrol.store.calls_table import calls_in_progress
from callcontrol.store.cdr_table import CdrFilter, find_cdrs, insert_cdrs
from callcontrol.store.reference_keep import keep_once
from callcontrol.store.reference_load import load_reference
from callcontrol.store.reference_rows import ReferenceFeed
from callcontrol.store.roles import REFERENCE, ROLES, roles_sql
from tests.cdr_builders import make_cdr

AT = datetime(2026, 9, 1, tzinfo=UTC)
DEMO = Path(__file__).parents[3] / "fixtures" / "reference" / "demo.yaml"


def pending(cdr):
    """Give a record as the journal holds it."""
    return PendingRecord(call_id=cdr.call_id, recorded_us=0, body=cdr.to_json())


async def _execute(connection: Connection, sql: str) -> None:
    await connection.execute(sql)


async def _column(connection: Connection, sql: str) -> list[str]:
    return [row[0] for row in await connection.fetch(sql)]


@pytest.fixture
def user_of(dsn):
    """Give the connection URI of a user that is in one role and owns nothing."""
    run(dsn, _execute, roles_sql())
    made = []

    def user(role):
        name = f"user_{role}_{len(made)}"
        run(dsn, _execute, f"CREATE USER {name} IN ROLE {role}")
        made.append(name)
        return dsn.replace("//callcontrol@", f"//{name}@")

    yield user
    for name in made:
        run(dsn, _execute, f"DROP USER {name}")


@pytest.fixture
def loaded(dsn):
    load_reference(dsn, read_reference_file(DEMO, at=AT)[0])
    return dsn


def refused(dsn, sql):
    """Say whether a user may not do this."""
    with pytest.raises(StoreUnavailable, match="does not allow user"):
        run(dsn, _execute, sql)
    return True


class TestEngine:
    def test_reads_the_reference_and_writes_records(self, loaded, user_of, tmp_path):
        """In a month that has no partition yet, and a second time."""
        dsn = user_of("callcontrol_engine")
        store = Store(dsn)
        store.open()
        feed = ReferenceFeed(store, metrics=Metrics(), log=structlog.get_logger())
        try:
            feed.start()
            records = [pending(make_cdr(1)), pending(make_cdr(2))]
            first = store.call(insert_cdrs, records, deadline_s=10)
            again = store.call(insert_cdrs, records, deadline_s=10)
        finally:
            feed.stop()
            store.close()

        assert len(feed.current().directory.numbers) > 10
        assert (first, again) == (2, 0)
        assert len(run(loaded, find_cdrs, CdrFilter())) == 2
        assert keep_once(dsn, tmp_path / "kept.yaml") >= 0

    @pytest.mark.parametrize(
        "sql",
        [
            "SELECT caller FROM cdrs",
            "UPDATE cdrs SET gross = 0",
            "DELETE FROM cdrs",
            "TRUNCATE cdrs",
            "UPDATE numbers SET zone = 'UTC'",
            "INSERT INTO blacklist DEFAULT VALUES",
            "SELECT * FROM reference_history",
            "CREATE TABLE mine (x int)",
            "SELECT forget_reference_history(now())",
        ],
    )
    def test_can_do_nothing_else(self, user_of, sql):
        """Whoever gets an engine's password reads no call and changes no price."""
        assert refused(user_of("callcontrol_engine"), sql)


class TestLoader:
    def test_loads_and_changes_the_reference(self, dsn, user_of):
        """With its history, which it cannot write itself."""
        file = read_reference_file(DEMO, at=AT)[0]

        load_reference(user_of("callcontrol_loader"), file)
        changed = file.model_copy(update={"blacklist": ()})
        load_reference(user_of("callcontrol_loader"), changed)

        history = "SELECT DISTINCT in_table FROM reference_history"
        assert "numbers" in run(dsn, _column, history)
        assert load_reference(dsn, changed) == []

    @pytest.mark.parametrize(
        "sql",
        [
            "SELECT * FROM cdrs",
            "SELECT * FROM customer_cdrs",
            "SELECT * FROM calls_in_progress",
            "DELETE FROM reference_history",
            "INSERT INTO reference_history (in_table) VALUES ('numbers')",
            "SELECT cdrs_month(now())",
        ],
    )
    def test_sees_no_call_and_rewrites_no_history(self, user_of, sql):
        """It is the portal's, which shows calls by another user."""
        assert refused(user_of("callcontrol_loader"), sql)


class TestReader:
    def test_sees_no_withheld_caller(self, dsn, user_of):
        """Nor could it find one out."""
        withheld = make_cdr(1, caller_withheld=True)
        run(dsn, insert_cdrs, [pending(withheld), pending(make_cdr(2))])
        reader = user_of("callcontrol_reader")

        callers = run(reader, _column, "SELECT caller FROM customer_cdrs ORDER BY received_at")

        assert callers == [None, "+41795550001"]
        assert run(reader, calls_in_progress) == []
        assert refused(reader, "SELECT caller FROM cdrs")
        assert refused(reader, "SELECT * FROM blacklist")
        assert refused(reader, "UPDATE calls_in_progress SET engine = 'x'")


class TestOperator:
    def test_sees_whole_records_and_changes_none(self, dsn, user_of):
        """What a record says was charged stays as it was written."""
        run(dsn, insert_cdrs, [pending(make_cdr(1, caller_withheld=True))])
        operator = user_of("callcontrol_operator")

        (cdr,) = run(operator, find_cdrs, CdrFilter())

        assert cdr.caller == "+41795550001"
        assert refused(operator, "UPDATE cdrs SET gross = 0")
        assert refused(operator, "DELETE FROM cdrs")


class TestSql:
    def test_every_table_is_somebodys(self, dsn):
        """A new one fails here until it is decided who may see it."""
        tables = run(
            dsn,
            _column,
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
            " AND relkind IN ('r', 'p', 'v') AND NOT relispartition",
        )
        words = set(re.findall(r"\w+", roles_sql()))

        assert set(tables) - words == set()

    def test_every_configured_table_is_in_the_list(self, dsn):
        """Those that keep a history are what is configured."""
        kept = run(
            dsn,
            _column,
            "SELECT DISTINCT relname FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid"
            " WHERE tgname LIKE 'keep%insert'",
        )

        assert set(kept) - {"level_requests", "level_outcomes"} == set(REFERENCE)

    def test_it_may_be_run_again(self, dsn):
        """After each migration; what a former version allowed too much is taken back."""
        run(dsn, _execute, roles_sql())
        run(dsn, _execute, "GRANT SELECT ON cdrs TO callcontrol_reader")

        run(dsn, _execute, roles_sql())

        has = "SELECT has_table_privilege('callcontrol_reader', 'cdrs', 'SELECT')::text"
        assert run(dsn, _column, has) == ["false"]

    def test_no_role_can_log_in(self, dsn):
        """Each program has a user of its own, so that one can be shut out."""
        run(dsn, _execute, roles_sql())

        found = run(dsn, _column, "SELECT rolname FROM pg_roles WHERE NOT rolcanlogin")
        assert set(ROLES) <= set(found)
