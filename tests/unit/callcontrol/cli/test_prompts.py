from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from callcontrol.cli import main
from callcontrol.config import settings
from tests.fakes import voice

REFERENCE = """
tariffs:
  hotline:
    - category: "0901"
      levels: {1: {per_minute: "2.50"}, 2: {per_minute: "6.00"}}
      announcement: {language: LANGUAGE}
"""

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    """Run the command on a reference file, with a folder of its own and a voice that hums."""
    monkeypatch.setenv("CALLCONTROL_PROMPTS", str(tmp_path / "prompts"))
    monkeypatch.setenv("CALLCONTROL_VOICE", voice.command(0.1))
    file = tmp_path / "reference.yaml"

    def run_it(*words: str, language: str = "fr") -> tuple[int, str, str]:
        settings.cache_clear()
        file.write_text(REFERENCE.replace("LANGUAGE", language), "utf-8")
        with pytest.raises(SystemExit) as ended:
            main(["prompts", *words, "--file", str(file)])
        return (int(ended.value.code or 0), *capsys.readouterr())

    yield run_it
    settings.cache_clear()


class TestPrompts:
    def test_lists_what_is_missing_and_makes_it(self, run: Run):
        """First nothing is there, then `make` makes it once, then all is."""
        before = run()
        made = run("make")
        again = run("make")
        after = run("--json")
        listed = json.loads(after[1])

        assert before[0] == 1
        assert (
            "no   hotline, level 1, start: Cet appel coûte deux francs cinquante" in before[1]
        )
        assert made[0] == again[0] == after[0] == 0
        assert "4 made, 0 were there" in made[1]
        assert "0 made, 4 were there" in again[1]
        assert [(one["level"], one["kind"], one["consent"]) for one in listed] == [
            (1, "start", False),
            (1, "change", False),
            (2, "start", True),
            (2, "change", True),
        ]
        assert all(one["version"] for one in listed)

    def test_missing_synthesiser_is_one_sentence(
        self, run: Run, monkeypatch: pytest.MonkeyPatch
    ):
        """It says what is not installed, and how much is missing."""
        monkeypatch.setenv("CALLCONTROL_VOICE", "no-such-voice {file} {text}")
        status, _, err = run("make")

        assert status == 2
        assert err == (
            "CALLCONTROL_VOICE: the speech synthesiser no-such-voice is not installed; "
            "4 prompts are missing\n"
        )

    def test_of_one_tariff(self, run: Run):
        """A tariff may be named; one that is not there is named in the answer."""
        found = run("--tariff", "hotline", "--json")
        status, _, err = run("make", "--tariff", "nothing")

        assert len(json.loads(found[1])) == 4
        assert (status, err) == (2, "there is no tariff 'nothing'\n")

    def test_language_that_cannot_be_spoken_is_named(self, run: Run):
        """With the table that asks for it."""
        status, _, err = run(language="rm")

        assert status == 2
        assert err == ("tariff hotline: no price can be spoken in rm, only in fr, de, it, en\n")
