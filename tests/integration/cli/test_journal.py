"""`callcontrol journal` and `journal ship` on a real journal and database."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

import pytest

from callcontrol.cdr import Cdr, Journal
from callcontrol.store import Connection
from callcontrol.store import run as run_alone
from tests.cdr_builders import make_cdr

Run = Callable[..., tuple[int, str, str]]


def record(path: Path, cdrs: Iterable[Cdr]) -> None:
    """Leave records and an open call in a journal, as an engine that has stopped does."""
    with closing(Journal(path, min_free_bytes=0)) as journal:
        journal.opened(make_cdr(99).call_id, {"caller": "+41795550099"})
        for cdr in cdrs:
            journal.record(cdr)


async def _count(connection: Connection) -> object:
    return await connection.fetchval("SELECT count(*) FROM cdrs")


def test_what_waits_is_shown(run_command: Run, journal_path: Path) -> None:
    """Records, open calls and who runs; no caller's number among it."""
    record(journal_path, [make_cdr(1), make_cdr(2)])

    status, out, _ = run_command("journal")

    assert status == 0
    assert "none runs" in out
    assert "waiting     2 records, the oldest for " in out
    assert "set aside   0 records" in out
    assert f"{make_cdr(99).call_id}  since 2026-01-05T12:01:39.000000Z" in out
    assert "4179" not in out


def test_a_running_engine_is_not_disturbed(run_command: Run, journal_path: Path) -> None:
    """Looking is harmless; shipping is left to the engine, in one sentence."""
    with closing(Journal(journal_path, min_free_bytes=0)) as engine:
        engine.record(make_cdr(1))

        status, out, _ = run_command("journal", "--json")
        assert status == 0
        assert json.loads(out)[0] | {"oldest_s": None} == {
            "journal": str(journal_path),
            "process": os.getpid(),
            "records": 1,
            "oldest_s": None,
            "set_aside": {},
            "open_calls": [],
        }

        status, _, err = run_command("journal", "ship")
        assert status == 2
        assert f"in use by process {os.getpid()}: a running engine ships" in err
        assert err.count("\n") == 1
        assert engine.backlog().records == 1


def test_shipping_now(run_command: Run, journal_path: Path, dsn: str) -> None:
    """Everything goes to Postgres; done twice, nothing is there twice."""
    record(journal_path, [make_cdr(index) for index in range(30)])

    assert run_command("journal", "ship") == (0, "shipped 30 records\n", "")
    assert run_command("journal", "ship") == (0, "shipped 0 records\n", "")
    assert run_alone(dsn, _count) == 30

    record(journal_path, [make_cdr(3), make_cdr(50)])
    assert run_command("journal", "ship")[1] == "shipped 2 records (1 were there already)\n"


def test_what_is_refused_is_shown_with_the_reason(run_command: Run, journal_path: Path) -> None:
    """The good ones go, status 1 says that not all did; it can be tried again."""
    bad = make_cdr(2, metered_us=-1)
    record(journal_path, [make_cdr(1), bad, make_cdr(3)])

    status, out, err = run_command("journal", "ship")
    assert (status, out) == (1, "shipped 2 records\n")
    assert "refused 1 records" in err

    _, out, _ = run_command("journal")
    assert f"{bad.call_id}  check violation: metered_not_negative (SQLSTATE 23514)" in out

    assert run_command("journal", "ship")[0] == 0
    assert run_command("journal", "ship", "--retry")[0] == 1


def test_the_journals_of_all_workers(run_command: Run, journal_path: Path, dsn: str) -> None:
    """Further worker processes have theirs beside the first: all are shown, all are shipped."""
    record(journal_path, [make_cdr(1)])
    record(journal_path.with_name("journal.2.sqlite"), [make_cdr(2)])
    journal_path.with_name("journal.old.sqlite").write_text("somebody's copy")

    _, out, _ = run_command("journal", "--json")
    assert [one["records"] for one in json.loads(out)] == [1, 1]

    assert run_command("journal", "ship")[1] == "shipped 2 records\n"
    assert run_alone(dsn, _count) == 2


@pytest.mark.parametrize("words", [("journal",), ("journal", "ship")])
def test_no_journal(run_command: Run, journal_path: Path, words: tuple[str, ...]) -> None:
    """The sentence names the setting and the place; none is made."""
    status, _, err = run_command(*words)

    assert status == 2
    assert err == f"CALLCONTROL_JOURNAL: no journal at {journal_path}\n"
    assert not journal_path.exists()


def test_shipping_without_postgres(
    run_command: Run, journal_path: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """One sentence, status 2, and everything still waits."""
    from callcontrol.config import settings

    record(journal_path, [make_cdr(1)])
    monkeypatch.setenv("CALLCONTROL_DSN", f"postgresql://u:s3cr3t@/d?host={tmp_path}")
    settings.cache_clear()

    status, out, err = run_command("journal", "ship")

    assert (status, out) == (2, "")
    assert err == f"CALLCONTROL_DSN: Postgres at {tmp_path} cannot be reached\n"
    assert "waiting     1 records" in run_command("journal")[1]
