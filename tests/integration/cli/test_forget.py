"""`callcontrol forget` on a real database: what is personal goes, all else stays."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from callcontrol.cdr import Cdr
from callcontrol.cdr.journal_file import PendingRecord
from callcontrol.clock import SystemClock
from callcontrol.store import Connection
from callcontrol.store import run as run_alone
from callcontrol.store.cdr_table import CdrFilter, find_cdrs, insert_cdrs
from tests.cdr_builders import make_cdr, make_changed_cdr, make_refused_cdr

Run = Callable[..., tuple[int, str, str]]

MONTH_US = 31 * 86_400_000_000
PERSONAL = ("795550001", "445550101", "445550190", "pbx")


def insert(dsn: str, *cdrs: Cdr) -> None:
    """Insert records as the shipper does."""
    records = [
        PendingRecord(call_id=cdr.call_id, recorded_us=0, body=cdr.to_json()) for cdr in cdrs
    ]
    run_alone(dsn, insert_cdrs, records)


def cdrs(dsn: str) -> list[Cdr]:
    """Give all records, oldest first."""
    return run_alone(dsn, find_cdrs, CdrFilter())[::-1]


def everything(dsn: str) -> str:
    """Give all that Postgres has of calls, as text."""
    return str(run_alone(dsn, _rows))


async def _rows(connection: Connection) -> list[Any]:
    # No bytes: those of a file are hidden in their own notation.
    files = await connection.fetch("SELECT convert_from(content, 'UTF8') FROM charge_files")
    return [*await connection.fetch("SELECT * FROM cdrs"), *files]


async def _fetch(connection: Connection, query: str) -> Any:
    return await connection.fetchval(query)


def make_old(index: int = 0) -> Cdr:
    """Make the record of a call led to a mobile phone after a SIP URI."""
    base = make_changed_cdr(index)
    first = replace(base.attempts[0], target="sip:desk@pbx.example", is_answered=False)
    second = replace(base.attempts[0], target="+41795550102")
    return replace(base, attempts=(first, second))


def test_what_is_personal_goes_and_the_rest_stays(run_command: Run, dsn: str) -> None:
    """Caller, targets and the pattern that matched; not times, amounts, causes, customers."""
    old = make_old()
    blocked = make_refused_cdr(1, rule="blacklist:+41795550001", number=None, category=None)
    insert(dsn, old, blocked)

    status, out, _ = run_command("forget")

    kept, kept_blocked = cdrs(dsn)
    targets = [attempt.target for attempt in kept.attempts]
    assert status == 0
    assert "  2 records were stripped of what is personal\n" in out
    assert targets == ["voip", "mobile"]
    assert kept == replace(
        old, caller=None, caller_raw="", dialled=str(old.number), attempts=kept.attempts
    )
    assert (kept_blocked.rule, kept_blocked.dialled) == ("blacklist", "")
    assert not any(one in everything(dsn) for one in PERSONAL)


def test_what_is_younger_stays_as_it_is(run_command: Run, dsn: str) -> None:
    """Six months are six months."""
    now_us = SystemClock().now_us()
    young = make_cdr(1, received_us=now_us - 5 * MONTH_US)
    insert(dsn, young, make_cdr(2, received_us=now_us - 7 * MONTH_US))

    run_command("forget", "--older-than", "6months")

    assert cdrs(dsn)[1] == young
    assert cdrs(dsn)[0].caller is None


def test_a_trial_removes_nothing(run_command: Run, dsn: str) -> None:
    """`--dry-run` says what would be done; a second run has nothing to do."""
    insert(dsn, make_cdr(1))

    _, out, _ = run_command("forget", "--dry-run")
    assert "  1 records would be stripped" in out
    assert cdrs(dsn) == [make_cdr(1)]
    assert run_alone(dsn, _fetch, "SELECT count(*) FROM forgettings") == 0

    run_command("forget")
    _, out, _ = run_command("forget")
    assert "  0 records were stripped" in out
    assert run_alone(dsn, _fetch, "SELECT sum(records) FROM forgettings") == 1


def test_files_of_charge_records_keep_their_sums(
    run_command: Run, dsn: str, tmp_path: Path
) -> None:
    """Written ones are emptied, and cannot be written again; what was not sent is told."""
    insert(dsn, make_cdr(1, origin="lake", tariff_class="offline-b"))
    run_command("cdrs", "--xdr", str(tmp_path))
    insert(dsn, make_cdr(2, origin="lake", tariff_class="offline-b"))

    _, out, _ = run_command("forget")

    assert "  1 files of charge records were emptied\n" in out
    assert "  1 of the records were never sent" in out
    assert run_alone(dsn, _fetch, "SELECT charged::text FROM charge_files") == "6.00"
    assert run_command("cdrs", "--xdr", str(tmp_path), "--again", "lake/1") == (
        1,
        "",
        "its records were forgotten: lake/1\n",
    )


def test_whole_months_are_dropped_when_asked(run_command: Run, dsn: str) -> None:
    """A month that is not old from its first day to its last stays."""
    insert(dsn, make_cdr(1))

    _, out, _ = run_command("forget", "--whole-months", "--json")

    told = json.loads(out)
    assert told["months"] == ["cdrs_2026_01", "cdrs_2026_02"]
    assert cdrs(dsn) == []
    insert(dsn, make_cdr(1))  # a late one has its month made anew
    assert len(cdrs(dsn)) == 1


def test_the_history_is_forgotten_when_asked(run_command: Run) -> None:
    """It is younger than six months here: nothing goes, and nothing fails."""
    status, _, _ = run_command("forget", "--history")

    assert status == 0


def test_many_records_in_batches(run_command: Run, dsn: str) -> None:
    """More than one batch, with calls of one instant on its edge."""
    insert(dsn, *(make_cdr(1, switch_uuid=f"leg-{index}") for index in range(2100)))

    _, out, _ = run_command("forget")

    assert "  2100 records were stripped" in out
    assert run_alone(dsn, _fetch, "SELECT count(*) FROM cdrs WHERE caller IS NOT NULL") == 0


@pytest.mark.parametrize(
    ("age", "sentence"),
    [
        ("soon", "--older-than: 'soon' is not an age such as 6months"),
        ("5months", "--older-than: 5months: traffic data are kept for six months"),
        ("179days", "--older-than: 179days: traffic data are kept for six months"),
        ("0years", "--older-than: '0years' is not an age such as 6months"),
    ],
)
def test_wrong_use_is_one_sentence(run_command: Run, age: str, sentence: str) -> None:
    """Nothing is removed too early."""
    assert run_command("forget", "--older-than", age) == (2, "", f"{sentence}\n")
