"""The journal outlives its process: what was acknowledged before kill -9 is there."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from callcontrol.cdr import Cdr, Journal
from tests.cdr_builders import make_cdr

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("attempt", range(4))
def test_what_was_acknowledged_survives_kill_9(tmp_path: Path, attempt: int) -> None:
    """Killed at random instants, three lives in a row: all there, whole, nothing twice."""
    path = tmp_path / "journal.sqlite"
    acknowledged: set[int] = set()

    for life in range(3):
        acknowledged |= _killed_after(
            path, first=life * 10_000_000, lines=random.randint(1, 400)
        )

    with closing(Journal(path, min_free_bytes=0)) as journal:
        waiting = journal.pending(1_000_000)
        open_calls = journal.open_calls()
    by_id = {record.call_id: Cdr.from_json(record.body) for record in waiting}
    assert len(by_id) == len(waiting)
    assert {cdr.switch_uuid for cdr in by_id.values()} >= {
        make_cdr(index).switch_uuid for index in acknowledged
    }
    for index in acknowledged:
        expected = make_cdr(index)
        assert by_id[expected.call_id] == expected
    assert not by_id.keys() & {call.call_id for call in open_calls}
    assert len(open_calls) <= 3 * 20


def _killed_after(path: Path, *, first: int, lines: int) -> set[int]:
    with subprocess.Popen(
        [sys.executable, Path(__file__).parent / "recorder.py", path, str(first)],
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": str(ROOT)},
        text=True,
    ) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(lines)]
        process.send_signal(signal.SIGKILL)
        said += process.stdout.readlines()
    # The kill may cut the last line short.
    return {int(line) for line in said if line.endswith("\n")}
