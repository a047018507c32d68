"""LogStream: where log lines go, without ever making a call wait or fail.

Who reads our log may stall, leave, or have a full disk. A line written to standard error would
then stop every call of the process, or end the one that it tells of. So lines that are not
taken at once wait in memory, up to a limit; beyond it they are dropped, counted, and the count
is told as soon as lines are taken again.

A pipe is opened anew, because to make the one we were given non-blocking would be felt by all
who share it. A file takes what it is given; its disk is trusted to be quick.
"""

from __future__ import annotations

import json
import os
import select
import stat
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial

_MOST_BYTES = 4 << 20
# So much a pipe takes whole or not at all (PIPE_BUF), and has room for when it says it has any.
_PIECE_BYTES = 4096


class LogStream:
    """A text stream over a descriptor that never waits and never raises.

    Args:
        fd: open for writing.
        most_bytes: so much may wait for whoever reads.
        later: has a function run before the process waits again, or ends; None: each line is
            written at once.

    Attributes:
        dropped: lines that nobody will read, since that was last told.
    """

    def __init__(
        self,
        fd: int,
        *,
        most_bytes: int = _MOST_BYTES,
        later: Callable[[Callable[[], None]], object] | None = None,
    ) -> None:
        self._write_some = _writer(fd)
        self._most_bytes = most_bytes
        self._later = later
        self._is_due = False
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self.dropped = 0

    def write(self, text: str) -> None:
        """Take a line. Switches: no."""
        line = text.encode("utf-8", "backslashreplace")
        if self._bytes + len(line) > self._most_bytes:
            self.dropped += 1
        else:
            self._waiting.append(line)
            self._bytes += len(line)

    def flush(self) -> None:
        """Write as much as is taken, now or in a moment. Switches: no."""
        if self._later is None:
            self.write_out()
        elif not self._is_due:
            self._is_due = True
            self._later(self.write_out)

    def write_out(self) -> None:
        """Write as much as is taken now. Switches: no."""
        self._is_due = False
        try:
            while self._waiting:
                self._write_first()
        except BlockingIOError:
            return
        except OSError:
            # Nobody reads any more, or there is no room: these lines are lost.
            self.dropped += sum(lines.count(b"\n") for lines in self._waiting)
            self._waiting.clear()
            self._bytes = 0
            return
        if self.dropped:
            dropped, self.dropped = self.dropped, 0
            told = {"event": "log_lines_dropped", "level": "warning", "lines": dropped}
            self.write(f"{json.dumps(told)}\n")
            self.write_out()

    def _write_first(self) -> None:
        """Write the oldest lines, as many as make a piece, or a first piece of one.

        Raises:
            BlockingIOError: nothing is taken now.
            OSError: nothing will be taken.
        """
        piece = self._waiting.popleft()
        while self._waiting and len(piece) + len(self._waiting[0]) <= _PIECE_BYTES:
            piece += self._waiting.popleft()
        written = 0
        try:
            written = self._write_some(piece[:_PIECE_BYTES])
        finally:
            self._bytes -= written
            if written < len(piece):
                self._waiting.appendleft(piece[written:])


def _writer(fd: int) -> Callable[[bytes], int]:
    """Give what writes a piece to a descriptor, or raises BlockingIOError."""
    mode = os.fstat(fd).st_mode
    if stat.S_ISREG(mode):
        return partial(os.write, fd)
    if stat.S_ISFIFO(mode):
        with suppress(OSError):  # one that another user made cannot be opened anew
            flags = os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC
            return partial(os.write, os.open(f"/proc/self/fd/{fd}", flags))
    return partial(write_if_ready, fd)


def write_if_ready(fd: int, piece: bytes) -> int:
    """Write to a descriptor that is shared, when it says that it has room.

    Raises:
        BlockingIOError: it has none now.
        OSError: nothing will be taken.

    Switches: no; waits when another process takes the room at the same moment.
    """
    poll = select.poll()
    poll.register(fd, select.POLLOUT)
    if not poll.poll(0):
        raise BlockingIOError
    return os.write(fd, piece)
