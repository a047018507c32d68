"""Listener on a real port: who is admitted, who is refused and how, and how it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import gevent
import pytest
from gevent import socket
from gevent.event import Event as Signal

from callcontrol.errors import ConfigError, JournalFull, SessionGone
from callcontrol.esl.conversation import Deadlines
from callcontrol.esl.listener import Listener, bound
from callcontrol.esl.session import Session
from tests.integration.esl.peer import (
    PATIENCE_S,
    Peer,
    channel_data,
    event,
    eventually,
    notice,
    reply,
)

CONGESTION = "sendmsg\ncall-command: hangup\nhangup-cause: SWITCH_CONGESTION"
Start = Callable[..., Listener]
Call = Callable[[Listener], Peer]


def stay(session: Session) -> None:
    """Handle a leg by waiting for its end."""
    session.open()
    while session.next_event(PATIENCE_S) is not None:
        pass


@pytest.fixture
def start() -> Iterator[Start]:
    """Start listeners that are stopped at the end."""
    listeners: list[Listener] = []

    def started(handler: Callable[[Session], None] = stay, **settings: object) -> Listener:
        listener = Listener(handler, port=0, **settings)  # type: ignore[arg-type]
        listener.start()
        listeners.append(listener)
        return listener

    yield started
    for listener in listeners:
        listener.stop()


@pytest.fixture
def call() -> Iterator[Call]:
    """Connect as the switch does for a leg; what is left open is closed at the end."""
    peers: list[Peer] = []

    def called(listener: Listener) -> Peer:
        peers.append(Peer(socket.create_connection(listener.address)))
        return peers[-1]

    yield called
    for peer in peers:
        peer.close()


def answered(peer: Peer) -> None:
    """Answer what an opened session asks first."""
    assert peer.commands(2) == ["connect", "myevents"]
    peer.send(channel_data(), reply())


def is_told(peer) -> bool:
    """Say whether a leg is told why it is not taken."""
    try:
        return peer.commands(2) == ["connect", CONGESTION]
    except (EOFError, ConnectionError):
        return False


class TestAdmission:
    def test_a_leg_gets_a_session_and_a_handler(self, start, call):
        """The handler talks; when it returns, the session is closed."""
        listener = start(lambda session: session.open().uuid)
        peer = call(listener)
        answered(peer)

        assert peer.is_closed()
        assert listener.admitted == 1
        assert eventually(lambda: listener.sessions == 0)

    def test_a_switch_whose_machine_is_gone_is_noticed(self, start, call):
        """The kernel asks after a silent peer, and holds no small segment back."""
        kept: list[Session] = []

        def keep(session: Session) -> None:
            kept.append(session)
            session.wait_over(PATIENCE_S)

        listener = start(keep)
        call(listener)

        assert eventually(lambda: kept)
        sock = kept[0].sock
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 5
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 10_000

    def test_a_burst_cannot_pass_the_limit_together(self, start, call):
        """Ten at once, two admitted, all before one `connect` is answered."""
        listener = start(max_sessions=2)
        peers = [call(listener) for _ in range(10)]
        assert eventually(lambda: listener.admitted + listener.refused == 10)

        assert (listener.admitted, listener.refused) == (2, 8)
        asked = [one.commands(2)[1] for one in peers]
        assert (asked.count("myevents"), asked.count(CONGESTION)) == (2, 8)
        assert listener.sessions == 2

    def test_a_call_that_talks_takes_no_room_of_one_that_is_set_up(self, start, call):
        """Its handler goes on, without a connection; what holds one is counted apart."""
        leave = Signal()

        def hand_over(session: Session) -> None:
            session.open()
            session.close()
            leave.wait(PATIENCE_S)

        listener = start(hand_over, max_conversations=1)
        for talking in range(1, 4):
            answered(call(listener))
            assert eventually(lambda: listener.conversations == 0)
            assert listener.sessions == talking
        first, second = call(listener), call(listener)
        assert first.commands(2) == ["connect", "myevents"]

        assert is_told(second)
        assert (listener.admitted, listener.refused) == (4, 1)
        leave.set()

    def test_a_refused_leg_is_asked_hung_up_and_only_then_let_go(self, start, call):
        """Closed before `connect` was answered, the switch would park it for ever."""
        listener = start(max_sessions=0)
        peer = call(listener)

        assert peer.commands(2) == ["connect", CONGESTION]
        peer.sock.settimeout(0.05)
        with pytest.raises(TimeoutError):
            peer.sock.recv(1)
        peer.sock.settimeout(None)
        peer.send(channel_data(), reply(), notice())
        assert peer.is_closed()
        assert listener.sessions == 0

    def test_a_switch_that_never_lets_go_of_a_refused_leg_is_left(self, start, call):
        """The deadline of a command is all it gets."""
        listener = start(max_sessions=0, deadlines=Deadlines(command_s=0.05))
        peer = call(listener)

        assert peer.is_closed()

    def test_a_flood_beyond_that_is_closed_at_once(self, start, call):
        """Each refusal holds a file until the switch lets go; so only some are told."""
        listener = start(max_sessions=0, max_refusals=2)
        told = [call(listener) for _ in range(2)]
        assert eventually(lambda: listener.refused == 2)
        assert call(listener).is_closed()
        assert (listener.refused, listener.dropped) == (2, 1)

        for peer in told:
            peer.close()
        assert eventually(lambda: is_told(call(listener)))

    def test_legs_are_refused_while_the_engine_says_so(self, start, call):
        """With the cause it was told."""
        listener = start(admits=lambda: False, refuse_cause="NETWORK_OUT_OF_ORDER")
        peer = call(listener)

        assert peer.commands(2)[1].endswith("hangup-cause: NETWORK_OUT_OF_ORDER")

    def test_room_is_made_by_those_who_leave(self, start, call):
        """The limit is on those at work, not on all there ever were."""
        listener = start(max_sessions=1)
        for _ in range(3):
            peer = call(listener)
            answered(peer)
            peer.close()
            assert eventually(lambda: listener.sessions == 0)

        assert (listener.admitted, listener.refused) == (3, 0)

    def test_a_stranger_is_turned_away_before_a_byte_is_read(self, start, call):
        """Only the switch's networks may connect."""
        listener = start(allowed_peers=["192.0.2.0/24"])
        peer = call(listener)

        assert peer.is_closed()
        assert (listener.turned_away, listener.admitted) == (1, 0)

    def test_the_port_answers_at_once_also_to_many(self, start, call):
        """Nobody waits for a poll: 200 connections are open well within a second."""
        listener = start()
        with gevent.Timeout(PATIENCE_S):
            peers = [call(listener) for _ in range(200)]
            for peer in peers:
                answered(peer)

        assert eventually(lambda: listener.sessions == 200)


class TestBorder:
    @pytest.mark.parametrize("mistake", [ZeroDivisionError, KeyError, AssertionError])
    def test_one_handler_s_mistake_is_no_other_s(self, start, call, mistake):
        """It is counted, its leg is hung up and let go, and the next leg is served."""

        def fail(session: Session) -> None:
            session.open()
            raise mistake

        listener = start(fail)
        for count in (1, 2):
            peer = call(listener)
            answered(peer)
            assert peer.commands(1)[0].endswith("hangup-cause: NORMAL_TEMPORARY_FAILURE")
            peer.send(reply(), notice())
            assert peer.is_closed()
            assert eventually(lambda count=count: listener.failed == count)
        assert listener.sessions == 0

    def test_a_leg_that_cannot_go_on_gets_the_error_s_cause(self, start, call):
        """An error of the engine's own says what to hang up with."""

        def fail(session: Session) -> None:
            session.open()
            raise JournalFull

        listener = start(fail)
        peer = call(listener)
        answered(peer)

        assert peer.commands(1)[0].endswith("hangup-cause: NETWORK_OUT_OF_ORDER")

    @pytest.mark.parametrize(
        "first_bytes",
        [b"\n", b"GET / HTTP/1.1\n\n", b"\xff\xfe" * 50, b"Content-Length: -1\n\n"],
    )
    def test_garbage_ends_its_own_connection_only(self, start, call, first_bytes):
        """Another leg's conversation goes on meanwhile."""
        listener = start()
        good, bad = call(listener), call(listener)
        bad.send(first_bytes)
        bad.sock.shutdown(socket.SHUT_WR)
        assert bad.is_closed()
        answered(good)
        good.send(event("ONE"))

        assert eventually(lambda: listener.sessions == 1)
        assert listener.failed == 0

    def test_a_peer_that_connects_and_leaves_is_nothing_special(self, start, call):
        """Port checks do that all day."""
        listener = start()
        for _ in range(5):
            call(listener).reset()

        assert eventually(lambda: listener.admitted == 5 and listener.sessions == 0)
        assert listener.failed == 0


class TestEnd:
    def test_drain_takes_no_new_legs_and_lets_the_old_ones_end(self, start, call):
        """True once the last handler has returned."""
        listener = start()
        peer = call(listener)
        answered(peer)
        assert not listener.drain(0.05)
        assert (listener.sessions, listener.conversations) == (1, 1)
        with pytest.raises(ConnectionRefusedError):
            call(listener)
        draining = gevent.spawn(listener.drain, PATIENCE_S)
        peer.close()

        assert draining.get(timeout=PATIENCE_S)

    def test_connections_already_completed_are_taken_before_the_port_closes(self, start, call):
        """The kernel told the switch that we are here; the leg would be parked for ever."""
        listener = start()
        peers = [call(listener) for _ in range(20)]  # accepted by nobody yet: no switch point
        draining = gevent.spawn(listener.drain, PATIENCE_S)
        for peer in peers:
            answered(peer)
            peer.close()

        assert draining.get(timeout=PATIENCE_S)
        assert listener.admitted == 20

    def test_stop_ends_the_sessions_and_their_handlers(self, start, call):
        """Each handler hears SessionGone."""
        heard: list[type] = []
        listening = Signal()

        def wait(session: Session) -> None:
            session.open()
            listening.set()
            try:
                session.next_event(PATIENCE_S)
            except SessionGone as exc:
                heard.append(type(exc))

        listener = start(wait)
        peer = call(listener)
        answered(peer)
        listening.wait(PATIENCE_S)

        assert listener.stop()
        assert heard == [SessionGone]
        assert peer.is_closed()
        assert listener.stop()

    def test_a_taken_port_is_the_operator_s_to_mend(self, start):
        """The error names the address."""
        listener = start()
        host, port = listener.address
        with pytest.raises(ConfigError, match=f"{host}:{port}"):
            Listener(stay, host=host, port=port).start()

    def test_a_socket_shared_with_others_keeps_bound(self, start, call):
        """Who closes it takes what the kernel has completed; the next leg is another's."""
        sock = bound("127.0.0.1", 0)
        first, second = start(sock=sock.dup()), start(sock=sock.dup())
        assert first.drain(PATIENCE_S)
        peer = call(first)
        answered(peer)

        assert first.address == second.address
        assert eventually(lambda: (first.admitted, second.admitted) == (0, 1))
        sock.close()
