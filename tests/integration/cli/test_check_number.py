"""`callcontrol check NUMBER` from a file and from a real database."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from callcontrol.store import Connection
from callcontrol.store import run as run_alone

Run = Callable[..., tuple[int, str, str]]

DEMO = str(Path(__file__).parents[3] / "fixtures" / "reference" / "demo.yaml")


def test_before_and_after_a_scheduled_change(run_command: Run) -> None:
    """From a file that is not loaded yet: level and route of that day."""
    before = run_command("check", "0901123456", "--at", "2027-06-30T23:59", "--file", DEMO)
    after = run_command("check", "0901123456", "--at", "2027-07-01T00:00", "--file", DEMO)

    assert (before[0], after[0]) == (0, 0)
    assert "level 1\n" in before[1]
    assert "+41445550101 by trunk-a" in before[1]
    assert "level 3\n" in after[1]
    assert "+41445550105 by trunk-a" in after[1]


def test_a_number_that_has_left(run_command: Run) -> None:
    """Exit 1, and a script reads what is wrong."""
    run_command("load", DEMO)
    status, out, _ = run_command("check", "0900111111", "--at", "2035-01-01", "--json")
    answer = json.loads(out)

    assert status == 1
    assert [name for name, one in answer.items() if not one["ok"]] == [
        "service",
        "customer",
        "caller",
        "withheld",
    ]


def test_a_row_that_cannot_be_used(dsn: str, run_command: Run) -> None:
    """A value that somebody wrote by hand: the reason stands here."""
    run_command("load", DEMO)
    run_alone(dsn, _execute, "UPDATE numbers SET zone = 'Mars' WHERE number = '+41901123456'")
    status, out, _ = run_command("check", "0901123456")

    assert status == 1
    assert out.startswith("no   entry")
    assert "zone" in out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("x",), "'x' is not a number"),
        (("0901123456", "--at", "x", "--file", DEMO), "--at: 'x' is not an instant"),
    ],
)
def test_wrong_use_is_one_sentence(
    run_command: Run, words: tuple[str, ...], sentence: str
) -> None:
    """Exit 2, nothing on standard output."""
    status, out, err = run_command("check", *words)

    assert (status, out) == (2, "")
    assert err.startswith(sentence)


async def _execute(connection: Connection, statement: str) -> None:
    await connection.execute(statement)
