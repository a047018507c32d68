"""How fast the codec is, beside plain greenswitch's parser: one recorded call, 26 messages.

    python -m bench.esl_codec

`cut` is frames and events alone; `read` looks up ten headers of each event as well. greenswitch
reads every header of every event into a dictionary, asked for or not.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable

from greenswitch.esl import ESLEvent, ESLProtocol

from callcontrol.esl.event import Event
from callcontrol.esl.wire import NEED_DATA, FrameDecoder
from tests.integration.esl.recordings import recording

STREAM = recording("01-answered-caller-hangs-up/esl-outbound 1").stream
SEGMENT_BYTES = 1460
NAMES = (
    "Event-Name",
    "Unique-ID",
    "Other-Leg-Unique-ID",
    "Application-UUID",
    "Hangup-Cause",
    "Event-Date-Timestamp",
    "Caller-Channel-Answered-Time",
    "Caller-Channel-Hangup-Time",
    "Caller-Channel-Progress-Time",
    "variable_originate_disposition",
)


def ours(names: tuple[str, ...], segment_bytes: int) -> int:
    """Decode the call; give the number of frames."""
    decoder, frames = FrameDecoder(), 0
    for start in range(0, len(STREAM), segment_bytes):
        decoder.receive_data(STREAM[start : start + segment_bytes])
        while (frame := decoder.next_frame()) is not NEED_DATA:
            frames += 1
            event = Event.of_frame(frame)
            for name in names:
                event.header(name)
    return frames


class Greenswitch(ESLProtocol):
    """greenswitch's reader on bytes in memory, with nobody to answer."""

    def __init__(self) -> None:
        super().__init__()
        self.sock_file = io.BytesIO(STREAM)
        self.connected = True
        self.frames = 0

    def handle_event(self, event: ESLEvent) -> None:
        """Read a body where there is one, and parse it, as greenswitch does."""
        self.frames += 1
        length = int(event.headers.get("Content-Length", 0))
        body = self._read_socket(self.sock_file, length) if length else ""
        if event.headers["Content-Type"] == "text/event-plain":
            event.parse_data(body)


def greenswitch() -> int:
    """Decode the call the other way; give the number of frames."""
    reader = Greenswitch()
    reader.receive_events()
    return reader.frames


def best_s(decode: Callable[[], int], runs: int) -> float:
    """Time a decoder: CPU seconds a call, the best of five."""
    times = []
    for _ in range(5):
        started_s = time.process_time()
        for _ in range(runs):
            decode()
        times.append((time.process_time() - started_s) / runs)
    return min(times)


def main() -> None:
    """Print one line for each."""
    rows: list[tuple[str, Callable[[], int], int]] = [
        ("ours, cut", lambda: ours((), SEGMENT_BYTES), 200),
        ("ours, read", lambda: ours(NAMES, SEGMENT_BYTES), 100),
        ("ours, byte by byte", lambda: ours((), 1), 4),
        ("greenswitch", greenswitch, 20),
    ]
    for label, decode, runs in rows:
        seconds = best_s(decode, runs)
        print(
            f"{label:20} {seconds * 1e6:8.0f} µs a call {len(STREAM) / seconds / 1e6:8.1f} MB/s"
        )


if __name__ == "__main__":
    main()
