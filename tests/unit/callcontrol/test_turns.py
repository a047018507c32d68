"""callcontrol.turns: what has come is heard in one turn."""

from __future__ import annotations

import os

import gevent
import pytest

from callcontrol.turns import give_turn


@pytest.fixture
def heard():
    """Write to a pipe with this, and see what the hub has read of it so far."""
    reads, writes = os.pipe()
    got = []
    watcher = gevent.get_hub().loop.io(reads, 1)
    watcher.start(lambda: got.append(os.read(reads, 100)))
    yield (lambda data: os.write(writes, data)), got
    watcher.close()
    os.close(reads)
    os.close(writes)


def test_what_has_come_is_read_before_we_go_on(heard):
    """However short the turn, and though the timer is due at once."""
    write, got = heard
    for n in range(20):
        write(b"%d" % n)
        give_turn()
        assert len(got) == n + 1


def test_others_who_only_pass_their_turn_do_not_keep_sockets_waiting(heard):
    """As some do that go through all calls."""
    write, got = heard
    passing = [gevent.spawn(lambda: [give_turn() for _ in range(100)]) for _ in range(5)]
    gevent.sleep(0)
    write(b"x")
    give_turn()

    assert got == [b"x"]
    gevent.killall(passing)
