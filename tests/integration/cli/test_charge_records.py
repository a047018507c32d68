"""`callcontrol cdrs --xdr` on a real database and folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from callcontrol.cdr.charge_file import ChargeFile
from callcontrol.cdr.journal_file import PendingRecord
from callcontrol.store import run as run_alone
from callcontrol.store.cdr_table import insert_cdrs
from tests.cdr_builders import make_cdr

Run = Callable[..., tuple[int, str, str]]

NAME = "xdr_lake_000001_2026-01-05.csv"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give the folder that operators fetch their files from."""
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


@pytest.fixture(autouse=True)
def _records(dsn: str) -> None:
    insert(dsn, 1, 2)


def insert(dsn: str, *indices: int) -> None:
    """Insert records that an operator is to be sent."""
    cdrs = [make_cdr(index, origin="lake", tariff_class="offline-b") for index in indices]
    records = [
        PendingRecord(call_id=cdr.call_id, recorded_us=0, body=cdr.to_json()) for cdr in cdrs
    ]
    run_alone(dsn, insert_cdrs, records)


def names(folder: Path) -> list[str]:
    """List a folder, hidden files included."""
    return sorted(path.name for path in folder.iterdir())


def test_files_are_written_once(run_command: Run, folder: Path) -> None:
    """A line for each file; the next run has nothing to do."""
    status, out, _ = run_command("cdrs", "--xdr", str(folder))

    assert (status, out) == (0, f"{folder / NAME}: 2 calls, CHF 12.00\n")
    assert names(folder) == [NAME]
    assert len(ChargeFile.from_bytes((folder / NAME).read_bytes()).calls) == 2
    assert run_command("cdrs", "--xdr", str(folder)) == (0, "no charge records are due\n", "")


def test_a_summary_for_programs(run_command: Run, folder: Path) -> None:
    """What an export job needs to check and to tell."""
    _, out, _ = run_command("cdrs", "--xdr", str(folder), "--json", "--day", "2026-01-05")

    (told,) = json.loads(out)
    assert told.pop("sha256")
    assert told == {
        "file": str(folder / NAME),
        "operator": "lake",
        "number": 1,
        "day": "2026-01-05",
        "records": 2,
        "charged": "12.00",
        "currency": "CHF",
    }


def test_a_day_before_the_calls_has_none(run_command: Run, folder: Path) -> None:
    """Only calls up to that day are taken."""
    _, out, _ = run_command("cdrs", "--xdr", str(folder), "--day", "2026-01-04")

    assert out == "no charge records are due\n"


def test_a_file_lost_by_its_reader_is_written_again(run_command: Run, folder: Path) -> None:
    """The same bytes, also when more records have come since."""
    run_command("cdrs", "--xdr", str(folder))
    before = (folder / NAME).read_bytes()
    (folder / NAME).unlink()

    status, out, _ = run_command("cdrs", "--xdr", str(folder), "--again", "lake/1")

    assert (status, out) == (0, f"{folder / NAME}: 2 calls, CHF 12.00\n")
    assert (folder / NAME).read_bytes() == before


def test_what_could_not_be_written_is_written_the_next_time(
    run_command: Run, folder: Path, dsn: str
) -> None:
    """Something else in its place is left alone; the file keeps its number and its calls."""
    (folder / NAME).write_text("something else")
    status, _, err = run_command("cdrs", "--xdr", str(folder))
    assert status == 2
    assert err == f"--xdr: {folder / NAME} is there already, with other contents\n"
    assert names(folder) == [NAME]

    (folder / NAME).unlink()
    insert(dsn, 3)
    run_command("cdrs", "--xdr", str(folder))

    assert names(folder) == [NAME, "xdr_lake_000002_2026-01-06.csv"]
    assert len(ChargeFile.from_bytes((folder / NAME).read_bytes()).calls) == 2


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--xdr", "{}/no"), "--xdr: {}/no: no such folder"),
        (("--xdr", "{}/no", "--again", "lake/1"), "--xdr: {}/no: no such folder"),
        (("--xdr", "{}", "--day", "monday"), "--day: 'monday' is not a day such as 2026-08-01"),
        (("--xdr", "{}", "--day", "2026-02-30"), "--day: '2026-02-30' is not a day"),
        (("--xdr", "{}", "--day", "2199-01-01"), "--day: 2199-01-01 is not over"),
        (("--xdr", "{}", "--again", "lake"), "--again: 'lake' is not OPERATOR/NUMBER"),
        (("--day", "2026-01-05"), "--day and --again go with --xdr"),
    ],
)
def test_wrong_use_is_one_sentence(
    run_command: Run, folder: Path, options: tuple[str, ...], sentence: str
) -> None:
    """It names the option; nothing is written, status 2."""
    words = [option.format(folder) for option in options]

    status, out, err = run_command("cdrs", *words)

    assert (status, out) == (2, "")
    assert err.startswith(sentence.format(folder))
    assert err.count("\n") == 1
    assert names(folder) == []


def test_no_such_file(run_command: Run, folder: Path) -> None:
    """The answer is no: status 1."""
    told = run_command("cdrs", "--xdr", str(folder), "--again", "lake/9")

    assert told == (1, "", "there is no file lake/9\n")
