"""`callcontrol blacklist` on a real database: line by line, and in bulk, all or nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from callcontrol.store import Connection
from callcontrol.store import run as run_alone

Run = Callable[..., tuple[int, str, str]]

DEMO = Path(__file__).parents[3] / "fixtures" / "reference" / "demo.yaml"
HEADER = "pattern,number,customer,action,valid_from,valid_until,cause,reason\n"


@pytest.fixture(autouse=True)
def _loaded(run_command: Run) -> None:
    run_command("load", str(DEMO))
    run_command("blacklist", "remove", "+41795556666")


@pytest.fixture
def csv(tmp_path: Path) -> Callable[[str], str]:
    """Give a function that writes a file and gives its path."""

    def write(text: str) -> str:
        file = tmp_path / "lines.csv"
        file.write_text(text, encoding="utf-8")
        return str(file)

    return write


def export(run_command: Run, *words: str) -> str:
    """Give what the lines are, without the header."""
    status, out, err = run_command("blacklist", "export", *words)
    assert (status, err) == (0, "")
    assert out.startswith(HEADER)
    return out.removeprefix(HEADER)


def test_a_line_is_added_shown_and_removed(run_command: Run) -> None:
    """In any dialled form; adding it again says something else of it."""
    added = run_command("blacklist", "add", "079 555 00 01", "--customer", "muster")
    assert added[1] == "1 added\n"
    words = ("blacklist", "add", "0795550001", "--customer", "muster", "--reason", "rude")
    assert run_command(*words)[1] == "1 changed\n"
    assert run_command(*words)[1] == "nothing differs\n"

    status, out, _ = run_command("blacklist", "list", "0795550001", "--customer", "muster")
    assert status == 0
    assert out.splitlines()[1].split() == ["+41795550001", "muster", "block", "rude"]

    removed = ("blacklist", "remove", "0795550001", "--customer", "muster")
    assert run_command(*removed)[:2] == (0, "1 removed\n")
    assert run_command(*removed)[:2] == (1, "no such line\n")
    assert run_command("blacklist", "list", "0795550001", "--customer", "muster")[:2] == (
        1,
        "no line\n",
    )


def test_an_exception_for_a_time(run_command: Run) -> None:
    """Instants without an offset are local; the line is one of its own beside the block."""
    run_command("blacklist", "add", "+4179*", "--cause", "USER_BUSY")
    run_command(
        "blacklist", "add", "+4179*", "--allow", "--number", "0901123456",
        "--from", "2026-08-01", "--until", "2026-09-01T12:00:00Z",
    )  # fmt: skip

    assert export(run_command, "--number", "0901123456") == (
        "+4179*,+41901123456,,allow,2026-08-01T00:00:00+02:00,2026-09-01T14:00:00+02:00,"
        "CALL_REJECTED,\n"
    )
    assert "+4179*,,,block,,,USER_BUSY,\n" in export(run_command, "--platform")


def test_a_file_is_merged_or_replaces(run_command: Run, csv: Callable[[str], str]) -> None:
    """What it does not contain stays, unless it is to replace; equal lines are left alone."""
    before = export(run_command)
    run_command("blacklist", "import", csv("pattern,reason\n+4177*,one\n+4178*,two\n"))
    file = csv("pattern,reason\n+4178*,other\n+4176*,three\n")

    dry = run_command("blacklist", "import", "--replace", "--platform", "--dry-run", file)
    merged = run_command("blacklist", "import", file)
    replaced = run_command("blacklist", "import", "--replace", "--platform", file)

    count = sum(line.split(",")[1:3] == ["", ""] for line in before.splitlines())
    assert dry[1] == f"1 added, 1 changed, {count + 1} removed; nothing was written\n"
    assert merged[1] == "1 added, 1 changed\n"
    assert replaced[1] == f"{count + 1} removed\n"
    assert export(run_command, "--platform") == (
        "+4176*,,,block,,,CALL_REJECTED,three\n+4178*,,,block,,,CALL_REJECTED,other\n"
    )


def test_a_customer_s_file_touches_nobody_else(
    run_command: Run, csv: Callable[[str], str]
) -> None:
    """Lines that name no scope get the one given; one of another scope refuses the file."""
    run_command("blacklist", "add", "+4171*")
    run_command("blacklist", "add", "+4172*", "--customer", "muster")
    words = ("blacklist", "import", "--replace", "--customer", "muster")

    own = run_command(*words, csv("pattern\n+4173*\n"))
    other = run_command(*words, csv("pattern,number\n+4174*,\n+4175*,0901123456\n"))

    assert own[:2] == (0, "1 added, 1 removed\n")
    assert export(run_command, "--customer", "muster").startswith("+4173*,,muster,")
    assert "+4171*" in export(run_command, "--platform")
    assert other[0] == 2
    assert other[2].endswith("lines.csv:3: is of another scope than the one named\n")


def test_one_faulty_line_and_nothing_is_changed(
    run_command: Run, csv: Callable[[str], str]
) -> None:
    """Whether the file itself shows it, or only what is configured."""
    before = export(run_command)

    shape = run_command("blacklist", "import", csv("pattern,action\n+4178*,\n+4179*,perhaps\n"))
    known = run_command(
        "blacklist", "import", csv("pattern,customer\n+4178*,\n+4179*,nobody\n")
    )
    gone = run_command("blacklist", "import", "/nowhere.csv")

    assert shape[0] == known[0] == gone[0] == 2
    assert shape[2].endswith("lines.csv:3: action: is not 'block' or 'allow'\n")
    assert known[2].endswith("lines.csv:3: customer: there is no customer 'nobody'\n")
    assert gone[2] == "/nowhere.csv: No such file or directory\n"
    assert export(run_command) == before


def test_what_is_exported_is_the_same_when_it_is_imported(
    run_command: Run, tmp_path: Path
) -> None:
    """There and back changes nothing, and back into an emptied list brings everything."""
    run_command(
        "blacklist", "add", "anonymous", "--number", "0901123456", "--until", "2090-01-01"
    )
    file = tmp_path / "all.csv"
    run_command("blacklist", "export", "--output", str(file))
    lines = len(file.read_text().splitlines()) - 1

    again = run_command("blacklist", "import", "--replace", str(file))
    emptied = tmp_path / "none.csv"
    emptied.write_text("pattern\n")
    run_command("blacklist", "import", "--replace", str(emptied))
    back = run_command("blacklist", "import", str(file))

    assert lines > 1
    assert again[1] == "nothing differs\n"
    assert back[1] == f"{lines} added\n"
    assert HEADER + export(run_command) == file.read_text()


def test_a_bulk_change_is_told_once_and_kept_in_few_rows(
    dsn: str, run_command: Run, csv: Callable[[str], str]
) -> None:
    """Engines read the list once; lines alike are one row of the history, told one by one."""
    lines = "".join(f"+417{i:07}\n" for i in range(3000))
    told: list[str] = []

    async def listening() -> None:
        connection = await asyncpg.connect(dsn)
        await connection.add_listener(
            "callcontrol_reference", lambda *said: told.append(str(said[3]))
        )
        words = ("blacklist", "import", "--number", "0901123456", csv("pattern\n" + lines))
        await asyncio.to_thread(run_command, *words)
        await connection.execute("SELECT 1")
        await connection.close()

    asyncio.run(listening())
    kept = run_alone(
        dsn,
        _value,
        "SELECT count(*) FROM reference_history"
        " WHERE in_table = 'blacklist' AND content ->> 'pattern' LIKE '% %'",
    )
    history = run_command("history", "0901123456")[1]

    assert told == ["blacklist"]
    assert kept == 1
    assert history.count("blacklist pattern +417") == 3000


async def _value(connection: Connection, query: str) -> object:
    return await connection.fetchval(query)
