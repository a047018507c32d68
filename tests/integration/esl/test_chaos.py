"""Many legs at once, whose switch misbehaves in every way we could think of."""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable

import gevent
import pytest
from gevent import socket

from callcontrol.errors import SessionError
from callcontrol.esl import command
from callcontrol.esl.conversation import Deadlines
from callcontrol.esl.listener import Listener
from callcontrol.esl.session import Session
from tests.integration.esl.peer import PATIENCE_S, Peer, eventually, hub_is_alive
from tests.integration.esl.recordings import recording

MESSAGES = recording("01-answered-caller-hangs-up/esl-outbound 1").messages
STREAM = b"".join(
    [MESSAGES[0], MESSAGES[2], *[m for m in MESSAGES if b"event-plain" in m[:60]]]
)
LEGS = 200

Play = Callable[[Peer, random.Random], None]


def whole(peer: Peer, _: random.Random) -> None:
    """Play the call to its end and close."""
    peer.send(STREAM)
    peer.close()


def in_pieces(peer: Peer, chance: random.Random) -> None:
    """Play it in pieces, others taking their turn between."""
    rest = STREAM
    while rest:
        size = chance.choice([1, 7, 100, 5000])
        peer.send(rest[:size])
        rest = rest[size:]
        if size > 7:
            gevent.sleep(0)
    peer.close()


def cut_off(peer: Peer, chance: random.Random) -> None:
    """Die anywhere, politely or not."""
    peer.send(STREAM[: chance.randrange(len(STREAM))])
    chance.choice([peer.close, peer.reset])()


def damaged(peer: Peer, chance: random.Random) -> None:
    """Send something wrong somewhere."""
    place = chance.randrange(len(STREAM))
    wrong = chance.choice([b"\n\n", b"\0\xff", b"Content-Length: -1\n\n", STREAM[:50]])
    peer.send(STREAM[:place], wrong, STREAM[place : place + 20_000])


def silent(_peer: Peer, _: random.Random) -> None:
    """Say nothing, and do not read either."""


def at_once_gone(peer: Peer, _: random.Random) -> None:
    """Connect and reset."""
    peer.reset()


def serve(session: Session) -> None:
    """Use a session in every way a handler may, and be told each time it cannot go on."""
    session.open()
    session.execute("bridge", "x" * 2000)
    helpers = [
        gevent.spawn(session.run, "playback", "a", deadline_s=0.2),
        gevent.spawn(session.send, command.api("status"), 0.2),
    ]
    try:
        while (event := session.next_event(0.3)) is not None:
            _ = event.name, event.answered_us, event.variable("sip_from_display")
        session.hangup("NORMAL_CLEARING")
        session.close(0.1)
    finally:
        gevent.joinall(helpers)


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_the_switch_does_every_handler_ends_and_nothing_is_left(seed, capfd):
    """No handler hangs, none fails with an error that is not ours, no descriptor stays open."""
    chance = random.Random(seed)
    outcomes: Counter[str] = Counter()

    def counted(session: Session) -> None:
        try:
            serve(session)
            outcomes["ended"] += 1
        except SessionError as exc:
            outcomes[type(exc).__name__] += 1

    listener = Listener(counted, port=0, deadlines=Deadlines(command_s=0.3, write_s=0.3))
    listener.start()
    open_before = len(os.listdir("/proc/self/fd"))
    peers, playing = [], []
    for _ in range(LEGS):
        peer = Peer(socket.create_connection(listener.address))
        play: Play = chance.choice([whole, in_pieces, cut_off, damaged, silent, at_once_gone])
        peers.append(peer)
        playing.append(gevent.spawn(play, peer, chance))
    gevent.joinall(playing, timeout=PATIENCE_S)
    over = eventually(lambda: listener.admitted == LEGS and listener.sessions == 0, 15.0)
    for peer in peers:
        peer.close()

    assert over
    assert hub_is_alive()
    assert listener.failed == 0
    assert sum(outcomes.values()) == LEGS
    assert eventually(lambda: len(os.listdir("/proc/self/fd")) <= open_before)
    listener.stop()
    capfd.readouterr()  # gevent names each helper that ended with its conversation
