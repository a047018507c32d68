from __future__ import annotations

import shutil
import wave
from pathlib import Path

import pytest

from callcontrol.config import Settings
from callcontrol.errors import PromptError
from callcontrol.prompts import PromptFolder, make, needed_before_charging, synthesiser_fault
from tests.fakes import voice
from tests.tariff_builders import NOON_US, make_level, make_tariff


def needed(per_minute: str = "3.00"):
    """Say what a call at a price needs."""
    return needed_before_charging(make_tariff(make_level(per_minute)), 1, NOON_US)


class TestMake:
    def test_makes_a_file_for_telephones(self, tmp_path: Path):
        """8 kHz, mono, 16 bits, as long as what was spoken, with the text beside it."""
        folder = PromptFolder(tmp_path, voice.command(0.5))
        name = make(needed(), folder)
        prompt = folder.find(needed())

        assert prompt is not None
        assert prompt.name == name
        assert abs(prompt.length_us - 500_000) < 1000
        with wave.open(prompt.file) as opened:
            assert opened.getparams()[:3] == (1, 2, 8000)
        text = (tmp_path / f"{name}.txt").read_text("utf-8")
        assert text == "Dieser Anruf kostet drei Franken pro Minute.\n"
        assert [one.name for one in (tmp_path / "spoken").iterdir() if one.is_dir()] == []

    def test_another_price_or_voice_is_another_file(self, tmp_path: Path):
        """What was made for one price, or by one voice, is not found for another."""
        folder = PromptFolder(tmp_path, voice.command(0.1))
        make(needed(), folder)

        assert folder.find(needed("4.00")) is None
        assert PromptFolder(tmp_path, voice.command(0.2)).find(needed()) is None

    @pytest.mark.parametrize(
        ("command", "fault"),
        [
            ("no-such-voice {file} {text}", "the speech synthesiser no-such-voice is not"),
            ("espeak-ng", "has no {file} or no {text} in it"),
            ("'{file} {text}", "cannot be read"),
        ],
    )
    def test_missing_synthesiser_is_said_in_a_sentence(
        self, tmp_path: Path, command: str, fault: str
    ):
        """Before anything is tried."""
        assert fault in str(synthesiser_fault(command))
        with pytest.raises(PromptError, match=r"synthesiser"):
            make(needed(), PromptFolder(tmp_path, command))

    @pytest.mark.parametrize(
        ("script", "why"),
        [
            ("echo no voices >&2; exit 3 # {file} {text}", "no voices"),
            ("exit 0 # {file} {text}", "status 0, without a file"),
            ("echo noise > {file} # {text}", "wrote no WAV file"),
        ],
    )
    def test_failing_synthesiser_leaves_nothing_behind(
        self, tmp_path: Path, script: str, why: str
    ):
        """The reason is its own, and no half-made file is ever in place."""
        folder = PromptFolder(tmp_path, f"sh -c '{script}'")
        with pytest.raises(PromptError, match=why):
            make(needed(), folder)

        assert list((tmp_path / "spoken").iterdir()) == []

    @pytest.mark.parametrize("channels", [1, 2])
    def test_takes_what_is_8_khz_already(self, tmp_path: Path, channels: int):
        """Samples of that rate are kept; of several channels the first."""
        source = tmp_path / "source.wav"
        voice.hum(str(source), 0.1, rate_hz=8000, channels=channels)
        folder = PromptFolder(tmp_path, f"sh -c 'cp {source} {{file}} # {{text}}'")
        make(needed(), folder)
        prompt = folder.find(needed())

        assert prompt is not None
        assert prompt.length_us == 100_000

    def test_silence_of_no_length_is_refused(self, tmp_path: Path):
        """A synthesiser that says nothing has failed."""
        with pytest.raises(PromptError, match="wrote no sound"):
            make(needed(), PromptFolder(tmp_path, voice.command(0)))

    @pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not there")
    def test_espeak_speaks(self, tmp_path: Path):
        """The synthesiser of the settings says a price in some seconds, not silently."""
        folder = PromptFolder(tmp_path, Settings.model_fields["voice"].default)
        make(needed(), folder)
        prompt = folder.find(needed())

        assert prompt is not None
        assert 1_000_000 < prompt.length_us < 8_000_000
        with wave.open(prompt.file) as opened:
            assert max(opened.readframes(opened.getnframes())) > 0


class TestFind:
    def test_own_recording_goes_first(self, tmp_path: Path):
        """One for this table, level, kind and price is played in place of the synthesised."""
        folder = PromptFolder(tmp_path, voice.command(0.1))
        make(needed(), folder)
        own = tmp_path / f"{folder.recorded_name(needed())}.wav"
        own.parent.mkdir()
        voice.hum(str(own), 0.3)
        prompt = folder.find(needed())

        assert prompt is not None
        assert prompt.name.startswith("recorded/made-1-start-")
        assert prompt.length_us == 300_000

    def test_version_is_of_the_bytes(self, tmp_path: Path):
        """A file that is replaced has another version, whatever its name."""
        folder = PromptFolder(tmp_path, voice.command(0.1))
        name = make(needed(), folder)
        first = folder.find(needed())
        voice.hum(str(tmp_path / f"{name}.wav"), 0.2)
        second = folder.find(needed())

        assert first is not None
        assert second is not None
        assert first.version != second.version

    @pytest.mark.parametrize("content", [b"", b"no sound"])
    def test_broken_file_is_told(self, tmp_path: Path, content: bytes):
        """What cannot be played is an error that names the file."""
        folder = PromptFolder(tmp_path, voice.command(0.1))
        name = make(needed(), folder)
        (tmp_path / f"{name}.wav").write_bytes(content)

        with pytest.raises(PromptError, match="cannot be played"):
            folder.find(needed())

    def test_empty_recording_is_told(self, tmp_path: Path):
        """A WAV file without a sample announces nothing."""
        folder = PromptFolder(tmp_path, voice.command(0.1))
        name = make(needed(), folder)
        voice.hum(str(tmp_path / f"{name}.wav"), 0)

        with pytest.raises(PromptError, match="it is empty"):
            folder.find(needed())
