"""The line between a supervisor and a worker, on a real pair of sockets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from gevent import socket

from callcontrol.workers.line import Line
from tests.waiting import eventually


class End:
    """One end, and what was heard at it."""

    def __init__(self, sock: socket.socket) -> None:
        self.heard: list[dict[str, object]] = []
        self.is_over = False
        self.line = Line(sock, on_facts=self.heard.append, on_end=self._over)

    def _over(self) -> None:
        self.is_over = True


@pytest.fixture
def ends() -> Iterator[tuple[End, End]]:
    """Both ends of a line."""
    first, second = (End(sock) for sock in socket.socketpair())
    yield first, second
    first.line.close()
    second.line.close()


def test_only_the_newest_state_is_told(ends):
    """And of a fact with parts, the newest state of each part."""
    first, second = ends
    first.line.tell(ready=False, counts={"a": 1})
    first.line.tell(ready=True, counts={"b": 2})
    first.line.tell(counts={"a": 3})
    eventually(lambda: second.heard, within_s=5)

    assert second.heard == [{"ready": True, "counts": {"a": 3, "b": 2}}]


def test_an_end_that_does_not_read_holds_up_nobody():
    """What is told to it is kept, newest states only, however often it is told."""
    ours, theirs = socket.socketpair()
    end = End(ours)
    for index in range(10_000):
        end.line.tell(**{f"fact-{index % 10}": str(index) * 100})
        if index % 100 == 0:
            eventually(lambda: True, within_s=1)

    assert not end.is_over
    end.line.close(deadline_s=0.05)
    theirs.close()


def test_the_last_word_is_still_told(ends):
    """Closing sends what is unsent, such as why a worker cannot start."""
    first, second = ends
    first.line.tell(fault="no switch")
    first.line.close()
    eventually(lambda: second.is_over, within_s=5)

    assert second.heard == [{"fault": "no switch"}]
    assert not first.is_over


def test_a_message_cut_short_ends_it():
    """The other process has died in the middle of it."""
    ours, theirs = socket.socketpair()
    end = End(ours)
    theirs.sendall(b'{"go": tr')
    theirs.close()
    eventually(lambda: end.is_over, within_s=5)

    assert end.heard == []
