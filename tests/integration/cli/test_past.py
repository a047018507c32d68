"""The past on the command line: `export --at`, `route --at`, `route --call`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from callcontrol.cdr import call_id_for
from callcontrol.cdr.journal_file import PendingRecord
from callcontrol.clock import SystemClock, text_of
from callcontrol.store import Connection
from callcontrol.store import run as run_alone
from callcontrol.store.cdr_table import insert_cdrs
from tests.cdr_builders import make_cdr

Run = Callable[..., tuple[int, str, str]]

DEMO = Path(__file__).parents[3] / "fixtures" / "reference" / "demo.yaml"
CALL = ("0901123456", "--from", "+41445559999")
CLOSE = (
    "INSERT INTO overrides (number, position, from_at) VALUES ('+41901123456', 9, '2020-01-01')"
)


@pytest.fixture
def loaded_us(run_command: Run) -> int:
    """Give an instant right after everything was loaded."""
    run_command("load", str(DEMO))
    return SystemClock().now_us()


async def _execute(connection: Connection, statement: str) -> None:
    await connection.execute(statement)


def recorded(dsn: str, received_us: int, **changes: object) -> str:
    """Put a record of a call received then into Postgres; gives its id."""
    call_id = call_id_for("leg", received_us)
    cdr = make_cdr(call_id=call_id, received_us=received_us, **changes)
    body = PendingRecord(call_id=cdr.call_id, recorded_us=0, body=cdr.to_json())
    run_alone(dsn, insert_cdrs, [body])
    return call_id


def test_what_was_configured_then_decides_a_past_instant(
    dsn: str, run_command: Run, loaded_us: int
) -> None:
    """And what is configured now, where that is asked for; `export` writes it whole."""
    then = ("--at", text_of(loaded_us))
    exported = run_command("export")
    answer = run_command("route", *CALL, *then, "--current", "--json")
    run_alone(dsn, _execute, CLOSE)

    past = run_command("route", *CALL, *then, "--json")
    current = run_command("route", *CALL, *then, "--current", "--json")

    assert past == answer
    assert json.loads(current[1])["rule"].startswith("override:")
    assert run_command("export", *then) == exported
    assert run_command("export") != exported


def test_before_the_history_nothing_is_known(run_command: Run, loaded_us: int) -> None:
    """One sentence, with the way out; what was forgotten is before it."""
    status, out, _ = run_command("history", "--forget-before", text_of(loaded_us))
    refused = run_command("route", *CALL, "--at", text_of(loaded_us - 1))

    assert (status, out.startswith("forgot ")) == (0, True)
    assert refused[0] == 2
    assert refused[2].endswith("--current decides by what is configured now\n")
    assert run_command("route", *CALL, "--at", text_of(loaded_us))[0] == 0


def test_a_recorded_call_is_explained(dsn: str, run_command: Run, loaded_us: int) -> None:
    """By what was configured then; exit 1 and what differs when it would go differently now."""
    route = ("route", *CALL, "--at", text_of(loaded_us), "--json")
    rule = json.loads(run_command(*route)[1])["rule"]
    call = recorded(dsn, loaded_us, dialled=CALL[0], caller=CALL[2], caller_raw="x", rule=rule)

    same = run_command("route", "--call", call)
    run_alone(dsn, _execute, CLOSE)
    changed = run_command("route", "--call", call)
    read = json.loads(run_command("route", "--call", call, "--json")[1])

    assert same[0] == 0
    assert [line.split() for line in same[1].splitlines()][-1] == ["now", "the", "same"]
    assert changed[0] == 1
    assert "decision: connect, now release with NO_ROUTE_DESTINATION" in changed[1]
    assert (read["rule"], read["is_explained"]) == (rule, True)
    assert read["now"]["decision"]["after"] == "release with NO_ROUTE_DESTINATION"


@pytest.mark.parametrize(
    ("rule", "status", "says"),
    [
        ("limit", 0, "which depended on more than what was configured"),
        ("override:always", 1, "which is not what was configured"),
    ],
)
def test_a_record_that_says_something_else(
    dsn: str, run_command: Run, loaded_us: int, rule: str, status: int, says: str
) -> None:
    """It is told; a limit of calls at once is nothing that could be decided again."""
    call = recorded(dsn, loaded_us, dialled=CALL[0], caller=CALL[2], rule=rule)

    ended, out, _ = run_command("route", "--call", call)

    assert ended == status
    assert says in out


def test_a_withheld_number_is_not_shown(dsn: str, run_command: Run, loaded_us: int) -> None:
    """Nor the pattern that blocked it, as text and as JSON."""
    hidden = "+41795556666"
    call = recorded(
        dsn,
        loaded_us,
        dialled=CALL[0],
        caller=hidden,
        caller_raw=hidden,
        caller_withheld=True,
        rule="blacklist:withheld",
    )

    for words in ((), ("--json",)):
        out = run_command("route", "--call", call, *words)[1]
        assert "blacklist:withheld" in out
        assert "5556666" not in out.replace(" ", "")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("route", "--call", "x"), "--call: 'x' is not the id of a call\n"),
        (
            ("route", "--call", call_id_for("leg", 1)),
            f"--call: there is no record of {call_id_for('leg', 1)}\n",
        ),
        (("history",), "say NUMBER, or --forget-before INSTANT\n"),
        (("history", "--forget-before", "x"), "--forget-before: 'x' is not an instant such as"),
    ],
)
def test_wrong_use_is_one_sentence(
    run_command: Run, words: tuple[str, ...], sentence: str
) -> None:
    """Exit 2."""
    status, _, err = run_command(*words)

    assert status == 2
    assert err.startswith(sentence)
