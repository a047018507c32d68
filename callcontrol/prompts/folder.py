"""PromptFolder: the files a caller may hear, found by what they say.

A synthesised prompt is named after its language, its text and the voice's command:
`spoken/de-<hash>.wav`, with the text beside it in `.txt`. A recording of the customer's own is
named after the table, the level, the kind and the text: `recorded/<table>-<level>-<kind>-<hash>
.wav`, and goes before the synthesised one. Either way another price is another text, and so
another name: no file can be played for a price it does not tell.

The version of a prompt is the hash of its file, so a record names the very bytes that were
heard. Engine and switch must see the same folder under the same path.
"""

from __future__ import annotations

import hashlib
import re
import wave
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from callcontrol.errors import PromptError
from callcontrol.prompts.needed import Needed
from callcontrol.prompts.sentence import sentence

SUFFIX = ".wav"
_SAFE = re.compile(r"[^A-Za-z0-9_]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A file that may be played.

    Attributes:
        name: of the file within the folder, without `.wav`.
        file: the whole path.
        version: the first 16 hex digits of the SHA-256 of its bytes.
        length_us: how long it takes to play.
    """

    name: str
    file: str
    version: str
    length_us: int


class PromptFolder:
    """The folder of prompts.

    Args:
        folder: its path, on the engine's machine and on the switch's.
        voice: the synthesiser's command, part of the names of what it makes.
    """

    def __init__(self, folder: Path | str, voice: str) -> None:
        self.folder = Path(folder)
        self.voice = voice

    def spoken_name(self, needed: Needed) -> str:
        """Name the synthesised prompt.

        Raises:
            PromptError: it cannot be spoken.
        """
        language = needed.spoken.language.lower()
        text = sentence(needed.spoken)
        return f"spoken/{_SAFE.sub('_', language)}-{_hash(f'{language}|{text}|{self.voice}')}"

    def recorded_name(self, needed: Needed) -> str:
        """Name the customer's own recording of the same, should there be one.

        Raises:
            PromptError: it cannot be spoken.
        """
        text = f"{needed.spoken.language.lower()}|{sentence(needed.spoken)}"
        table = _SAFE.sub("_", needed.tariff)
        return f"recorded/{table}-{needed.level}-{needed.spoken.kind}-{_hash(text)}"

    def find(self, needed: Needed) -> Prompt | None:
        """Find the file that says it, or None.

        Raises:
            PromptError: it cannot be spoken, or the file is no WAV file.
        """
        for name in (self.recorded_name(needed), self.spoken_name(needed)):
            if prompt := self.read(name):
                return prompt
        return None

    def read(self, name: str) -> Prompt | None:
        """Read one file by its name, or None when it is not there.

        Raises:
            PromptError: it is no WAV file, or cannot be read.
        """
        file = self.folder / f"{name}{SUFFIX}"
        try:
            seen = file.stat()
        except OSError:
            return None
        version, length_us = _contents(str(file), seen.st_mtime_ns, seen.st_size)
        return Prompt(name=name, file=str(file), version=version, length_us=length_us)


@lru_cache(maxsize=4096)
def _contents(file: str, _changed_ns: int, _size: int) -> tuple[str, int]:
    """Read version and length; again only when the file has changed."""
    try:
        version = hashlib.sha256(Path(file).read_bytes()).hexdigest()[:16]
        with wave.open(file, "rb") as opened:
            length_us = opened.getnframes() * 1_000_000 // opened.getframerate()
    except (OSError, EOFError, wave.Error) as exc:
        raise PromptError(f"{file} cannot be played: {str(exc) or 'cut off'}") from exc
    if not length_us:
        raise PromptError(f"{file} cannot be played: it is empty")
    return version, length_us


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
