"""`callcontrol history` on a real database: kept by triggers, and only added to."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from callcontrol.errors import CallControlError
from callcontrol.store import Connection
from callcontrol.store import run as run_alone

Run = Callable[..., tuple[int, str, str]]

DEMO = Path(__file__).parents[3] / "fixtures" / "reference" / "demo.yaml"
NUMBER = "0901123456"


@pytest.fixture(autouse=True)
def _loaded(run_command: Run) -> None:
    run_command("load", str(DEMO))


def _changes(run_command: Run) -> list[dict]:
    """Give the changes of each transaction, the first load left out."""
    return [one["changes"] for one in _revisions(run_command)[1:]]


def _revisions(run_command: Run) -> list[dict]:
    return json.loads(run_command("history", NUMBER, "--json")[1])


def test_load_is_one_change_and_only_of_what_differs(run_command: Run, tmp_path: Path) -> None:
    """It writes the number whole, and the history says what is different."""
    changed = tmp_path / "changed.yaml"
    changed.write_text(DEMO.read_text().replace("max_calls: 50\n", "max_calls: 60\n"))

    run_command("load", str(changed))

    first, second = _revisions(run_command)
    assert {one["table"] for one in first["changes"]} >= {"numbers", "route_targets"}
    assert (first["program"], bool(first["who"])) == ("callcontrol load", True)
    assert second["changes"] == [
        {"table": "numbers", "key": {}, "before": {"max_calls": 50}, "after": {"max_calls": 60}}
    ]


def test_sql_by_hand_is_in_it(dsn: str, run_command: Run) -> None:
    """What comes, is changed, and goes; what an UPDATE leaves alone is not."""
    where = "WHERE number = '+41901123456'"
    run_alone(dsn, _execute, f"UPDATE numbers SET suspended = true {where}")
    run_alone(dsn, _execute, f"UPDATE numbers SET suspended = true {where}")
    run_alone(dsn, _execute, f"DELETE FROM number_levels {where} AND level = 3")
    run_alone(dsn, _execute, "TRUNCATE overrides")

    suspended, level = _changes(run_command)
    assert suspended[0]["after"] == {"suspended": True}
    assert (level[0]["before"], level[0]["after"]) == ({"level": 3}, None)


def test_a_number_that_is_gone_has_a_history(dsn: str, run_command: Run) -> None:
    """Every row of it is told to have gone, whoever deleted it."""
    run_alone(dsn, _execute, "DELETE FROM numbers WHERE number = '+41901123456'")

    status, out, _ = run_command("history", NUMBER)

    assert status == 0
    assert "  numbers removed: " in out
    assert "  route_targets route experts step 0 position 0 removed: " in out


def test_everything_emptied_at_once(dsn: str, run_command: Run) -> None:
    """TRUNCATE asks no row, and is in it all the same."""
    run_alone(dsn, _execute, "TRUNCATE numbers CASCADE")

    (gone,) = _changes(run_command)
    assert {one["after"] for one in gone} == {None}


def test_nobody_rewrites_it(dsn: str) -> None:
    """Not even the owner, by mistake."""
    for statement in (
        "DELETE FROM reference_history",
        "UPDATE reference_history SET who = 'x'",
        "TRUNCATE reference_history",
    ):
        with pytest.raises(CallControlError, match="restrict violation"):
            run_alone(dsn, _execute, statement)


def test_a_time_may_be_asked_for(run_command: Run) -> None:
    """Exit 1 when nothing was changed then."""
    status, out, _ = run_command("history", NUMBER, "--until", "2020-01-01")

    assert (status, out) == (1, "no change is known\n")
    assert run_command("history", NUMBER, "--since", "2020-01-01")[0] == 0


def test_wrong_use_is_one_sentence(run_command: Run) -> None:
    """Exit 2."""
    status, _, err = run_command("history", "x")

    assert (status, err) == (2, "'x' is not a number\n")


async def _execute(connection: Connection, statement: str) -> None:
    await connection.execute(statement)
