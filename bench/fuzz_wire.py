"""Feeds the event-socket codec hostile streams for as long as one likes, and holds it to laws.

    python -m bench.fuzz_wire --frames 10000000 --seed 1

The streams are recorded conversations, cut, joined, repeated and damaged; what is checked is in
tests/fuzz/wire_laws.py. A frame counts when the decoder gave it whole. Ends with 1 and the
stream that broke a law; ends by itself, and says where it was, when a hundred streams take ten
seconds of CPU (they take a thirtieth of a second).
"""

from __future__ import annotations

import argparse
import faulthandler
import gc
import os
import signal
import sys
import time
from pathlib import Path

from tests.fuzz.hostile_streams import HostileStreams, Stream
from tests.fuzz.wire_laws import Tally, check
from tests.integration.esl.recordings import recordings
from tests.processes import resident_bytes

HANG_CPU_S = 10.0
GROWTH_KIB = 16 << 10
WARM_FRAMES = 100_000


def resident_kib() -> int:
    """Read how much memory this process holds now."""
    gc.collect()
    return resident_bytes(os.getpid()) >> 10


def line(tally: Tally, started_s: float, kib: int) -> str:
    """Say how far it is."""
    rate = tally.frames / (time.process_time() - started_s)
    return (
        f"{tally.frames:>12,} frames  {tally.streams:>10,} streams  "
        f"{tally.refused / tally.streams:6.1%} refused  {tally.bytes_ / 1e9:6.2f} GB  "
        f"{rate:8,.0f} frames/CPU s  RSS {kib / 1024:.1f} MiB"
    )


def broken(stream: Stream, number: int) -> str:
    """Say which stream broke a law, and keep it."""
    file = Path(f"fuzz-{number}.bin")
    file.write_bytes(stream.data)
    sizes = [len(piece) for piece in stream.pieces]
    return f"stream {number} breaks a law: {file}, pieces {sizes[:20]}, {stream.limits}"


def arguments() -> argparse.Namespace:
    """Read how long to run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=10_000_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--read-each", type=int, default=8, help="read all of the frames of every n-th stream"
    )
    return parser.parse_args()


def main() -> None:
    """Run, print a line every so often, and compare the memory."""
    wanted = arguments()
    streams = HostileStreams([one.messages for one in recordings()], wanted.seed)
    tally = Tally()
    started_s, begun_s = time.process_time(), time.monotonic()
    warm_kib = 0
    next_line = WARM_FRAMES
    print(f"seed {wanted.seed}, {os.cpu_count()} cores, RSS {resident_kib() / 1024:.1f} MiB")
    # Where it hangs is written out, then the signal ends the process, whatever it is doing.
    faulthandler.register(signal.SIGPROF, chain=True)
    for number, stream in enumerate(streams):
        if number % 100 == 0:
            signal.setitimer(signal.ITIMER_PROF, HANG_CPU_S)
        try:
            check(stream, tally, reads=number % wanted.read_each == 0)
        except BaseException:
            print(broken(stream, number))
            raise
        if tally.frames >= next_line or tally.frames >= wanted.frames:
            kib = resident_kib()
            warm_kib = warm_kib or kib
            next_line += max(WARM_FRAMES, wanted.frames // 20)
            print(line(tally, started_s, kib), flush=True)
        if tally.frames >= wanted.frames:
            break
    signal.setitimer(signal.ITIMER_PROF, 0)
    growth = resident_kib() - warm_kib
    print(
        f"no law broken; {time.monotonic() - begun_s:.0f} s; "
        f"RSS {growth / 1024:+.1f} MiB since the first {WARM_FRAMES:,} frames; "
        f"most bytes held by a decoder: {tally.most_pending:,}"
    )
    if growth > GROWTH_KIB:
        sys.exit("it grows")


if __name__ == "__main__":
    main()
