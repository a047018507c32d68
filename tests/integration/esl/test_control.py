"""Control on a real port: password, subscriptions, replies, loss of the link and its return."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import gevent
import pytest
from structlog.testing import capture_logs

from callcontrol.errors import (
    AuthenticationRejected,
    CommandRejected,
    CommandTimeout,
    SessionError,
    SessionGone,
    SwitchUnreachable,
    UnsafeArgument,
    WireError,
)
from callcontrol.esl import command
from callcontrol.esl.control import Backoff, Control, Keeping
from callcontrol.esl.conversation import Deadlines
from callcontrol.esl.event import Event
from callcontrol.esl.link import Link
from tests.fakes.clock import FakeClock
from tests.integration.esl.peer import (
    PATIENCE_S,
    Peer,
    api_response,
    event,
    eventually,
    hub_is_alive,
    listening,
    notice,
    reply,
)

GREETING = b"Content-Type: auth/request\n\n"
PASSWORD = "s3cret"
SOON_S = 0.05
QUICK = Keeping(
    open_s=PATIENCE_S,
    ping_every_s=PATIENCE_S,
    ping_deadline_s=PATIENCE_S,
    backoff=Backoff(first_s=0.001, longest_s=0.01),
)


class Switch:
    """A scripted switch that listens for the engine's link."""

    def __init__(self) -> None:
        self._server = listening()
        self.host, self.port = self._server.getsockname()
        self._peers: list[Peer] = []

    def accept(self) -> Peer:
        """Wait for the next connection."""
        with gevent.Timeout(PATIENCE_S):
            self._peers.append(Peer(self._server.accept()[0]))
        return self._peers[-1]

    def welcome(self, subscriptions: int = 1) -> Peer:
        """Take a connection, its password and its subscriptions."""
        peer = self.accept()
        peer.send(GREETING)
        assert peer.answer(reply("+OK accepted")) == [f"auth {PASSWORD}"]
        peer.answer(*[reply("+OK event listener enabled plain")] * subscriptions)
        return peer

    def close(self) -> None:
        """Stop listening and close all."""
        self._server.close()
        for peer in self._peers:
            peer.close()


@pytest.fixture
def switch() -> Iterator[Switch]:
    """A switch that is there."""
    switch = Switch()
    yield switch
    switch.close()


Make = Callable[..., Control]


@pytest.fixture
def make(switch: Switch) -> Iterator[Make]:
    """Make links to the switch that are stopped at the end."""
    controls: list[Control] = []

    def made(**settings: object) -> Control:
        defaults: dict[str, object] = {
            "on_event": lambda _event: None,
            "keeping": QUICK,
            "deadlines": Deadlines(command_s=PATIENCE_S),
        }
        control = Control(switch.host, switch.port, PASSWORD, **(defaults | settings))  # type: ignore[arg-type]
        controls.append(control)
        return control

    yield made
    for control in controls:
        control.stop()


def up(control: Control, switch: Switch, subscriptions: int = 1) -> Peer:
    """Bring a link up and give the switch's end."""
    control.start()
    peer = switch.welcome(subscriptions)
    assert eventually(lambda: control.is_up)
    return peer


class TestOpening:
    def test_password_then_subscriptions_then_up(self, switch, make):
        """The subscriptions leave in one segment, and on every connection anew."""
        told: list[str] = []
        control = make(
            subscribe=[
                command.event_plain("CHANNEL_HANGUP_COMPLETE"),
                command.filter_("Call-Direction", "inbound"),
            ],
            on_up=lambda: told.append("up"),
        )
        opening = gevent.spawn(control.open)
        peer = switch.accept()
        peer.send(GREETING)
        peer.answer(reply("+OK accepted"))
        asked = peer.answer(*[reply()] * 4)
        opening.get(timeout=PATIENCE_S)

        assert asked == [
            "event plain CHANNEL_HANGUP_COMPLETE",
            "filter Call-Direction inbound",
            "event plain BACKGROUND_JOB",
            "filter Event-Name BACKGROUND_JOB",
        ]
        assert control.state == "up"
        assert eventually(lambda: told == ["up"])

    def test_a_wrong_password_is_told_without_the_password(self, switch, make):
        """Typed, naming the switch; neither error nor log shows the secret."""
        control = make()
        with capture_logs() as logs:
            opening = gevent.spawn(control.open)
            peer = switch.accept()
            peer.send(GREETING)
            peer.answer(reply("-ERR invalid") + notice())
            with pytest.raises(AuthenticationRejected) as caught:
                opening.get(timeout=PATIENCE_S)

        assert f"{switch.host}:{switch.port}" in str(caught.value)
        everything = f"{caught.value!r} {caught.value.__cause__!r} {logs} {control!r}"
        assert PASSWORD not in everything
        assert control.state == "down"
        assert peer.is_closed()

    def test_a_switch_that_is_not_there_is_told(self, switch, make):
        """With where it was looked for."""
        control = make()
        switch.close()
        with pytest.raises(SwitchUnreachable, match=str(switch.port)):
            control.open()

    def test_a_switch_that_does_not_greet_is_told_in_time(self, switch, make):
        """Somebody listens there and says nothing; the connection does not stay."""
        control = make(keeping=Keeping(open_s=SOON_S))
        opening = gevent.spawn(control.open)
        peer = switch.accept()
        with pytest.raises(SwitchUnreachable):
            opening.get(timeout=PATIENCE_S)
        assert peer.is_closed()

    @pytest.mark.parametrize(
        ("answer", "error"),
        [
            (b"Content-Type: text/rude-rejection\nContent-Length: 2\n\nNo", SessionGone),
            (b"HTTP/1.1 400 Bad Request\n\n", WireError),
            (notice(), SessionGone),
        ],
        ids=["access list", "no switch", "goodbye"],
    )
    def test_what_else_a_greeting_can_be(self, switch, make, answer, error):
        """Each ends in an error of its own kind."""
        control = make()
        opening = gevent.spawn(control.open)
        switch.accept().send(answer)
        with pytest.raises(error):
            opening.get(timeout=PATIENCE_S)

    def test_a_refused_subscription_is_told(self, switch, make):
        """A link that would hear nothing is no link."""
        control = make()
        opening = gevent.spawn(control.open)
        peer = switch.accept()
        peer.send(GREETING)
        peer.answer(reply("+OK accepted"), reply("-ERR no keywords supplied"))
        with pytest.raises(CommandRejected):
            opening.get(timeout=PATIENCE_S)

    def test_a_link_opens_the_greenswitch_way_too(self, switch):
        """`with` calls connect(), which uses its timeout, and stop()."""
        link = Link(switch.host, switch.port, PASSWORD, on_event=print, on_end=lambda: None)
        serving = gevent.spawn(switch.welcome, 0)
        with link:
            peer = serving.get(timeout=PATIENCE_S)
            assert link.connected
        assert link.end_reason is not None
        assert peer.is_closed()


class TestCommands:
    def test_replies_take_their_commands_in_order(self, switch, make):
        """Many in flight, of many greenlets, events between."""
        control = make()
        peer = up(control, switch)
        asking = [gevent.spawn(control.api, "echo", str(n)) for n in range(100)]
        for one in peer.commands(100):
            peer.send(event("DTMF"), api_response(one.removeprefix("api echo ")))

        answers = [one.get(timeout=PATIENCE_S) for one in asking]
        assert answers == [str(n) for n in range(100)]

    def test_a_result_comes_as_it_is(self, switch, make):
        """Newlines, JSON and all."""
        control = make()
        peer = up(control, switch)
        asking = gevent.spawn(control.api, "show", "channels", "as", "json")
        assert peer.answer(api_response('{"row_count": 0}\n')) == ["api show channels as json"]

        assert asking.get(timeout=PATIENCE_S) == '{"row_count": 0}\n'

    def test_no_is_raised_and_late_is_a_timeout(self, switch, make):
        """And an argument with a line break does not leave."""
        control = make()
        peer = up(control, switch)
        with pytest.raises(CommandTimeout):
            control.api("status", deadline_s=SOON_S)
        peer.answer(api_response("late"))
        peer.send(api_response("-ERR No such channel!\n"))
        with pytest.raises(CommandRejected):
            control.api("uuid_kill", "x")
        with pytest.raises(UnsafeArgument):
            control.api("uuid_setvar", "x", "a\n\napi system x")

    def test_a_job_s_result_finds_the_one_who_asked(self, switch, make):
        """By Job-UUID, in whatever order; others' jobs are events like any."""
        seen: list[Event] = []
        control = make(on_event=seen.append)
        peer = up(control, switch)
        jobs = [gevent.spawn(control.bgapi, "x", str(n), deadline_s=PATIENCE_S) for n in (1, 2)]
        uuids = [one.split("Job-UUID: ")[1] for one in peer.commands(2)]
        peer.send(reply("+OK Job-UUID: a"), reply("+OK Job-UUID: b"))
        for uuid in [*reversed(uuids), "another's"]:
            peer.send(event("BACKGROUND_JOB", Job_UUID=uuid, body=f"of {uuid}".encode()))

        assert [one.get(timeout=PATIENCE_S) for one in jobs] == [f"of {u}" for u in uuids]
        assert eventually(lambda: [one.job_uuid for one in seen] == ["another's"])

    def test_a_job_that_does_not_end_is_a_timeout(self, switch, make):
        """The switch took it, and that was the last we heard."""
        control = make()
        peer = up(control, switch)
        job = gevent.spawn(control.bgapi, "x", deadline_s=SOON_S)
        peer.answer(reply())
        with pytest.raises(CommandTimeout):
            job.get(timeout=PATIENCE_S)

    def test_a_refusal_nobody_waits_for_is_logged(self, switch, make):
        """It must not pass unseen."""
        with capture_logs() as logs:
            control = make()
            peer = up(control, switch)
            control.post(command.api("uuid_kill"))
            peer.answer(api_response("-USAGE: <uuid> [cause]\n"))
            assert eventually(lambda: any("esl_command_rejected" in str(one) for one in logs))

    def test_without_a_link_a_command_fails_at_once(self, make):
        """Nobody waits for a switch that is not there."""
        control = make()
        for ask in (
            lambda: control.api("status"),
            lambda: control.bgapi("status", deadline_s=1),
            lambda: control.post(command.api("status")),
        ):
            with pytest.raises(SessionGone):
                ask()


class TestEvents:
    def test_events_are_handed_on_in_order(self, switch, make):
        """Each once."""
        seen: list[str] = []
        control = make(on_event=lambda one: seen.append(one.name))
        peer = up(control, switch)
        peer.send(*[event(f"E{n}") for n in range(50)])

        assert eventually(lambda: seen == [f"E{n}" for n in range(50)])
        assert control.events == 50

    def test_a_callback_that_waits_delays_no_reply(self, switch, make):
        """It may even ask the switch something."""
        answers: list[str] = []
        control = make(on_event=lambda one: answers.append(control.api("about", one.uuid)))
        peer = up(control, switch)
        peer.send(event("ONE", Unique_ID="a"), event("TWO", Unique_ID="b"))
        asked = peer.answer(api_response("1"), api_response("2"))

        assert asked == ["api about a", "api about b"]
        assert eventually(lambda: answers == ["1", "2"])

    def test_a_callback_s_mistake_costs_only_its_event(self, switch, make):
        """It is counted, and the next event is handed on."""
        seen: list[str] = []

        def take(one: Event) -> None:
            seen.append(one.name)
            if one.name == "BAD":
                raise ZeroDivisionError

        control = make(on_event=take)
        up(control, switch).send(event("BAD"), event("GOOD"))

        assert eventually(lambda: seen == ["BAD", "GOOD"])
        assert control.failed == 1

    def test_events_unread_beyond_the_limit_break_the_link(self, switch, make):
        """A new one resynchronises; dropping events in silence would not."""
        stuck = gevent.event.Event()
        keeping = Keeping(backoff=QUICK.backoff, max_events=3, ping_every_s=PATIENCE_S)
        control = make(on_event=lambda _one: stuck.wait(PATIENCE_S), keeping=keeping)
        peer = up(control, switch)
        peer.send(*[event(f"E{n}") for n in range(10)])
        switch.welcome()

        assert eventually(lambda: control.connections == 2)
        assert "unread" in str(control.last_error)
        stuck.set()

    def test_a_flood_of_events_leaves_others_their_turn(self, switch, make):
        """Also when they were already waiting."""
        seen: list[str] = []
        control = make(on_event=lambda one: seen.append(one.name))
        peer = up(control, switch)
        flood = gevent.spawn(peer.send, event("E", X="y" * 100) * 5000)

        assert hub_is_alive()
        assert eventually(lambda: len(seen) == 5000)
        flood.get(timeout=PATIENCE_S)

    def test_age_and_restart_are_noticed(self, switch, make):
        """By the switch's time and its run's identity; an event without a time tells none."""
        clock = FakeClock(now_us=1_000_000)
        control = make(clock=clock)
        peer = up(control, switch)
        peer.send(event("E", Event_Date_Timestamp="400000", Core_UUID="first"))
        assert eventually(lambda: control.events == 1)
        assert (control.lag_us, control.core_uuid, control.restarts) == (600_000, "first", 0)
        peer.send(event("E", Core_UUID="second"), event("E", Event_Date_Timestamp="x"))

        assert eventually(lambda: control.events == 3)
        assert (control.lag_us, control.core_uuid, control.restarts) == (600_000, "second", 1)


class TestLossAndReturn:
    @pytest.mark.parametrize(
        "leave",
        [
            lambda peer: peer.close(),
            lambda peer: peer.reset(),
            lambda peer: peer.send(notice()),
            lambda peer: peer.send(b"\n"),
        ],
        ids=["close", "reset", "notice", "garbage"],
    )
    def test_however_it_is_lost_it_returns(self, switch, make, leave):
        """All who wait are told, down and up are called, subscriptions are sent again."""
        told: list[str] = []
        control = make(
            subscribe=[command.event_plain("DTMF")],
            on_up=lambda: told.append("up"),
            on_down=lambda _reason: told.append("down"),
        )
        peer = up(control, switch, subscriptions=2)
        waiting = [
            gevent.spawn(control.api, "status"),
            gevent.spawn(control.bgapi, "status", deadline_s=PATIENCE_S),
        ]
        peer.commands(1)
        peer.answer(api_response("x") + reply())
        leave(peer)
        again = switch.welcome(subscriptions=2)

        with pytest.raises(SessionError):
            waiting[1].get(timeout=PATIENCE_S)
        assert eventually(lambda: control.is_up and told == ["up", "down", "up"])
        asking = gevent.spawn(control.api, "status")
        again.answer(api_response("there"))
        assert asking.get(timeout=PATIENCE_S) == "there"

    def test_a_switch_that_stops_answering_is_found_by_the_ping(self, switch, make):
        """Its machine still acknowledges every byte."""
        keeping = Keeping(
            backoff=QUICK.backoff, ping_every_s=0.01, ping_deadline_s=SOON_S, open_s=PATIENCE_S
        )
        control = make(keeping=keeping)
        peer = up(control, switch)
        assert peer.answer(api_response("false"))[0].startswith("api uuid_exists ")
        assert eventually(lambda: not control.is_up)

        assert "no sign of life" in str(control.last_error)

    def test_a_switch_that_says_anything_lives(self, switch, make):
        """A ping not answered in time ends no link that brings events."""
        keeping = Keeping(
            backoff=QUICK.backoff, ping_every_s=0.01, ping_deadline_s=SOON_S, open_s=PATIENCE_S
        )
        control = make(keeping=keeping)
        peer = up(control, switch)
        for _ in range(3):
            assert peer.commands(1)[0].startswith("api uuid_exists ")
            peer.send(event("HEARTBEAT"))

        assert control.connections == 1

    def test_a_ping_refused_is_a_sign_of_life(self, switch, make):
        """A switch may not allow the command; it has answered all the same."""
        keeping = Keeping(backoff=QUICK.backoff, ping_every_s=0.01, open_s=PATIENCE_S)
        control = make(keeping=keeping)
        peer = up(control, switch)
        for _ in range(3):
            peer.answer(api_response("-ERR uuid_exists Command not found!\n"))

        assert control.connections == 1
        assert control.is_up

    def test_it_is_tried_until_the_switch_is_there(self, switch, make):
        """With waits that grow and that chance shortens, and an error to show meanwhile."""
        chances: list[float] = []

        def chance() -> float:
            chances.append(0.5)
            return 0.5

        control = make(chance=chance)
        control.start()
        for _ in range(3):
            switch.accept().reset()
        switch.welcome()

        assert eventually(lambda: control.is_up)
        assert len(chances) >= 3
        assert control.last_error is not None

    def test_callbacks_that_fail_do_not_cost_the_link(self, switch, make):
        """Neither on_up nor on_down."""

        def fail(*_: object) -> None:
            raise ZeroDivisionError

        control = make(on_up=fail, on_down=fail)
        up(control, switch).close()
        switch.welcome()

        assert eventually(lambda: control.connections == 2 and control.failed >= 2)

    def test_on_up_may_ask_the_switch(self, switch, make):
        """For the comparison with its list of channels."""
        lists: list[str] = []
        control = make(
            on_up=lambda: lists.append(control.api("show", "channels", "as", "json"))
        )
        peer = up(control, switch)
        peer.answer(api_response('{"row_count": 0}\n'))

        assert eventually(lambda: lists == ['{"row_count": 0}\n'])

    def test_a_link_that_has_just_gone_is_down_at_once(self, switch, make):
        """Before anybody has noticed it, nothing is sent into it."""
        control = make()
        up(control, switch)
        control._link.end("a test")

        assert control.state == "down"
        with pytest.raises(SessionGone):
            control.api("status")

    def test_a_mistake_of_ours_does_not_end_the_trying(self, switch, make):
        """Without its keeper the link would never return."""
        mistakes = [ZeroDivisionError, ZeroDivisionError]

        class Faulty(Control):
            def _watch(self) -> None:
                if mistakes:
                    self._link.end("a test")
                    raise mistakes.pop()
                super()._watch()

        control = Faulty(
            switch.host, switch.port, PASSWORD, on_event=lambda _event: None, keeping=QUICK
        )
        control.start()
        for _ in range(3):
            switch.welcome()

        assert eventually(lambda: control.is_up)
        control.stop()

    def test_stop_is_for_good(self, switch, make):
        """The connection closes and no other comes."""
        control = make()
        peer = up(control, switch)
        control.stop()

        assert control.state == "down"
        assert peer.is_closed()
        with pytest.raises(SessionGone):
            control.api("status")
