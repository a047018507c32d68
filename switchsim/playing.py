"""What is played: how long it lasts, and what is told of it; nothing is heard."""

import contextlib
import math
import re
import wave
from typing import TYPE_CHECKING

from switchsim.variables import leading_number

if TYPE_CHECKING:
    from switchsim.channel import Channel
    from switchsim.events import Header

_PACKET_S = 0.02
_STREAMS = ("tone_stream", "silence_stream")
_SAMPLES_A_MS = 8


def packets_in(seconds: float) -> int:
    """Packets of media that so many seconds take."""
    return math.ceil(round(seconds / _PACKET_S, 6))


def began(channel: "Channel", data: str) -> None:
    """Tells that something is being played."""
    channel.fire("PLAYBACK_START", after=_what(data))


def ended(channel: "Channel", data: str, *, played_ms: int, is_cut: bool) -> None:
    """Tells how much was played, and that it is over."""
    samples = str(played_ms * _SAMPLES_A_MS)
    put = channel.variables.set
    put("playback_last_offset_pos", samples)
    put("playback_seconds", str(played_ms // 1000))
    put("playback_ms", str(played_ms))
    put("playback_samples", samples)
    channel.packets_sent += packets_in(played_ms / 1000)
    status = ("Playback-Status", "break" if is_cut else "done")
    channel.fire("PLAYBACK_STOP", after=[*_what(data), status])


def _what(data: str) -> "list[Header]":
    kind = data.partition("://")[0]
    told = [("Playback-File-Type", kind)] if kind in _STREAMS else []
    return [*told, ("Playback-File-Path", data)]


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
