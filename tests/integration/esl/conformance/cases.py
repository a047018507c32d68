"""The cases: each plays a switch and gives what the subject made of it.

`right` is what a sound library gives. `greenswitch` is what version 0.0.19 of it gives by
itself: the reason why it is used only by subclass, and the proof that the case can tell the
difference.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.integration.esl.conformance.stage import Leg, Stage
from tests.integration.esl.peer import event, raw_event

XML = '<?xml version="1.0"?>\n<sci note="rate: 3">100%25</sci>\n\n'


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing to get right."""

    name: str
    play: Callable[[Stage], object]
    right: object
    greenswitch: object
    limit: int | None = None


def headers_of(leg: Leg, *names: str) -> list[str | None] | None:
    """Give some headers of the next event told."""
    told = leg.told("event")
    return None if told is None else [told["headers"].get(name) for name in names]


def names_told(leg: Leg, count: int) -> list[str]:
    """Give the names of the events told, at most so many."""
    names = []
    while len(names) < count and (told := leg.told("event")) is not None:
        names.append(told["event"])
    return names


def forged_header(stage: Stage) -> object:
    """A caller's display name spells a line feed and another header."""
    channel = stage.leg().open(
        "listen",
        variable_account_id="42",
        variable_sip_from_display="Bob\nvariable_account_id: 999",
    )
    return channel and channel["variable_account_id"]


def invented_header(stage: Stage) -> object:
    """The same in an event, with a header that was not there."""
    leg = stage.leg()
    leg.open("listen")
    leg.send(event("E", Caller_Caller_ID_Name="Bob\nvariable_tariff: 0"))
    return headers_of(leg, "variable_tariff", "Caller-Caller-ID-Name")


def other_line_breaks(stage: Stage) -> object:
    """Characters that only some call line breaks, and a last header without a value."""
    leg = stage.leg()
    leg.open("listen")
    leg.send(
        event("E", variable_account_id="42", note="a\u0085variable_account_id: 7"),
        event("E", variable_account_id="42", note="a\u2028variable_account_id: 7"),
        raw_event(b"Event-Name: E\nFirst: a\nLast: \n\n"),
    )
    return [headers_of(leg, name) for name in ("variable_account_id",) * 2 + ("First",)]


def event_body(stage: Stage) -> object:
    """An event carries XML, with percent signs and an empty line in it."""
    leg = stage.leg()
    leg.open("listen")
    leg.send(event("RECV_INFO", body=XML.encode()))
    told = leg.told("event")
    return told and [told["body"] == XML, told["headers"]["Content-Length"] == str(len(XML))]


def death_inside_a_body(stage: Stage) -> object:
    """The connection ends in the middle of a frame; then another leg comes."""
    leg = stage.leg()
    leg.open("listen")
    leg.send(b"Content-Length: 100\nContent-Type: text/event-plain\n\nEvent-Name")
    leg.close()
    other = stage.leg()
    return "served" if other.command() == "connect" else "frozen"


def first_byte(stage: Stage) -> object:
    """How long a leg waits for `connect`: the middle one of seven."""
    waits_s = []
    for _ in range(7):
        leg = stage.leg()
        started_s = time.monotonic()
        leg.answer_connect("listen")
        waits_s.append(time.monotonic() - started_s)
    return "at once" if statistics.median(waits_s) < 0.02 else "polled"


def burst(stage: Stage) -> object:
    """Ten legs come at the same time where two are admitted."""
    legs = [stage.leg() for _ in range(10)]
    for leg in legs:
        leg.answer_connect("listen")
    admitted = 0
    while stage.told(None, "channel", patience_s=0.5) is not None:
        admitted += 1
    return admitted


def line_feed_in_an_argument(stage: Stage) -> object:
    """An argument holds an empty line and another command."""
    leg = stage.leg()
    leg.open("execute", variable_argument="caller=Bob\n\napi system touch FILE")
    return [one for one in leg.commands_until_quiet() if one.startswith("api ")]


def close_before_the_reply(stage: Stage) -> object:
    """The connection ends without a notice while a command waits for its reply."""
    leg = stage.leg()
    leg.open("command")
    leg.command()
    leg.close()
    return "told" if leg.told("error") is not None else "still waiting"


def bytes_that_are_no_text(stage: Stage) -> object:
    """One event has a byte in it that is not UTF-8, another event follows."""
    leg = stage.leg()
    leg.open("listen")
    leg.send(raw_event(b"Event-Name: ODD\nNote: a\xffb\n\n"), event("GOOD"))
    return names_told(leg, 2)


def large_command(stage: Stage) -> object:
    """A command is larger than what the connection takes at once."""
    size = 16 << 20
    leg = stage.leg(receive_bytes=4096)
    leg.open("execute", variable_size=str(size))
    received = 0
    while received < size and (data := leg.receive()):
        received += len(data)
    return "whole" if received >= size else "cut"


def notice_with_a_text(stage: Stage) -> object:
    """A notice that the switch lingers has a body, and the last event follows."""
    leg = stage.leg()
    leg.open("listen")
    leg.send(
        b"Content-Type: text/disconnect-notice\nContent-Disposition: linger\n"
        b"Content-Length: 14\n\nStay a while.\n",
        event("LAST"),
    )
    while (told := leg.told("event")) is not None:
        if told["event"] == "LAST":
            return True
    return False


def two_of_one_name(stage: Stage) -> object:
    """Two playbacks run, and the second one ends first."""
    leg = stage.leg()
    leg.open("run")
    identity = ""
    for _ in range(2):
        command = leg.accept_command() or ""
        if "second.wav" in command and "Event-UUID: " in command:
            identity = command.split("Event-UUID: ")[1].split("\n")[0]
    leg.send(
        event(
            "CHANNEL_EXECUTE_COMPLETE",
            variable_current_application="playback",
            Application_Data="second.wav",
            Application_UUID=identity,
        )
    )
    told = leg.told("done")
    return told and told["done"]


def events_before_the_end(stage: Stage) -> object:
    """Twenty events come, and the connection ends behind them without a notice."""
    leg = stage.leg()
    leg.open("listen")
    leg.send(*[event(f"E{n}") for n in range(20)])
    leg.close()
    return "all" if len(names_told(leg, 20)) == 20 else "some"


CASES = (
    Case(
        name="a value cannot overwrite a header",
        play=forged_header,
        right="42",
        greenswitch="999",
    ),
    Case(
        name="a value cannot invent a header",
        play=invented_header,
        right=[None, "Bob\nvariable_tariff: 0"],
        greenswitch=["0", "Bob"],
    ),
    Case(
        name="only a line feed ends a line",
        play=other_line_breaks,
        right=[["42"], ["42"], ["a"]],
        greenswitch=[["7"], ["7"], ["a\nLast:"]],
    ),
    Case(
        name="an event's body stays as it is",
        play=event_body,
        right=[True, True],
        greenswitch=[False, False],
    ),
    Case(
        name="a peer that dies inside a body stops no other call",
        play=death_inside_a_body,
        right="served",
        greenswitch="frozen",
    ),
    Case(
        name="a leg is answered at once",
        play=first_byte,
        right="at once",
        greenswitch="polled",
    ),
    Case(
        name="a burst cannot pass the limit together",
        play=burst,
        right=2,
        greenswitch=10,
        limit=2,
    ),
    Case(
        name="an argument cannot become a command",
        play=line_feed_in_an_argument,
        right=[],
        greenswitch=["api system touch FILE"],
    ),
    Case(
        name="a command does not wait for one who has left",
        play=close_before_the_reply,
        right="told",
        greenswitch="still waiting",
    ),
    Case(
        name="a byte that is no text ends nothing",
        play=bytes_that_are_no_text,
        right=["ODD", "GOOD"],
        greenswitch=[],
    ),
    Case(
        name="a large command leaves whole",
        play=large_command,
        right="whole",
        greenswitch="cut",
    ),
    Case(
        name="the text of a notice is not the next frame",
        play=notice_with_a_text,
        right=True,
        greenswitch=False,
    ),
    Case(
        name="an application's end is its own",
        play=two_of_one_name,
        right="second.wav",
        greenswitch="first.wav",
    ),
    Case(
        name="events before the end are delivered",
        play=events_before_the_end,
        right="all",
        greenswitch="some",
    ),
)
