"""Tests of callcontrol.workers.share."""

from __future__ import annotations

from pathlib import Path

import pytest

from callcontrol.config import Settings
from callcontrol.workers.share import environment_of, journal_of, pause_s


@pytest.mark.parametrize(
    ("journal", "number", "expected"),
    [
        ("/var/lib/journal.sqlite", 1, "/var/lib/journal.sqlite"),
        ("/var/lib/journal.sqlite", 2, "/var/lib/journal.2.sqlite"),
        ("a.b/journal", 12, "a.b/journal.12"),
    ],
)
def test_every_worker_has_a_journal_of_its_own(journal, number, expected):
    """The first goes on with that of a process that was alone."""
    assert journal_of(Path(journal), number) == Path(expected)


def test_a_worker_reads_all_but_its_own_settings_for_itself():
    """So that a restart brings what has changed in the files."""
    settings = Settings(engine="engine-1", journal=Path("j.sqlite"), max_calls=7)

    made = environment_of({"PATH": "/bin"}, settings, 3)

    assert made == {
        "PATH": "/bin",
        "CALLCONTROL_ENGINE": "engine-1.3",
        "CALLCONTROL_JOURNAL": "j.3.sqlite",
    }


def test_short_lives_bring_longer_pauses():
    """After a long life the next one comes at once; never is it more than half a minute."""
    assert [pause_s(lives) for lives in (0, 1, 2, 3, 6, 60)] == [0, 1, 2, 4, 30, 30]
