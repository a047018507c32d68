"""A process that records calls as fast as it can and says on stdout what was acknowledged.

Usage: recorder.py JOURNAL FIRST_INDEX. Meant to be killed.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import gevent

from callcontrol.cdr import Journal
from tests.cdr_builders import make_cdr


def main() -> None:
    """Record until killed."""
    journal = Journal(Path(sys.argv[1]), min_free_bytes=0)
    first = int(sys.argv[2])

    def calls(lane: int) -> None:
        for index in range(first + lane, first + 1_000_000, 20):
            cdr = make_cdr(index)
            journal.opened(cdr.call_id, {"index": index})
            journal.noted(cdr.call_id, {"answered_us": cdr.answered_us})
            journal.record(cdr)
            os.write(1, f"{index}\n".encode())

    gevent.joinall([gevent.spawn(calls, lane) for lane in range(20)], raise_error=True)


main()
