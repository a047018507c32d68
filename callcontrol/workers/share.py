"""What each worker of a service is given, and how soon the next one comes when it dies."""

from __future__ import annotations

from collections.abc import Mapping

from callcontrol.cdr.absorb import journal_of
from callcontrol.config import PREFIX, Settings

_LONGEST_PAUSE_S = 30.0


def name_of(engine: str, number: int) -> str:
    """Name a worker: `engine-1`, `engine-1.2`, `engine-1.3`; the first as it would be alone."""
    return engine if number == 1 else f"{engine}.{number}"


def environment_of(base: Mapping[str, str], settings: Settings, number: int) -> dict[str, str]:
    """Make a worker's environment: the supervisor's, with what is the worker's own.

    All other settings a worker reads for itself, so that a restart brings what has changed in
    `.env` or the TOML file.

    Args:
        base: the supervisor's environment.
        settings: the service's.
        number: the worker's, from 1.
    """
    return {
        **base,
        f"{PREFIX}JOURNAL": str(journal_of(settings.journal, number)),
        f"{PREFIX}ENGINE": name_of(settings.engine, number),
    }


def pause_s(short_lives: int) -> float:
    """Give the seconds before the next start, after so many short lives in a row."""
    return min(_LONGEST_PAUSE_S, 2.0 ** (short_lives - 1)) if short_lives else 0.0
