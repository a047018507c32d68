"""Nobody reads the engine's log, or its disk is full: no caller notices."""

from __future__ import annotations

import fcntl
import os

import pytest

from tests.chaos.reference import PLAIN
from tests.chaos.stage import Stage
from tests.waiting import eventually

_SETPIPE_SIZE = 1031  # F_SETPIPE_SZ
_CALLS = 12


def served(stage: Stage) -> bool:
    """Place calls; says whether each was answered and recorded."""
    before = len(stage.records())
    seen = stage.caller(
        *({"number": PLAIN, "after_s": index / 10, "talk_s": 0.3} for index in range(_CALLS))
    ).all(within_s=30)
    eventually(lambda: len(stage.records()) == before + _CALLS, within_s=20)
    return [one["ended_by"] for one in seen] == ["caller"] * _CALLS


@pytest.mark.long
def test_its_reader_stalls_and_leaves(stage: Stage):
    """A pipe of one page is full after some calls; then it is closed at the other end."""
    engine = stage.engine("engine", int(stage.engines.rpartition(":")[2]))
    read_end, write_end = os.pipe()
    fcntl.fcntl(write_end, _SETPIPE_SIZE, 4096)
    engine.spawn(log_fd=write_end)
    os.close(write_end)
    eventually(engine.is_ready, within_s=60)
    while_it_stalls = served(stage)
    os.close(read_end)
    once_it_is_gone = served(stage)
    engine.stop()

    assert while_it_stalls
    assert once_it_is_gone


@pytest.mark.long
def test_its_disk_is_full(stage: Stage):
    """No line can be written at all."""
    engine = stage.engine("engine", int(stage.engines.rpartition(":")[2]))
    with open("/dev/full", "wb") as full:
        engine.spawn(log_fd=full.fileno())
    eventually(engine.is_ready, within_s=60)

    assert served(stage)
    engine.stop()
