"""How long what is played lasts: tones, silence and WAV files; nothing is heard."""

import contextlib
import math
import re
import wave

from switchsim.variables import leading_number

_PACKET_S = 0.02


def packets_in(seconds: float) -> int:
    """Packets of media that so many seconds take."""
    return math.ceil(round(seconds / _PACKET_S, 6))


def length_of(data: str) -> float | None:
    """Seconds a stream or a WAV file lasts; None for a file that is not there."""
    if data.startswith("silence_stream://"):
        return max(0, leading_number(data.partition("://")[2])) / 1000
    if not data.startswith("tone_stream://"):
        return _length_of_file(data)
    tones = re.findall(r"%\((\d+),(\d+)", data)
    loops = re.search(r"loops=(\d+)", data)
    times = int(loops.group(1)) if loops else 1
    with contextlib.suppress(ValueError):
        return times * sum(int(on) + int(off) for on, off in tones) / 1000
    return 0.0


def _length_of_file(path: str) -> float | None:
    with contextlib.suppress(OSError, EOFError, wave.Error), wave.open(path, "rb") as file:
        return file.getnframes() / file.getframerate()
    return None
