"""Makes prompts with a speech synthesiser, at configuration time, never during a call.

The synthesiser is a command with `{text}`, `{file}` and `{language}` in it, run without a
shell. What it writes is turned into what telephones have, 8 kHz mono 16 bit, and put in place
in one step: a file of that name is whole or not there.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import tempfile
import wave
from array import array
from itertools import pairwise
from pathlib import Path

from callcontrol.errors import PromptError
from callcontrol.prompts.folder import SUFFIX, PromptFolder
from callcontrol.prompts.needed import Needed
from callcontrol.prompts.sentence import sentence
from callcontrol.prompts.words import tongue_of

RATE_HZ = 8000
_DEADLINE_S = 60


def synthesiser_fault(voice: str) -> str | None:
    """Say in one sentence why prompts cannot be made, or None."""
    try:
        words = shlex.split(voice)
    except ValueError as exc:
        return f"the synthesiser's command cannot be read: {exc}"
    if not words or "{file}" not in voice or "{text}" not in voice:
        return "the synthesiser's command has no {file} or no {text} in it"
    if shutil.which(words[0]) is None:
        return f"the speech synthesiser {words[0]} is not installed"
    return None


def make(needed: Needed, folder: PromptFolder) -> str:
    """Make the prompt, and give its name.

    Raises:
        PromptError: it cannot be spoken, or the synthesiser failed.
    """
    if fault := synthesiser_fault(folder.voice):
        raise PromptError(fault)
    text = sentence(needed.spoken)
    name = folder.spoken_name(needed)
    place = folder.folder / f"{name}{SUFFIX}"
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".making-", dir=place.parent) as made_in:
            made = Path(made_in) / f"made{SUFFIX}"
            _speak(folder.voice, text, made, needed.spoken.language)
            ready = Path(made_in) / f"ready{SUFFIX}"
            _write_wav(ready, _at_rate(*_read_wav(made)))
            beside = Path(made_in) / "text"
            beside.write_text(f"{text}\n", "utf-8")
            beside.replace(place.with_suffix(".txt"))
            ready.replace(place)
    except OSError as exc:
        raise PromptError(f"{place} cannot be written: {exc.strerror}") from exc
    return name


def _speak(voice: str, text: str, file: Path, language: str) -> None:
    tongue = tongue_of(language)
    spoken_as = "fr-ch" if tongue.number_words == "fr_CH" else tongue.tag
    command = [
        word.replace("{language}", spoken_as)
        .replace("{file}", str(file))
        .replace("{text}", text)
        for word in shlex.split(voice)
    ]
    try:
        done = subprocess.run(  # noqa: S603 - the operator's own command, without a shell
            command, check=False, capture_output=True, timeout=_DEADLINE_S
        )
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise PromptError(f"the speech synthesiser {command[0]} failed: {exc}") from exc
    if done.returncode or not file.exists():
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        why = said[0] if said else f"it ended with status {done.returncode}, without a file"
        raise PromptError(f"the speech synthesiser {command[0]} failed: {why}")


def _read_wav(file: Path) -> tuple[array[int], int]:
    """Read samples of 16 bits, of the first channel, and their rate."""
    try:
        with wave.open(str(file), "rb") as opened:
            if opened.getsampwidth() != 2:
                raise PromptError("the speech synthesiser wrote samples that have not 16 bits")
            # a synthesiser that streams does not know the length it writes into the header
            samples = array("h", opened.readframes(opened.getnframes()))
            return samples[:: opened.getnchannels()], opened.getframerate()
    except (EOFError, wave.Error) as exc:
        raise PromptError(f"the speech synthesiser wrote no WAV file: {exc}") from exc


def _at_rate(samples: array[int], rate_hz: int) -> array[int]:
    """Change the rate to that of telephones: each new sample is the mean of its time."""
    if rate_hz == RATE_HZ or not samples:
        return samples
    sums = [0]
    for sample in samples:
        sums.append(sums[-1] + sample)
    last = len(samples)
    ends = [
        min(last, index * rate_hz // RATE_HZ) for index in range(last * RATE_HZ // rate_hz + 1)
    ]
    return array(
        "h",
        (
            (sums[max(end, begin + 1)] - sums[begin]) // max(1, end - begin)
            for begin, end in pairwise(ends)
        ),
    )


def _write_wav(file: Path, samples: array[int]) -> None:
    if not samples:
        raise PromptError("the speech synthesiser wrote no sound")
    with file.open("wb") as raw:
        with wave.open(raw, "wb") as opened:
            opened.setnchannels(1)
            opened.setsampwidth(2)
            opened.setframerate(RATE_HZ)
            opened.writeframes(samples.tobytes())
        raw.flush()
        os.fsync(raw.fileno())
