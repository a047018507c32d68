"""Tests of callcontrol.log_stream."""

from __future__ import annotations

import json
import os
import select
import socket
from collections.abc import Callable, Iterator

import pytest

from callcontrol import logs
from callcontrol.log_stream import LogStream, write_if_ready

LINE = "x" * 99 + "\n"


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe: its end for reading and its end for writing."""
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def fill(stream: LogStream, lines: int) -> None:
    """Log lines of a hundred bytes."""
    for _ in range(lines):
        stream.write(LINE)
        stream.flush()


def read(fd: int, stream: LogStream) -> str:
    """Read all there is, as a reader that has come back."""
    os.set_blocking(fd, False)
    text = ""
    while True:
        try:
            text += os.read(fd, 1 << 20).decode()
        except BlockingIOError:
            return text
        stream.flush()


def test_a_line_is_written_at_once(pipe):
    """Nothing waits while somebody reads."""
    stream = LogStream(pipe[1])
    fill(stream, 1)

    assert os.read(pipe[0], 1000).decode() == LINE


def test_lines_of_a_moment_are_written_together(pipe):
    """Once for all of them, when the moment is over."""
    asked: list[Callable[[], None]] = []
    stream = LogStream(pipe[1], later=asked.append)
    fill(stream, 3)
    assert not select.select([pipe[0]], [], [], 0)[0]

    (write_out,) = asked
    write_out()
    assert os.read(pipe[0], 1000).decode() == LINE * 3

    fill(stream, 1)
    assert len(asked) == 2


def test_nobody_reads_for_a_while(pipe):
    """No line makes us wait; all are there later, whole and in order."""
    stream = LogStream(pipe[1])
    fill(stream, 5000)

    assert read(pipe[0], stream) == LINE * 5000


def test_one_that_is_shared_is_asked_for_room(pipe):
    """A pipe that cannot be opened anew makes nobody wait either."""
    while select.select([], [pipe[1]], [], 0)[1]:
        write_if_ready(pipe[1], b"x" * 4096)

    with pytest.raises(BlockingIOError):
        write_if_ready(pipe[1], b"x")


def test_what_is_too_much_is_counted(pipe):
    """The count is told once lines are taken again."""
    stream = LogStream(pipe[1], most_bytes=10_000)
    fill(stream, 5000)
    dropped = stream.dropped

    *lines, last = read(pipe[0], stream).splitlines()
    assert len(lines) + dropped == 5000
    assert 0 < dropped < 5000
    assert json.loads(last) == {
        "event": "log_lines_dropped",
        "level": "warning",
        "lines": dropped,
    }


def test_a_socket_that_nobody_reads():
    """The journal of systemd is one."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        stream = LogStream(ours.fileno())
        fill(stream, 20_000)

        assert read(theirs.fileno(), stream) == LINE * 20_000


def test_whoever_read_is_gone(pipe):
    """Lines are lost, and nothing else."""
    read_end, write_end = os.pipe()
    stream = LogStream(write_end)
    os.close(read_end)
    fill(stream, 3)
    os.close(write_end)

    assert stream.dropped == 3


def test_a_full_disk():
    """The same."""
    with open("/dev/full", "wb") as full:
        stream = LogStream(full.fileno())
        fill(stream, 3)

        assert stream.dropped == 3


def test_it_takes_the_lines_of_a_log(pipe):
    """A line of the log is one line of JSON in the pipe."""
    log = logs.configure("info", stream=LogStream(pipe[1]))
    log.info("call_received", called="0900123456")

    assert json.loads(os.read(pipe[0], 10_000))["event"] == "call_received"
