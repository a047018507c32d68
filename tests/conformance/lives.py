"""Cases: connections, commands and their ends."""

from __future__ import annotations

import statistics
import time

from tests.conformance.case import FAILS, Case, names_told
from tests.conformance.frames import api_response, event, notice
from tests.conformance.stage import Leg, Stage

FLOOD_BYTES = 32 << 20
MAX_GROWTH_BYTES = 16 << 20


def death_inside_a_body(stage: Stage) -> object:
    """The connection ends in the middle of a frame; then another leg comes."""
    leg = stage.leg()
    leg.open("listen")
    leg.send(b"Content-Length: 100\nContent-Type: text/event-plain\n\nEvent-Name")
    leg.close()
    return served(stage)


def silence_inside_a_body(stage: Stage) -> object:
    """A hundred connections stop in the middle of a frame and stay; then another comes."""
    for _ in range(100):
        leg = stage.leg()
        leg.answer_connect("listen")
        leg.send(b"Content-Length: 100\nContent-Type: text/event-plain\n\nEvent-Name")
    return served(stage)


def served(stage: Stage) -> str:
    """Say whether a new leg is served."""
    other = stage.leg()
    return "served" if other.command() == "connect" else "frozen"


def first_byte(stage: Stage) -> object:
    """How long a leg waits for `connect`: the quicker ones of fifteen, on a busy machine."""
    waits_s = []
    for _ in range(15):
        leg = stage.leg()
        started_s = time.monotonic()
        leg.answer_connect("listen")
        waits_s.append(time.monotonic() - started_s)
    return "at once" if statistics.quantiles(waits_s)[0] < 0.025 else "polled"


def burst(stage: Stage) -> object:
    """Ten legs come at the same time where two are admitted."""
    legs = [stage.leg() for _ in range(10)]
    for leg in legs:
        leg.answer_connect("listen")
    admitted = 0
    for _ in range(15):
        for leg in legs:
            leg.grant()
        while stage.told(None, "channel", patience_s=0.05) is not None:
            admitted += 1
    return admitted


def line_feed_in_an_argument(stage: Stage) -> object:
    """An argument holds an empty line and another command."""
    leg = stage.leg()
    leg.open("execute", variable_argument="caller=Bob\n\napi system touch FILE")
    return [one for one in leg.commands_until_quiet() if one.startswith("api ")]


def large_command(stage: Stage) -> object:
    """A command is larger than what the connection takes at once."""
    size = 12 << 20
    leg = stage.leg(receive_bytes=65_536)
    leg.open("execute", variable_size=str(size))
    received = 0
    while received < size and (data := leg.receive()):
        received += len(data)
    return "whole" if received >= size else "cut"


def replies_in_order(stage: Stage) -> object:
    """Two commands are sent together, and answered in their order."""
    leg = stage.leg()
    leg.open("commands")
    commands = [leg.command()]
    # Who sends one at a time sends the second only now.
    leg.send(api_response(f"result of {commands[0]}"))
    commands.append(leg.command())
    leg.send(api_response(f"result of {commands[1]}"))
    return results(leg, 2)


def late_reply(stage: Stage) -> object:
    """A command is given up; its reply comes later, before the next one's."""
    leg = stage.leg()
    leg.open("late")
    first = leg.command()
    given_up = leg.told("reply", "error")
    second = leg.command()
    leg.send(api_response(f"result of {first}"), api_response(f"result of {second}"))
    return ["given up" if given_up and "error" in given_up else given_up, *results(leg, 1)]


def results(leg: Leg, count: int) -> list[str]:
    """Say of so many commands whether each got its own reply."""
    found = []
    for _ in range(count):
        told = leg.told("reply", "error") or {}
        is_own = told.get("reply") == f"result of api {told.get('to')}"
        found.append("its own" if is_own else str(told.get("reply", told.get("error"))))
    return found


def close_before_the_reply(stage: Stage) -> object:
    """The connection ends without a notice while a command waits for its reply."""
    leg = stage.leg()
    leg.open("command")
    leg.command()
    leg.close()
    return "told" if leg.told("error") is not None else "still waiting"


def close_before_the_end(stage: Stage) -> object:
    """The connection ends without a notice while an application's end is waited for."""
    leg = stage.leg()
    leg.open("run")
    leg.accept_command()
    leg.accept_command()
    leg.close()
    ends = [leg.told("error"), leg.told("error")]
    return "told" if None not in ends else "still waiting"


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
            Unique_ID=leg.uuid,
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


def events_before_the_notice(stage: Stage) -> object:
    """The same with the switch's goodbye behind them; the end is told too."""
    leg = stage.leg()
    leg.open("listen")
    leg.send(*[event(f"E{n}") for n in range(20)], notice())
    leg.close()
    names = [name for name in names_told(leg, 20) if name]
    return [len(names), leg.told("over") is not None]


def impossible_length(stage: Stage) -> object:
    """A frame announces less than nothing; its leg is over for the subject, another is not."""
    leg = stage.leg()
    leg.open("listen")
    leg.send(b"Content-Length: -1\nContent-Type: text/event-plain\n\n")
    leg.close()
    over = leg.told("over", "error")
    return ["told" if over is not None else "not told", served(stage)]


def endless_headers(stage: Stage) -> object:
    """Headers without end."""
    return flooded(stage, b"", b"A: b\n")


def endless_line(stage: Stage) -> object:
    """One header without end."""
    return flooded(stage, b"A: ", b"xxxxx")


def endless_body(stage: Stage) -> object:
    """A body of many gigabytes is announced, and comes."""
    return flooded(stage, b"Content-Length: 99999999999\n\n", b"xxxxx")


def flooded(stage: Stage, start: bytes, unit: bytes) -> list[str]:
    """Send 32 MiB, unless the subject stops that; measure the memory it takes."""
    leg = stage.leg()
    leg.open("listen")
    before = stage.resident_bytes()
    leg.send(start)
    piece = unit * 13_107
    for _ in range(FLOOD_BYTES // len(piece)):
        if not leg.send(piece):
            break
    growth = stage.resident_bytes() - before
    return ["bounded" if growth < MAX_GROWTH_BYTES else "kept it all", served(stage)]


CASES = (
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
        name="a peer that dies inside a body stops no other call",
        play=death_inside_a_body,
        right="served",
        greenswitch="frozen",
    ),
    Case(
        name="a hundred that stop inside a body stop no other call",
        play=silence_inside_a_body,
        right="served",
        greenswitch="served",
    ),
    Case(
        name="an argument cannot become a command",
        play=line_feed_in_an_argument,
        right=[],
        greenswitch=["api system touch FILE"],
    ),
    Case(
        name="a large command leaves whole",
        play=large_command,
        right="whole",
        greenswitch="cut",
    ),
    Case(
        name="replies go to their commands",
        play=replies_in_order,
        right=["its own", "its own"],
        greenswitch=["its own", "its own"],
    ),
    Case(
        name="a late reply is not the next command's",
        play=late_reply,
        right=["given up", "its own"],
        greenswitch=["given up", "its own"],
    ),
    Case(
        name="a command does not wait for one who has left",
        play=close_before_the_reply,
        right="told",
        greenswitch="still waiting",
    ),
    Case(
        name="nor does one who waits for an application",
        play=close_before_the_end,
        right="told",
        greenswitch="still waiting",
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
    Case(
        name="events before a goodbye are, and the end is told",
        play=events_before_the_notice,
        right=[20, True],
        greenswitch=[20, True],
    ),
    Case(
        name="an impossible length ends its own leg only",
        play=impossible_length,
        right=["told", "served"],
        greenswitch=["told", "served"],
    ),
    Case(
        name="headers without end are not kept",
        play=endless_headers,
        right=["bounded", "served"],
        greenswitch=FAILS,
    ),
    Case(
        name="nor is a header without end",
        play=endless_line,
        right=["bounded", "served"],
        greenswitch=FAILS,
    ),
    Case(
        name="nor a body of any size",
        play=endless_body,
        right=["bounded", "served"],
        greenswitch=["bounded", "served"],
    ),
)
