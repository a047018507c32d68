"""Session on a real socket: replies, events, deadlines, and the many ways a peer can go."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from contextlib import suppress

import gevent
import pytest
from gevent import socket

from callcontrol.errors import (
    CommandRejected,
    CommandTimeout,
    SessionError,
    SessionGone,
    UnsafeArgument,
    WireError,
)
from callcontrol.esl import command
from callcontrol.esl.conversation import Deadlines
from callcontrol.esl.event import Event
from callcontrol.esl.session import Session
from tests.integration.esl.peer import (
    PATIENCE_S,
    Peer,
    api_response,
    channel_data,
    event,
    eventually,
    hub_is_alive,
    listening,
    notice,
    reply,
)

SOON_S = 0.05
"""A deadline that a test means to pass."""


@pytest.fixture
def ends() -> Iterator[tuple[Session, Peer]]:
    """A session and the peer it talks to, on one socket pair."""
    ours, theirs = socket.socketpair()
    session = Session("peer", ours, deadlines=Deadlines(command_s=PATIENCE_S, write_s=0.5))
    yield session, Peer(theirs)
    session.stop()
    theirs.close()


@pytest.fixture
def session(ends: tuple[Session, Peer]) -> Session:
    """The session of `ends`."""
    return ends[0]


@pytest.fixture
def peer(ends: tuple[Session, Peer]) -> Peer:
    """The peer of `ends`."""
    return ends[1]


def names_until_the_end(session: Session) -> list[str]:
    """Take events until the conversation is over, and name them."""
    names = []
    with pytest.raises(SessionError):  # noqa: PT012 - the loop is what is looked at
        while (one := session.next_event(PATIENCE_S)) is not None:
            names.append(one.name)
    return names


class TestOpening:
    def test_connect_and_myevents_leave_in_one_segment(self, session, peer):
        """The leg is known with the first reply, and its events are subscribed by then."""
        opening = gevent.spawn(session.open)
        gevent.sleep(0)
        first_segment = peer.sock.recv(1000)
        peer.send(channel_data("leg-a", variable_x="grün"), reply("+OK Events Enabled"))
        channel = opening.get(timeout=PATIENCE_S)

        assert first_segment == b"connect\n\nmyevents\n\n"
        assert channel.name == "CHANNEL_DATA"
        assert channel.variable("x") == "grün"
        assert session.uuid == "leg-a" == session.leg_uuid

    def test_greenswitch_s_own_verbs_work_on_it(self, session, peer):
        """Its connect(), linger() and properties find what they look for."""
        channel = channel_data(
            "leg-a", **{"variable_uuid": "leg-a", "Caller-Caller-ID-Number": "+41795550001"}
        )
        playing = gevent.spawn(peer.answer, channel, reply("+OK will linger"), reply("+OK 1"))
        session.connect()
        session.linger()
        answered = session.answer()

        assert session.caller_id_number == "+41795550001"
        assert answered == "+OK 1"
        assert playing.get(timeout=PATIENCE_S)[:2] == ["connect", "linger"]
        with session.while_connected():
            pass

    def test_a_switch_that_says_nothing_is_a_timeout(self, session):
        """The caller of open() is not kept."""
        with pytest.raises(CommandTimeout) as caught:
            session.open(SOON_S)
        assert caught.value.command == "connect"
        assert caught.value.deadline_s == SOON_S

    def test_a_leg_that_is_gone_is_a_rejection(self, session, peer):
        """The switch says no to `connect`."""
        peer.send(reply("-ERR no such leg"), reply("-ERR command not found"))
        with pytest.raises(CommandRejected) as caught:
            session.open()
        assert caught.value.reply == "-ERR no such leg"

    def test_a_peer_that_is_no_switch_is_a_wire_error(self, session, peer):
        """Somebody speaks HTTP to us: a frame without Content-Type."""
        peer.send(b"GET / HTTP/1.1\nHost: x\n\n")
        with pytest.raises(WireError):
            session.open()


class TestReplies:
    def test_replies_take_their_commands_in_order(self, session, peer):
        """Any number in flight, events between them."""
        results = [gevent.spawn(session.send, command.api("echo", str(n))) for n in range(50)]
        asked = peer.commands(50)
        for one in asked:
            peer.send(event("DTMF"), api_response(one.removeprefix("api echo ")))

        assert [r.get(timeout=PATIENCE_S).text for r in results] == [str(n) for n in range(50)]

    def test_several_commands_leave_in_one_segment(self, session, peer):
        """And their replies come back in their order."""
        sending = gevent.spawn(session.send_all, command.api("a"), command.linger())
        gevent.sleep(0)
        segment = peer.sock.recv(1000)
        peer.send(api_response("1"), reply("+OK will linger"))

        assert segment == b"api a\n\nlinger\n\n"
        assert [r.text for r in sending.get(timeout=PATIENCE_S)] == ["1", "+OK will linger"]

    def test_a_late_reply_is_not_the_next_command_s(self, session, peer):
        """Who gave up keeps a place in the queue, so nobody gets another's reply."""
        with pytest.raises(CommandTimeout):
            session.send(command.api("slow"), SOON_S)
        sending = gevent.spawn(session.send, command.api("quick"))
        peer.commands(2)
        peer.send(api_response("slow's"), api_response("quick's"))

        assert sending.get(timeout=PATIENCE_S).text == "quick's"

    @pytest.mark.parametrize("text", ["-ERR No such channel!\n", "-USAGE: <uuid> [cause]\n"])
    def test_a_no_is_raised_with_what_was_asked(self, session, peer, text):
        """-ERR and -USAGE, of an api command as of any other."""
        peer.send(api_response(text))
        with pytest.raises(CommandRejected) as caught:
            session.send(command.api("uuid_kill"))
        assert (caught.value.command, caught.value.reply) == ("api uuid_kill", text.strip())

    def test_a_reply_to_nothing_is_a_wire_error(self, session, peer):
        """Were it taken for the next command's, every later one would be wrong."""
        peer.send(reply())

        assert names_until_the_end(session) == []
        with pytest.raises(WireError):
            session.send(command.api("status"))

    def test_a_text_of_two_lines_does_not_leave(self, session, peer):
        """Greenswitch's way of sending goes through the same check."""
        with pytest.raises(UnsafeArgument):
            session.send("api status\n\napi system x")
        with pytest.raises(UnsafeArgument):
            session.execute("set", "a=b\n\napi system x")
        session.post(command.exit_())

        assert peer.commands(1) == ["exit"]

    def test_commands_do_not_pile_up_before_a_switch_that_answers_none(self, session):
        """There is a largest number in flight."""
        with pytest.raises(SessionError):
            session.post(*[command.exit_()] * 1001)
        session.post(*[command.exit_()] * 1000)
        with pytest.raises(SessionError, match="1000 commands"):
            session.post(command.exit_())
        assert session.in_flight == 1000


class TestExecuting:
    def test_execute_waits_for_nothing_and_names_its_execution(self, session, peer):
        """The identity given is the one sent."""
        uuid = session.execute("bridge", "sofia/external/1@h", is_locked=True)

        assert peer.commands(1) == [
            "sendmsg\ncall-command: execute\nexecute-app-name: bridge\n"
            f"Event-UUID: {uuid}\nevent-lock: true\nexecute-app-arg: sofia/external/1@h"
        ]
        assert session.execute("answer", event_uuid="mine") == "mine"

    def test_a_refusal_nobody_waited_for_is_raised_by_the_next_event(self, session, peer):
        """It keeps its place among the events, and the conversation goes on."""
        session.execute("bridge", "x")
        peer.send(event("ONE"), reply("-ERR invalid"), event("TWO"))

        assert session.next_event(PATIENCE_S).name == "ONE"
        with pytest.raises(CommandRejected) as caught:
            session.next_event(PATIENCE_S)
        assert caught.value.command == "sendmsg execute bridge"
        assert session.next_event(PATIENCE_S).name == "TWO"

    def test_run_waits_for_its_own_end(self, session, peer):
        """Two of the same name at once: each gets its own, in whatever order they end."""
        first = gevent.spawn(session.run, "playback", "first.wav", deadline_s=PATIENCE_S)
        second = gevent.spawn(session.run, "playback", "second.wav", deadline_s=PATIENCE_S)
        uuids = [one.split("Event-UUID: ")[1].split("\n")[0] for one in peer.commands(2)]
        peer.send(reply(), reply())
        for uuid in reversed(uuids):
            peer.send(event("CHANNEL_EXECUTE_COMPLETE", Application_UUID=uuid, X=uuid))

        assert first.get(timeout=PATIENCE_S).header("X") == uuids[0]
        assert second.get(timeout=PATIENCE_S).header("X") == uuids[1]

    def test_run_ends_with_its_deadline_or_the_conversation(self, session, peer):
        """Completion or deadline or end of the call: one of them comes."""
        with pytest.raises(CommandTimeout):
            session.run("playback", "x", deadline_s=SOON_S)
        running = gevent.spawn(session.run, "playback", "x", deadline_s=PATIENCE_S)
        peer.commands(2)
        peer.close()

        with pytest.raises(SessionGone):
            running.get(timeout=PATIENCE_S)

    def test_call_command_waits_the_new_way(self, session, peer):
        """Greenswitch's verb, and its blocking form by identity instead of name."""
        waiting = gevent.spawn(session.call_command, "playback", "a", block=True)
        uuid = peer.answer(reply())[0].split("Event-UUID: ")[1].split("\n")[0]
        peer.send(event("CHANNEL_EXECUTE_COMPLETE", Application_UUID=uuid))

        assert isinstance(waiting.get(timeout=PATIENCE_S), Event)
        with pytest.raises(NotImplementedError):
            session.playback("a")

    def test_a_handler_that_nothing_would_call_is_refused(self, session):
        """Greenswitch's own three are passed over when it sets itself up."""
        with pytest.raises(NotImplementedError, match="DTMF"):
            session.register_handle("DTMF", print)

    def test_hangup_is_sent_with_its_cause(self, session, peer):
        """By name; a cause of two words is refused."""
        session.hangup("USER_BUSY")

        assert peer.commands(1) == ["sendmsg\ncall-command: hangup\nhangup-cause: USER_BUSY"]
        with pytest.raises(UnsafeArgument):
            session.hangup("USER BUSY")


class TestEvents:
    def test_events_come_in_order_and_nothing_is_none(self, session, peer):
        """No event in time is a normal answer."""
        peer.send(event("ONE"), event("TWO"))

        assert [session.next_event(PATIENCE_S).name for _ in range(2)] == ["ONE", "TWO"]
        assert session.next_event(SOON_S) is None

    def test_one_who_only_looks_lets_the_reader_read(self, session, peer):
        """A deadline of 0 gives others their turn, so that a loop of it cannot starve them."""
        peer.send(event("ONE"))
        looks = [session.next_event(0) for _ in range(100)]

        assert [one.name for one in looks if one is not None] == ["ONE"]

    def test_events_unread_beyond_the_limit_end_the_session(self):
        """Whoever should read them is stuck; what came first can still be read."""
        ours, theirs = socket.socketpair()
        session = Session("peer", ours, max_events=3)
        Peer(theirs).send(*[event(f"E{n}") for n in range(5)])

        assert session.wait_over(PATIENCE_S)
        assert names_until_the_end(session) == ["E0", "E1", "E2"]
        theirs.close()

    def test_a_linger_notice_is_no_end(self, session, peer):
        """It says that the leg has hung up and that its last events are coming."""
        peer.send(notice("linger"), event("CHANNEL_HANGUP_COMPLETE"), notice())

        assert names_until_the_end(session) == ["CHANNEL_HANGUP_COMPLETE"]
        assert session.is_lingering

    def test_frames_never_asked_for_are_passed_over(self, session, peer):
        """Log lines and events in other formats change nothing."""
        for kind in (b"log/data", b"text/event-json", b"text/event-xml", b"x"):
            peer.send(b"Content-Type: " + kind + b"\nContent-Length: 2\n\n{}")
        peer.send(event("ONE"))

        assert session.next_event(PATIENCE_S).name == "ONE"


WAITS = {
    "open": lambda session: session.open(),
    "send": lambda session: session.send(command.api("status")),
    "run": lambda session: session.run("playback", "x.wav", deadline_s=PATIENCE_S),
    "next_event": lambda session: session.next_event(PATIENCE_S),
}


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS)
def test_a_session_that_ended_over_a_wait_is_gone_at_once(wait):
    """It is not left to the collector, which looks at old objects hours later."""
    ours, theirs = socket.socketpair()
    session = Session("peer", ours)
    gevent.spawn(theirs.close)
    gc.disable()
    try:
        with suppress(SessionGone):
            wait(session)
        session.close()
        left = weakref.ref(session)
        del session
        assert left() is None
    finally:
        gc.enable()


GOODBYES = {
    "notice": lambda peer: peer.send(notice()),
    "close": lambda peer: peer.close(),
    "notice and close": lambda peer: (peer.send(notice()), peer.close()),
    "inside a header": lambda peer: (peer.send(b"Content-Le"), peer.close()),
    "inside a body": lambda peer: (
        peer.send(b"Content-Type: x\nContent-Length: 99\n\nab"),
        peer.close(),
    ),
    "garbage": lambda peer: peer.send(b"Content-Length: -1\n\n"),
    "garbage without end": lambda peer: peer.send(b"\n"),
    "rejection": lambda peer: peer.send(b"Content-Type: text/rude-rejection\n\n"),
}


class TestEnds:
    """However the peer goes: all who wait are told, and what came first is delivered."""

    @pytest.mark.parametrize("leave", GOODBYES.values(), ids=list(GOODBYES))
    def test_everybody_who_waits_is_told_at_once(self, session, peer, leave):
        """Waiting for a reply, an event, an execution, or about to send."""
        waiting = [
            gevent.spawn(session.send, command.api("status")),
            gevent.spawn(session.run, "playback", "x", deadline_s=PATIENCE_S),
            gevent.spawn(names_until_the_end, session),
        ]
        peer.commands(2)
        peer.send(event("ONE"), event("TWO"))
        leave(peer)

        for one in waiting[:2]:
            with pytest.raises(SessionError):
                one.get(timeout=PATIENCE_S)
        assert waiting[2].get(timeout=PATIENCE_S) == ["ONE", "TWO"]
        with pytest.raises(SessionError):
            session.send(command.api("status"))
        with pytest.raises(SessionError):
            session.raise_if_disconnected()
        assert session.is_over
        assert session.in_flight == 0
        assert hub_is_alive()

    @pytest.mark.parametrize("count", [1, 20])
    def test_events_received_before_the_end_are_delivered(self, session, peer, count):
        """Also when they and the end came before anybody looked."""
        peer.send(*[event(f"E{n}") for n in range(count)])
        peer.close()
        assert session.wait_over(PATIENCE_S)

        assert names_until_the_end(session) == [f"E{n}" for n in range(count)]

    def test_a_reset_is_an_end_like_any_other(self):
        """The kernel raises where it otherwise gives no bytes."""
        server = listening()
        theirs = Peer(socket.create_connection(server.getsockname()))
        ours, address = server.accept()
        session = Session(address, ours)
        theirs.reset()

        assert session.wait_over(PATIENCE_S)
        with pytest.raises(SessionGone):
            session.next_event(PATIENCE_S)
        server.close()

    def test_each_who_waits_gets_an_error_of_its_own(self, session, peer):
        """One shared exception would gather everybody's traceback."""
        waiting = [gevent.spawn(session.send, command.api("status")) for _ in range(2)]
        peer.commands(2)
        peer.close()
        gevent.joinall(waiting, timeout=PATIENCE_S)

        assert waiting[0].exception is not waiting[1].exception

    def test_a_mistake_of_ours_in_the_reader_is_told_to_all(self, session, peer):
        """An exception while reading is not lost."""
        session._event = lambda _event: 1 / 0
        waiting = gevent.spawn(session.send, command.api("status"))
        peer.commands(1)
        peer.send(event("ONE"))

        with pytest.raises(SessionGone, match="ZeroDivisionError"):
            waiting.get(timeout=PATIENCE_S)


class TestWriting:
    def test_a_peer_that_does_not_read_ends_the_session_in_time(self, session):
        """Neither the writer nor those behind it wait for ever."""
        big = command.execute("set", "x" * 1_000_000, event_uuid="e")
        writing = [gevent.spawn(session.post, big) for _ in range(3)]
        gevent.joinall(writing, timeout=PATIENCE_S)

        assert [type(one.exception) for one in writing] == [SessionGone] * 3
        assert session.is_over

    def test_large_commands_of_many_never_interleave(self, session, peer):
        """Each arrives whole, though none fits into the socket at once."""
        letters = "abcdefgh"
        big = [command.execute("set", c * 300_000, event_uuid=c) for c in letters]
        writing = [gevent.spawn(session.post, one) for one in big]
        received = peer.commands(len(big))
        gevent.joinall(writing, raise_error=True, timeout=PATIENCE_S)

        assert received == [one.decode() for one in big]

    def test_a_writer_killed_half_way_ends_the_session(self, session):
        """What would follow half a command would be read as its other half."""
        writing = gevent.spawn(
            session.post, command.execute("set", "x" * 10**6, event_uuid="e")
        )
        gevent.sleep(0.01)
        writing.kill()

        assert session.is_over

    def test_a_timeout_of_the_caller_s_own_passes_unchanged(self, session):
        """gevent.Timeout around a call means the caller's deadline, not ours."""
        with gevent.Timeout(SOON_S) as timeout, pytest.raises(gevent.Timeout) as caught:
            session.send(command.api("status"))
        assert caught.value is timeout


class TestClosing:
    def test_close_waits_for_what_is_in_flight(self, session, peer):
        """Bytes unread at the close reset the connection and could cost the last command."""
        session.hangup("USER_BUSY")
        closing = gevent.spawn(session.close, PATIENCE_S)
        peer.commands(1)
        assert not session.is_over
        peer.send(reply())
        closing.get(timeout=PATIENCE_S)

        assert session.is_over
        assert peer.is_closed()

    def test_close_does_not_wait_for_ever_and_twice_is_once(self, session, peer):
        """A switch that answers nothing is left."""
        session.hangup("USER_BUSY")
        session.close(SOON_S)
        session.close()

        assert peer.is_closed()
        with pytest.raises(SessionGone):
            session.next_event(0)

    def test_a_with_statement_closes(self, session, peer):
        """And no descriptor stays behind."""
        with session:
            pass

        assert peer.is_closed()
        assert eventually(lambda: session.sock.fileno() == -1)

    def test_wait_over_says_whether_the_switch_let_go(self, session, peer):
        """After a hangup the switch closes; until then the answer is no."""
        assert not session.wait_over(SOON_S)
        peer.send(notice())
        assert session.wait_over(PATIENCE_S)

    def test_a_peer_that_never_stops_does_not_keep_the_hub(self, session, peer):
        """While one floods, the others get their turn."""
        flood = gevent.spawn(peer.send, event("E", X="y" * 10_000) * 3000)

        assert hub_is_alive()
        session.stop()
        flood.kill()
