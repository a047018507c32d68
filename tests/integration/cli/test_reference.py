"""migrate, load, export and schema, as an operator types them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from callcontrol.config import settings
from callcontrol.store import Connection, run

Run = Callable[..., tuple[int, str, str]]

DEMO = str(Path(__file__).parents[3] / "fixtures" / "reference" / "demo.yaml")


def test_a_new_operator_gets_from_nothing_to_a_reference(
    dsn: str, run_command: Run, tmp_path: Path
) -> None:
    """Empty database: load says what to do; migrate, load, export, load again."""
    run(dsn, _execute, "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    code, out, err = run_command("load", DEMO)
    assert (code, out) == (2, "")
    assert err.endswith("is empty: run `callcontrol migrate`\n")

    assert run_command("migrate")[0] == 0
    assert "already" in run_command("migrate")[1]
    assert run_command("load", "--dry-run", DEMO)[1].endswith("35 added; nothing was written\n")
    assert run_command("load", DEMO)[1].endswith("35 added\n")
    _, exported, _ = run_command("export")
    again = tmp_path / "exported.yaml"
    again.write_text(exported)

    assert run_command("load", str(again)) == (0, "nothing differs\n", "")


@pytest.mark.parametrize("words", [("migrate",), ("load", DEMO), ("export",)])
def test_a_database_that_cannot_be_reached_is_one_sentence(
    run_command: Run, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    """Exit 2, nothing on standard output, no traceback, no password."""
    monkeypatch.setenv("CALLCONTROL_DSN", "postgresql://op:hush@127.0.0.1:1/x")
    settings.cache_clear()

    code, out, err = run_command(*words)

    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    assert "127.0.0.1:1 cannot be reached" in err
    assert "hush" not in err


def test_a_broken_file_writes_nothing(run_command: Run, tmp_path: Path) -> None:
    """Every fault with its line; exit 2; the database is as it was."""
    broken = tmp_path / "broken.yaml"
    broken.write_text(Path(DEMO).read_text().replace("[trunk-a, trunk-b]", "[trunk-x]"))

    code, out, err = run_command("load", str(broken))

    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 2
    for line in err.splitlines():
        assert line.startswith(f"{broken}:")
        assert line.endswith("there is no gateway 'trunk-x'")
    assert run_command("export") == (0, "{}\n", "")


def test_the_contract_is_a_json_schema(run_command: Run) -> None:
    """`schema` knows the sections and refuses every other word."""
    code, out, _ = run_command("schema")

    contract = json.loads(out)
    assert code == 0
    assert set(contract["properties"]) == {
        "gateways",
        "operators",
        "customers",
        "tariffs",
        "numbers",
        "blacklist",
    }
    assert contract["additionalProperties"] is False


async def _execute(connection: Connection, statement: str) -> None:
    await connection.execute(statement)
