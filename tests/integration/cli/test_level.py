"""`callcontrol level` on a real database; the engines are played by the test."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from callcontrol.config import settings
from callcontrol.store import Connection
from callcontrol.store import run as run_alone

Run = Callable[..., tuple[int, str, str]]

DEMO = Path(__file__).parents[3] / "fixtures" / "reference" / "demo.yaml"
NUMBER = "+41901123456"
CALL = "0198f0de-0000-7000-8000-000000000000"


@pytest.fixture(autouse=True)
def _loaded(run_command: Run) -> None:
    run_command("load", str(DEMO))


@pytest.fixture
def call(dsn: str) -> str:
    """Show a call in progress, as an engine would; gives its id."""
    run_alone(
        dsn,
        _execute,
        "INSERT INTO calls_in_progress (call_id, engine, switch_uuid, number, state,"
        " received_at, answered_at, tariff_version, changes)"
        f" VALUES ('{CALL}', 'engine-1', 'x', '{NUMBER}', 'answered', now(), now(), '', '[]')",
    )
    return CALL


@pytest.fixture
def engine(dsn: str) -> Iterator[list[str]]:
    """Play an engine: whatever is put in the list is the answer to the next request."""
    answers: list[str] = []
    is_over = threading.Event()

    def live() -> None:
        while not is_over.wait(0.02):
            if answers:
                run_alone(dsn, _execute, _ANSWER.format(answers[0]))

    thread = threading.Thread(target=live)
    thread.start()
    yield answers
    is_over.set()
    thread.join()


_ANSWER = (
    "INSERT INTO level_outcomes (request, call_id, engine, in_force_at, refused)"
    f" SELECT id, '{CALL}', 'engine-1', {{}} FROM level_requests ON CONFLICT DO NOTHING"
)


async def _execute(connection: Connection, statement: str) -> None:
    await connection.execute(statement)


async def _rows(connection: Connection, query: str) -> list[tuple]:
    return [tuple(row) for row in await connection.fetch(query)]


class TestCall:
    def test_in_force(self, dsn: str, run_command: Run, call: str, engine: list[str]) -> None:
        """It says since when, to the microsecond, and the row names who asked."""
        engine.append("'2027-01-04T20:00:00.123456Z', NULL")

        status, out, _ = run_command("level", call, "3", "--by", "Anna B.")

        assert (status, out) == (0, f"call {CALL}: level 3 since 2027-01-04T20:00:00.123456Z\n")
        asked = run_alone(
            dsn, _rows, "SELECT call_id::text, level, asked_by FROM level_requests"
        )
        assert asked == [(CALL, 3, "Anna B.")]

    def test_refused(self, run_command: Run, call: str, engine: list[str]) -> None:
        """The answer is no, with the reason."""
        engine.append("NULL, 'would pass the maximum of CHF 10.00'")

        status, out, _ = run_command("level", call, "3")

        assert status == 1
        assert out == f"call {CALL}: refused, would pass the maximum of CHF 10.00\n"

    def test_at_an_instant(self, dsn: str, run_command: Run, call: str) -> None:
        """It is not waited for; local time in Switzerland unless told otherwise."""
        status, out, _ = run_command("level", call, "3", "--at", "2027-01-04T20:00:00")

        assert (status, out) == (0, f"call {CALL}: level 3 from 2027-01-04T19:00:00.000000Z\n")
        query = "SELECT effective_at = '2027-01-04T19:00:00Z' FROM level_requests"
        assert run_alone(dsn, _rows, query) == [(True,)]

    @pytest.mark.parametrize(
        ("words", "sentence"),
        [
            ((CALL[:-1] + "1", "3"), "no call 0198f0de-0000-7000-8000-000000000001 is in"),
            ((CALL, "91"), "level: 91 is not from 1 to 90"),
            ((CALL, "0"), "level: 0 is not from 1 to 90"),
            ((CALL, "3", "--by", "destination"), "--by: 'destination' is not a name"),
            ((CALL, "3", "--by", "a\nb"), "--by: 'a\\nb' is not a name"),
            ((CALL, "3", "--live"), "--live: a call is not a number"),
            ((CALL, "3", "--at", "soon"), "--at: 'soon' is not an instant"),
            (("soon", "3"), "'soon' is neither the id of a call nor a number"),
            (("0900999998", "3"), "+41900999998 is not configured"),
            ((NUMBER, "77"), "has no level 77"),
        ],
    )
    def test_what_is_unknown_is_one_sentence(
        self, dsn: str, run_command: Run, call: str, words: tuple[str, ...], sentence: str
    ) -> None:
        """It is wrong use, and nothing is asked."""
        status, _, err = run_command("level", *words)

        assert status == 2
        assert sentence in err
        assert err.count("\n") == 1
        assert run_alone(dsn, _rows, "SELECT 1 FROM level_requests") == []


def _level_now(dsn: str) -> list[tuple]:
    return run_alone(
        dsn,
        _rows,
        "SELECT level, isfinite(effective_at) FROM number_levels"
        f" WHERE number = '{NUMBER}' ORDER BY effective_at",
    )


class TestNumber:
    def test_at_once(self, dsn: str, run_command: Run) -> None:
        """It holds from now on; what was scheduled for later stays, what has passed goes."""
        before = _level_now(dsn)

        status, out, _ = run_command("level", "0901 123 456", "2")

        assert (status, out) == (0, "0901 123 456: level 2 from now\n")
        assert _level_now(dsn) == [(2, False), *before[1:]]

    def test_at_an_instant(self, dsn: str, run_command: Run) -> None:
        """One more scheduled change; asked again for the same instant it replaces it."""
        before = _level_now(dsn)
        for level in ("1", "2"):
            run_command("level", NUMBER, level, "--at", "2098-01-04T20:00:00Z")

        assert _level_now(dsn) == [*before, (2, True)]

    def test_with_its_running_calls(
        self, dsn: str, run_command: Run, call: str, engine: list[str]
    ) -> None:
        """Each call says what came of it."""
        engine.append("'2027-01-04T20:00:00Z', NULL")

        status, out, _ = run_command("level", NUMBER, "2", "--live")

        assert status == 0
        assert out.splitlines() == [
            "0901 123 456: level 2 from now, its running calls too",
            f"call {CALL}: level 2 since 2027-01-04T20:00:00.000000Z",
        ]
        assert run_alone(dsn, _rows, "SELECT number, level FROM level_requests") == [
            (NUMBER, 2)
        ]

    def test_of_a_number_with_a_weekly_plan(self, run_command: Run) -> None:
        """It says that the plan goes before it."""
        status, out, _ = run_command("level", "0906123456", "2")

        assert status == 0
        assert "the slot's level goes before it" in out

    def test_without_any_running_call(self, run_command: Run) -> None:
        """There is nobody to wait for."""
        status, out, _ = run_command("level", NUMBER, "2", "--live")

        assert (status, len(out.splitlines())) == (0, 1)


def test_postgres_that_is_away_is_one_sentence(
    run_command: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The setting is named."""
    monkeypatch.setenv("CALLCONTROL_DSN", "postgresql://nobody@127.0.0.1:1/none")
    settings.cache_clear()

    status, _, err = run_command("level", NUMBER, "2")

    assert status == 2
    assert err.startswith("CALLCONTROL_DSN: ")
