"""The guides speak of commands, settings, files and headings that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from callcontrol.cli import COMMANDS
from callcontrol.config import Settings

ROOT = Path(__file__).parents[3]
GUIDES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
SETTINGS = {f"CALLCONTROL_{name.upper()}" for name in Settings.model_fields}


@pytest.fixture(params=GUIDES, ids=lambda path: path.name)
def text(request) -> str:
    """What a guide says."""
    return request.param.read_text(encoding="utf-8")


def test_commands(text):
    """`callcontrol WORD` is a command, wherever it is named as one."""
    named = set(re.findall(r"(?:^|`|&& |/bin/)callcontrol ([a-z]+)", text, re.MULTILINE))

    assert named <= COMMANDS.keys()


def test_settings(text):
    """Each is one of the engine's, or names where they are read from."""
    assert set(re.findall(r"\bCALLCONTROL_[A-Z_]+[A-Z]\b", text)) <= SETTINGS | {
        "CALLCONTROL_CONFIG"
    }


def test_files(text):
    """Each file of the project that is named in code type exists."""
    folders = "|".join(path.name for path in ROOT.iterdir() if path.is_dir())
    for name in re.findall(rf"`((?:{folders})/[\w./-]+)", text):
        assert (ROOT / name).exists() or (ROOT / "freeswitch-conf" / name).exists(), name


def test_events_of_the_log(text):
    """A line of the log that somebody is told to look for is one that is written."""
    code = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "callcontrol").rglob("*.py")
    )
    named = re.findall(r"`(\w+)` in (?:the|its) log|grep (\w+)`|log line `(\w+)`", text)
    for event in {name for names in named for name in names if name}:
        assert f'"{event}"' in code or event.isdigit(), event
