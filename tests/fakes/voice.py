"""A speech synthesiser that hums: 10 ms for each letter, or as long as it is told.

Run as `python voice.py FILE TEXT LANGUAGE [SECONDS]`. What is heard tells nothing; tests that a
sentence is right read the sentence.
"""

from __future__ import annotations

import sys
import wave
from array import array

RATE_HZ = 22050  # as espeak-ng writes


def command(seconds: float | None = None) -> str:
    """Give the setting CALLCONTROL_VOICE that runs this synthesiser."""
    words = f"{sys.executable} {__file__} {{file}} {{text}} {{language}}"
    return words if seconds is None else f"{words} {seconds}"


def hum(path: str, seconds: float, *, rate_hz: int = RATE_HZ, channels: int = 1) -> None:
    """Write a WAV file of a tone."""
    frames = round(seconds * rate_hz)
    tone = (8000 if index // 25 % 2 else -8000 for index in range(frames))
    samples = array("h", (sample for one in tone for sample in (one,) * channels))
    with wave.open(path, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(samples.tobytes())


if __name__ == "__main__":
    hum(sys.argv[1], float(sys.argv[4]) if len(sys.argv) > 4 else len(sys.argv[2]) / 100)
