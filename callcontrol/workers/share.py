"""What each worker of a service is given, and how soon the next one comes when it dies."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from callcontrol.config import PREFIX, Settings

_LONGEST_PAUSE_S = 30.0


def journal_of(journal: Path, number: int) -> Path:
    """Name a worker's own journal: `journal.sqlite`, `journal.2.sqlite`, `journal.3.sqlite`.

    The first has the very file of a service with one process, so that nothing is left behind
    when a service gets its second worker.
    """
    return journal if number == 1 else journal.with_suffix(f".{number}{journal.suffix}")


def name_of(engine: str, number: int) -> str:
    """Name a worker: `engine-1`, `engine-1.2`, `engine-1.3`; the first as it would be alone."""
    return engine if number == 1 else f"{engine}.{number}"


def environment_of(
    base: Mapping[str, str], settings: Settings, number: int, figures: Path
) -> dict[str, str]:
    """Make a worker's environment: the supervisor's, with what is the worker's own.

    All other settings a worker reads for itself, so that a restart brings what has changed in
    `.env` or the TOML file.

    Args:
        base: the supervisor's environment.
        settings: the service's.
        number: the worker's, from 1.
        figures: the folder in which workers keep their figures.
    """
    return {
        **base,
        f"{PREFIX}JOURNAL": str(journal_of(settings.journal, number)),
        f"{PREFIX}ENGINE": name_of(settings.engine, number),
        "PROMETHEUS_MULTIPROC_DIR": str(figures),
    }


def pause_s(short_lives: int) -> float:
    """Give the seconds before the next start, after so many short lives in a row."""
    return min(_LONGEST_PAUSE_S, 2.0 ** (short_lives - 1)) if short_lives else 0.0
