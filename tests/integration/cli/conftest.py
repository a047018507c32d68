"""The command line as a person types it, on a real database and journal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from callcontrol.cli import main
from callcontrol.config import settings

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def journal_path(tmp_path: Path) -> Path:
    """Give the place of the engine's journal."""
    return tmp_path / "journal.sqlite"


@pytest.fixture
def run_command(
    dsn: str,
    journal_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Run]:
    """Give a function that runs a command and gives its status and what it printed where."""
    monkeypatch.setenv("CALLCONTROL_DSN", dsn)
    monkeypatch.setenv("CALLCONTROL_JOURNAL", str(journal_path))
    settings.cache_clear()

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(list(words))
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    yield run
    settings.cache_clear()
    structlog.reset_defaults()  # a command sets logging up for a process of its own
