"""How test processes share the processors with what they start."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest


def pytest_configure(config: pytest.Config) -> None:
    """Let all else go first when several test processes run at once.

    Linux gives each session an equal part of the processors (sched_autogroup). Test processes
    and the engines they start never rest, and are one session. Whoever is in another, such as
    every backend of Postgres, and the kernel's own threads that write to the disk, had to wait
    for a turn for up to nine seconds on two cores. With the least weight for ours nobody does.
    """
    if hasattr(config, "workerinput"):
        # Not Linux, or a leader of its session already: as it was.
        with suppress(OSError):
            os.setsid()
            Path("/proc/self/autogroup").write_text("19")


@pytest.hookimpl(tryfirst=True)  # before they are ended by force
def pytest_sessionfinish(exitstatus: int) -> None:
    """Pass Ctrl-C on to the sessions made above: a terminal sends it to its own alone."""
    if exitstatus == pytest.ExitCode.INTERRUPTED:
        for children in Path("/proc/self/task").glob("*/children"):
            for pid in map(int, children.read_text().split()):
                with suppress(OSError):
                    os.killpg(pid, signal.SIGINT)
