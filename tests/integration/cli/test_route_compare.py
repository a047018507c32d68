"""`callcontrol route --compare` on a real database."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from callcontrol.cdr import Cdr
from callcontrol.cdr.journal_file import PendingRecord
from callcontrol.store import run as run_alone
from callcontrol.store.cdr_table import insert_cdrs
from tests.cdr_builders import make_cdr

Run = Callable[..., tuple[int, str, str]]

DEMO = Path(__file__).parents[3] / "fixtures" / "reference" / "demo.yaml"
OF_THE_DAY = ("--since", "2026-01-05", "--until", "2026-01-06")
HIDDEN = "+41795550099"
CDRS = [
    make_cdr(0),
    make_cdr(1, dialled="0800000001", number="+41800000001"),
    make_cdr(2, caller=HIDDEN, caller_raw=HIDDEN, caller_withheld=True),
    make_cdr(3, dialled="0901999999", number=None),
]


@pytest.fixture(autouse=True)
def _records(dsn: str, run_command: Run) -> None:
    run_alone(dsn, insert_cdrs, [_pending(cdr) for cdr in CDRS])
    run_command("load", str(DEMO))


@pytest.fixture
def changed(tmp_path: Path) -> str:
    """Give a reference in which 0901 123 456 rings somebody else first."""
    text = DEMO.read_text()
    before, line, after = text.partition("  0901 123 456:")
    file = tmp_path / "changed.yaml"
    file.write_text(before + line + after.replace("044 555 01 01", "044 555 01 08", 1))
    return str(file)


def _pending(cdr: Cdr) -> PendingRecord:
    return PendingRecord(call_id=cdr.call_id, recorded_us=0, body=cdr.to_json())


def test_the_same_reference_changes_nothing(run_command: Run) -> None:
    """Exit 0; also calls to numbers that are not ours were decided again."""
    status, out, _ = run_command("route", "--compare", str(DEMO), *OF_THE_DAY)

    assert (status, out) == (0, "0 of 4 calls would be routed differently\n")


def test_calls_that_would_go_elsewhere(run_command: Run, changed: str) -> None:
    """Exit 1; what differs, call by call, and no withheld number."""
    status, out, _ = run_command("route", "--compare", changed, *OF_THE_DAY)

    assert status == 1
    assert "+41445550101 by trunk-a" in out
    assert "+41445550108 by trunk-a" in out
    assert out.endswith("2 of 4 calls would be routed differently\n")
    assert "withheld" in out
    assert "95550099" not in out.replace(" ", "")


def test_a_script_reads_the_same(run_command: Run, changed: str) -> None:
    """One JSON object; only the calls of one number when it is named."""
    _, out, _ = run_command("route", "0901123456", "--compare", changed, "--json", *OF_THE_DAY)
    answer = json.loads(out)

    assert (answer["since"], answer["calls"]) == ("2026-01-04T23:00:00.000000Z", 2)
    first, second = answer["different"]
    assert first["call_id"] == CDRS[0].call_id
    assert first["differs"]["targets"]["after"].startswith("+41445550108 by trunk-a / ")
    assert first["rule"] == {"before": "default", "after": "default"}
    assert (second["caller"], second["withheld"]) == (None, True)


def test_the_last_week_unless_told_otherwise(run_command: Run, changed: str) -> None:
    """Older calls are of no interest."""
    status, out, _ = run_command("route", "--compare", changed)

    assert (status, out) == (0, "0 of 0 calls would be routed differently\n")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "say NUMBER and --from CALLER, or --call ID, or --compare FILE"),
        (("--compare", str(DEMO), "--since", "x"), "--since: 'x' is not an instant"),
        (("x", "--compare", str(DEMO)), "'x' is not a number"),
    ],
)
def test_wrong_use_is_one_sentence(
    run_command: Run, words: tuple[str, ...], sentence: str
) -> None:
    """Exit 2, and what to do."""
    status, out, err = run_command("route", *words)

    assert (status, out) == (2, "")
    assert err.startswith(sentence)
