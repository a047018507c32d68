"""The switch as a call sees it: one session, one link, both in memory."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Iterable, Sequence

from callcontrol.calls.live_calls import LiveCalls
from callcontrol.errors import CommandRejected, SessionGone
from callcontrol.esl.event import Event
from tests.builders import CREATED_US, make_event

PLAYS_US = CREATED_US + 100_000
"""When a prompt begins to be played."""

Answer = Callable[[str, str], Iterable[Event | Exception]]
"""What one bridge brings: given the execution's uuid and the argument, its events."""


class FakeSession:
    """A call's own socket. Each `bridge` is answered by the next of the answers given.

    Attributes:
        sent: every command as (what, argument).
        playback: what comes of playing a file.
        key: the key the caller presses when asked for one.
    """

    def __init__(self, channel: Event, *answers: Answer) -> None:
        self.channel = channel
        self.sent: list[tuple[str, str]] = []
        self.is_closed = False
        self.on_hangup: Callable[[str], None] = lambda _cause: None
        self.playback: Event | Exception = played()
        self.key: str | None = None
        self._answers = deque(answers)
        self._events: deque[Event | Exception] = deque()

    def open(self, _deadline_s: float) -> Event:
        """Give the channel."""
        return self.channel

    def post(self, *commands: bytes) -> None:
        """Take commands."""
        self.sent += [("post", one.decode().strip()) for one in commands]

    def execute(
        self, application: str, argument: str = "", *, first: Sequence[bytes] = ()
    ) -> str:
        """Run an application; a bridge brings its events."""
        self.post(*first)
        self.sent.append((application, argument))
        application_uuid = f"execution-{len(self.sent)}"
        if application == "bridge":
            self._events.extend(self._answers.popleft()(application_uuid, argument))
        elif application == "respond":
            self.on_hangup("NORMAL_UNSPECIFIED")
        return application_uuid

    def run(self, application: str, argument: str = "", *, deadline_s: float) -> Event:
        """Run an application to its end."""
        self.sent.append((application, argument))
        if application == "play_and_get_digits":
            name = argument.split()[7]
            pressed = {} if self.key is None else {f"variable_{name}": self.key}
            return make_event("CHANNEL_EXECUTE_COMPLETE", **pressed)
        if application != "playback":
            return make_event("CHANNEL_EXECUTE_COMPLETE", Event_Date_Timestamp=PLAYS_US)
        if isinstance(self.playback, Exception):
            raise self.playback
        return self.playback

    def hangup(self, cause: str) -> None:
        """Hang up."""
        self.sent.append(("hangup", cause))
        self.on_hangup(cause)

    def next_event(self, _deadline_s: float) -> Event | None:
        """Give the next event; None when the switch says nothing more."""
        if not self._events:
            return None
        event = self._events.popleft()
        if isinstance(event, Exception):
            raise event
        return event

    def wait_over(self, _deadline_s: float) -> bool:
        """Say that the switch has let go."""
        return True

    def close(self) -> None:
        """End the conversation."""
        self.is_closed = True


class FakeLink:
    """The link to the switch; it has the legs it is told of.

    Attributes:
        sent: every api command.
        legs: the uuids of the legs the switch has.
        answered_us: when it says a leg was answered.
        ends_at: the times it tells of a leg that it was asked to end.
        told: what it tells of legs, beyond their answer.
    """

    def __init__(self, live_calls: LiveCalls) -> None:
        self.is_up = True
        self.sent: list[tuple[str, ...]] = []
        self.legs: set[str] = set()
        self.ends_at: dict[str, int] = {}
        self.answered_us = 0
        self.told: dict[str, Event] = {}
        self._live_calls = live_calls

    def api(self, command: str, *arguments: str, deadline_s: float) -> str:
        """Run a command."""
        self.sent.append((command, *arguments))
        if not self.is_up:
            raise SessionGone("the link to the switch is down")
        if command == "show":
            rows = [{"uuid": leg, "direction": "inbound"} for leg in self.legs]
            return json.dumps({"row_count": len(rows), "rows": rows})
        if command == "uuid_broadcast":
            return "+OK Message sent\n"
        if command == "uuid_exists":
            return "true" if arguments[0] in self.legs else "false"
        if arguments[0] not in self.legs:
            raise CommandRejected(command, "-ERR No such channel!")
        if command in {"uuid_getvar", "uuid_dump"}:
            return self._dumped(command, *arguments)
        if command == "uuid_kill":
            self.end(arguments[0], cause=arguments[1], **self.ends_at)
            return "+OK\n"
        raise AssertionError(command)

    def post(self, *commands: bytes) -> None:
        """Take commands."""
        if not self.is_up:
            raise SessionGone("the link to the switch is down")
        self.sent += [tuple(one.decode().split()[1:]) for one in commands]

    def _dumped(self, command: str, leg_uuid: str, *how: str) -> str:
        told = self.told.get(leg_uuid, make_event("CHANNEL_DATA"))
        if command == "uuid_getvar":
            return told.variable(how[0]) or "_undef_"
        if how != ("json",):
            return told.headers.block.decode()
        known = {"Caller-Channel-Answered-Time": str(self.answered_us)}
        return json.dumps({**known, **told.headers})

    def end(self, leg_uuid: str, **told: str | int) -> None:
        """Tell the engine that a leg is gone."""
        self.legs.discard(leg_uuid)
        call = self._live_calls.find(leg_uuid)
        if call is not None and not call.ended.ready():
            call.ended.set(hangup_complete(leg_uuid, **told))


def hangup_complete(
    leg_uuid: str,
    *,
    cause: str = "NORMAL_CLEARING",
    at_us: int,
    answered_us: int = 0,
    **variables: str,
) -> Event:
    """Make the switch's last word on a leg."""
    return make_event(
        "CHANNEL_HANGUP_COMPLETE",
        Unique_ID=leg_uuid,
        Hangup_Cause=cause,
        Caller_Channel_Answered_Time=answered_us,
        Caller_Channel_Hangup_Time=at_us,
        **{f"variable_{name}": value for name, value in variables.items()},
    )


def played(response: str = "FILE PLAYED", *, answer_state: str = "early") -> Event:
    """Make the end of a file's playing, two seconds after its beginning."""
    return make_event(
        "CHANNEL_EXECUTE_COMPLETE",
        Event_Date_Timestamp=PLAYS_US + 2_000_000,
        Application_Response=response,
        Answer_State=answer_state,
    )


def legs_in(argument: str) -> list[str]:
    """Read the uuids that a bridge's argument gives its legs."""
    return re.findall(r"origination_uuid=([0-9a-f-]+)", argument)


def answers(*, after_us: int, leg: int = 0) -> Answer:
    """Ring, then answer with one of the legs; after_us is the instant of the answer."""

    def events(uuid: str, argument: str) -> Iterable[Event]:
        legs = legs_in(argument)
        rang = {"Caller_Channel_Progress_Time": after_us - 1_000_000}
        told = {**rang, "Caller_Channel_Answered_Time": after_us}
        yield make_event(
            "CHANNEL_EXECUTE", Application_UUID=uuid, Event_Date_Timestamp=after_us - 1_100_000
        )
        yield make_event("CHANNEL_PROGRESS", **rang)
        yield make_event("CHANNEL_ANSWER", **told)
        yield make_event("CHANNEL_BRIDGE", **told, Other_Leg_Unique_ID=legs[leg])

    return events


def fails(cause: str, *, sip_code: int | None = None) -> Answer:
    """Fail every leg with a cause."""

    def events(uuid: str, argument: str) -> Iterable[Event]:
        causes = "|:".join(f"{leg};{cause}" for leg in legs_in(argument))
        yield make_event(
            "CHANNEL_EXECUTE_COMPLETE",
            Application_UUID=uuid,
            Event_Date_Timestamp=2,
            variable_originate_disposition=cause,
            variable_originate_causes=f"ARRAY::{causes}",
            variable_last_bridge_proto_specific_hangup_cause=sip_code and f"sip:{sip_code}",
        )

    return events


def caller_leaves() -> Answer:
    """The caller gives up while it rings."""
    return lambda _uuid, _argument: [make_event("CHANNEL_HANGUP"), SessionGone("gone")]


def breaks() -> Answer:
    """The socket breaks."""
    return lambda _uuid, _argument: [SessionGone("connection reset")]
