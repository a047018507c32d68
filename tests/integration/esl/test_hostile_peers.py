"""Peers that stall, flood, do not read or die cost only their own calls: counted, not timed.

The handler does what the engine's does: it opens, has a bridge executed, reads events to the
answer, and closes. While the hostile peers are at it, from a process of their own, ordinary
calls are made one after the other, and each has to run to its end.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import gevent
import pytest
from gevent import socket
from gevent.subprocess import Popen

from callcontrol.errors import SessionError
from callcontrol.esl.conversation import Deadlines
from callcontrol.esl.listener import Listener
from callcontrol.esl.session import Session
from tests.integration.esl.peer import Peer, channel_data, event, eventually, reply
from tests.processes import resident_bytes

ROOT = Path(__file__).parents[3]
HALF_OPEN = 10_000
CALLS = 30
LONG_S = 120.0
"""No wait of these tests comes near it, on any machine."""
Hostile = Callable[[Listener, str, int], Popen]


class Engine:
    """Handles legs, and counts what came of them."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.events: Counter[str] = Counter()

    def __call__(self, session: Session) -> None:
        """Handle a leg."""
        try:
            outcome = self.call(session)
        except SessionError as exc:
            self.outcomes[type(exc).__name__] += 1
            raise
        self.outcomes[outcome] += 1

    def call(self, session: Session) -> str:
        """Go through a call to its answer."""
        kind = session.open().variable("kind") or "call"
        session.execute("bridge", "x" * (1 << 20 if kind == "deaf" else 200))
        while (heard := session.next_event(LONG_S)) is not None:
            self.events[kind] += 1
            if heard.name == "CHANNEL_ANSWER":
                session.close()
                return "answered"
        return "nothing heard"


@pytest.fixture
def engine() -> Engine:
    """Make a handler."""
    return Engine()


@pytest.fixture
def listen(engine: Engine) -> Iterator[Callable[..., Listener]]:
    """Start listeners whose legs the engine handles."""
    listeners: list[Listener] = []

    def started(**settings: object) -> Listener:
        settings.setdefault("deadlines", Deadlines(command_s=LONG_S, write_s=LONG_S))
        listeners.append(Listener(engine, port=0, **settings))  # type: ignore[arg-type]
        listeners[-1].start()
        return listeners[-1]

    yield started
    for listener in listeners:
        assert listener.stop(LONG_S)


@pytest.fixture
def hostile() -> Iterator[Hostile]:
    """Start hostile peers; they are ended at the end, if they still are."""
    programs: list[Popen] = []

    def started(listener: Listener, kind: str, count: int) -> Popen:
        command = [sys.executable, "-m", "tests.integration.esl.hostile_peers"]
        program = Popen(
            [*command, str(listener.address[1]), kind, str(count)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        programs.append(program)
        with gevent.Timeout(LONG_S):
            assert program.stdout.readline() == b"ready\n"
        return program

    yield started
    for program in programs:
        end(program)


def end(program: Popen) -> None:
    """Kill the peers: their connections end as those of a dying switch."""
    program.kill()
    program.communicate()


def ordinary_call(listener: Listener) -> None:
    """Play the switch for a call that is answered, and see it handed over."""
    with gevent.Timeout(LONG_S):
        peer = Peer(socket.create_connection(listener.address))
        peer.answer(channel_data(), reply(), reply())
        peer.send(event("CHANNEL_PROGRESS"), event("CHANNEL_ANSWER"))
        assert peer.is_closed()
        peer.close()


def resident_kib() -> int:
    """Measure the memory of this process."""
    return resident_bytes(os.getpid()) >> 10


@pytest.fixture
def many_files() -> Iterator[None]:
    """Let this process, and those it starts, hold that many sockets."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = HALF_OPEN + 1000
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), max(hard, wanted)))
    except ValueError:
        pytest.skip(f"more than {hard} open files are for root to allow")
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.long
@pytest.mark.usefixtures("many_files")
def test_ten_thousand_half_open_connections_stop_no_call(engine, listen, hostile):
    """All are held at once; calls go through, each costs little, nothing is left of them."""
    listener = listen(max_sessions=HALF_OPEN + 100)
    ordinary_call(listener)
    files, kib = len(os.listdir("/proc/self/fd")), resident_kib()
    peers = hostile(listener, "stalled", HALF_OPEN)
    assert eventually(lambda: listener.sessions == HALF_OPEN, LONG_S)
    for _ in range(CALLS):
        ordinary_call(listener)
    each_kib = (resident_kib() - kib) / HALF_OPEN

    assert engine.outcomes == {"answered": CALLS + 1}
    assert listener.sessions == HALF_OPEN
    assert each_kib < 64  # 26 measured
    end(peers)
    assert eventually(lambda: listener.sessions == 0, LONG_S)
    assert engine.outcomes == {"answered": CALLS + 1, "SessionGone": HALF_OPEN}
    assert eventually(lambda: len(os.listdir("/proc/self/fd")) <= files + 1, LONG_S)
    assert listener.failed == 0


@pytest.mark.long
def test_beyond_the_limit_they_are_let_go_and_the_next_call_is_served(engine, listen, hostile):
    """Those who stall have the deadline of a command; then there is room again."""
    listener = listen(max_sessions=50, deadlines=Deadlines(command_s=2.0))
    hostile(listener, "stalled", 300)
    assert eventually(
        lambda: listener.admitted + listener.refused + listener.dropped == 300, LONG_S
    )
    assert eventually(lambda: listener.sessions == 0, LONG_S)
    ordinary_call(listener)

    assert listener.refused > 0
    assert engine.outcomes.pop("answered") == 1
    assert engine.outcomes == {"CommandTimeout": listener.admitted - 1}
    assert listener.failed == 0


@pytest.mark.long
def test_a_flood_of_events_leaves_others_their_turn(engine, listen, hostile):
    """Calls go through while five peers send events as fast as they can."""
    listener = listen()
    ordinary_call(listener)
    kib = resident_kib()
    hostile(listener, "flooding", 5)
    assert eventually(lambda: engine.events["flooding"] > 0, LONG_S)
    for _ in range(CALLS):
        ordinary_call(listener)
    between = engine.events["flooding"]

    assert engine.outcomes["answered"] == CALLS + 1
    assert CALLS < between < CALLS * 50_000  # 4,000 a call measured, on a busy machine
    assert resident_kib() - kib < 64 << 10
    assert listener.failed == 0


def test_a_header_without_end_ends_its_own_leg(engine, listen, hostile):
    """Five peers send one; calls go through, and the memory stays."""
    listener = listen()
    ordinary_call(listener)
    kib = resident_kib()
    hostile(listener, "endless", 5)
    for _ in range(CALLS):
        ordinary_call(listener)

    assert eventually(lambda: engine.outcomes["WireError"] == 5, LONG_S)
    assert engine.outcomes["answered"] == CALLS + 1
    assert resident_kib() - kib < 64 << 10
    assert listener.failed == 0


@pytest.mark.long
def test_peers_that_do_not_read_stop_no_other_call(engine, listen, hostile):
    """Their legs wait in the middle of a command until its deadline; calls go through."""
    listener = listen(deadlines=Deadlines(command_s=LONG_S, write_s=3.0))
    hostile(listener, "deaf", 20)
    assert eventually(lambda: listener.sessions == 20, LONG_S)
    for _ in range(CALLS):
        ordinary_call(listener)

    assert engine.outcomes["answered"] == CALLS
    assert eventually(lambda: listener.sessions == 0, LONG_S)
    assert engine.outcomes == {"answered": CALLS, "SessionGone": 20}
    assert listener.failed == 0


def test_peers_that_die_inside_a_frame_end_their_own_calls(engine, listen, hostile):
    """Two hundred at once, in the middle of an ordinary call's conversation."""
    listener = listen()
    peers = hostile(listener, "stalled", 200)
    assert eventually(lambda: listener.sessions == 200, LONG_S)
    with gevent.Timeout(LONG_S):
        peer = Peer(socket.create_connection(listener.address))
        peer.answer(channel_data(), reply())
        end(peers)
        assert eventually(lambda: listener.sessions == 1, LONG_S)
        peer.answer(reply())
        peer.send(event("CHANNEL_ANSWER"))
        assert peer.is_closed()
        peer.close()

    assert eventually(lambda: listener.sessions == 0, LONG_S)
    assert engine.outcomes == {"answered": 1, "SessionGone": 200}
