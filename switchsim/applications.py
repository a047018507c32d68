"""The applications of the dialplan and of `sendmsg execute`.

Each is a generator over the call's own time: it yields to wait, and returns when it has ended.
"""

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from switchsim import playing
from switchsim.bridge import bridge
from switchsim.causes import cause_named, cause_of_sip, reason_of
from switchsim.digits import play_and_get_digits, wanted_by
from switchsim.media import answer, open_media
from switchsim.outbound import Dialer, EngineConnection
from switchsim.park import park as parking
from switchsim.variables import expand, leading_number

if TYPE_CHECKING:
    from switchsim.command_queue import Steps
    from switchsim.session import Session

Application = Callable[["Session", str], "Steps"]


def connect_engine(session: "Session", data: str) -> "Steps":
    """`socket host:port|host:port [async] [full]`: hands the call to an engine."""
    words = data.split()
    if not words:
        return
    results: list[socket.socket | None] = []

    def settled(sock: socket.socket | None) -> None:
        results.append(sock)
        session.wake()

    def trying(host: str) -> None:
        session.channel.variables.set("socket_host", host)

    Dialer(session.switch, words[0].split("|"), trying, settled)
    while not results:
        yield None
    sock = results[0]
    if sock is None:
        return
    flags = {word.lower() for word in words[1:]}
    connection = EngineConnection(session.switch, sock, session, flags)
    while session.channel.is_up and connection.is_open and not connection.is_connected:
        yield None
    yield from parking(session)
    # Without async the connection is the call's own thread: it ends when the engine leaves.
    while connection.is_connected and not connection.is_async and connection.is_open:
        yield None


def set_variable(session: "Session", data: str) -> "Steps":
    """`set name=value`."""
    name, equals, value = data.partition("=")
    if not equals:
        name, _, value = data.partition(",")
    # Expanded once more than arguments of other applications are.
    value = expand(value.strip() if equals else value, session.lookup)
    session.channel.variables.set(name.strip(), None if value == "_undef_" else value)
    yield from ()


def multiset(session: "Session", data: str) -> "Steps":
    """`multiset a=1 b=2`, or with `^^:` another separator."""
    separator = " "
    if data.startswith("^^") and len(data) > 2:
        separator, data = data[2], data[3:]
    for pair in data.split(separator):
        if pair.strip():
            yield from set_variable(session, pair.strip())


def unset_variable(session: "Session", data: str) -> "Steps":
    """`unset name`."""
    session.channel.variables.set(data.strip(), None)
    yield from ()


def hang_up(session: "Session", data: str) -> "Steps":
    """`hangup [cause]`; a number or a name."""
    session.channel.hang_up(cause_named(data.strip() or "NORMAL_CLEARING"))
    yield from ()


def respond(session: "Session", data: str) -> "Steps":
    """`respond code [phrase]`: refuses an unanswered call with a SIP answer of our choice."""
    code, _, phrase = data.strip().partition(" ")
    number = leading_number(code)
    channel = session.channel
    cause = cause_of_sip(number)
    if number >= 300 and channel.is_up and not session.leg.is_answered:
        session.leg.refuse(number, reason=reason_of(cause), phrase=phrase.strip() or None)
    if number >= 300:
        channel.hang_up(cause)
    yield from ()


def pre_answer(session: "Session", data: str) -> "Steps":
    """`pre_answer`: early media."""
    open_media(session, None)
    yield from ()


def answer_call(session: "Session", data: str) -> "Steps":
    """`answer`."""
    answer(session, None)
    yield from ()


def ring_ready(session: "Session", data: str) -> "Steps":
    """`ring_ready`: 180 to the caller."""
    channel = session.channel
    if not (channel.is_ring_ready or channel.is_early or channel.is_answered):
        session.leg.ring()
        channel.mark_ringing()
    yield from ()


def park(session: "Session", data: str) -> "Steps":
    """`park`: waits, under whoever controls the call."""
    yield from parking(session)


def sleep(session: "Session", data: str) -> "Steps":
    """`sleep milliseconds`; commands run meanwhile."""
    yield from _pass_time(session, max(0, leading_number(data)) / 1000)


def playback(session: "Session", data: str) -> "Steps":
    """`playback file`: tones, silence and WAV files take their time; nothing is heard."""
    yield from _play(session, data, lambda: False)


def _play(session: "Session", data: str, is_cut: Callable[[], bool]) -> "Steps":
    seconds = playing.length_of(data)
    if seconds is None:
        session.application_response = "FILE NOT FOUND"
        return
    session.is_interrupted = False
    playing.began(session.channel, data)
    clock = session.switch.loop.clock
    started_us = session.channel.now_us
    yield from _pass_time(session, seconds, lambda: is_cut() or session.is_interrupted)
    played_ms = min((clock.now_us() - started_us) // 1000, round(seconds * 1000))
    was_cut = session.is_interrupted or not session.is_up or is_cut()
    playing.ended(session.channel, data, played_ms=played_ms, is_cut=was_cut)
    session.application_response = "FILE PLAYED"


def collect_digits(session: "Session", data: str) -> "Steps":
    """`play_and_get_digits …`: a digit cuts the prompt; nothing tells what was played."""
    wanted = wanted_by(data)
    if wanted is not None:
        yield from play_and_get_digits(session, wanted, _prompt)


def _prompt(session: "Session", data: str) -> "Steps":
    yield from _play(session, data, lambda: bool(session.pressed))
    session.channel.variables.set("current_application_response", None)


def sched_hangup(session: "Session", data: str) -> "Steps":
    """`sched_hangup [+]seconds [cause]`."""
    when, _, cause = data.strip().partition(" ")
    if when:
        named = cause_named(cause.strip()) if cause.strip() else "ALLOTTED_TIMEOUT"
        session.switch.scheduler.hang_up(session.channel, when, named)
    yield from ()


def set_privacy(session: "Session", data: str) -> "Steps":
    """`privacy full|name|number|no`: what is told of the caller to others."""
    word, profile = data.strip().lower(), session.channel.profile
    profile.hide_name = word in {"full", "yes", "name"}
    profile.hide_number = word in {"full", "yes", "number"}
    yield from ()


def send_info(session: "Session", data: str) -> "Steps":
    """`send_info text`: an INFO to the caller, when it may be sent."""
    if session.switch.may_send_info(session.channel):
        session.switch.send_info(session.channel, "freeswitch/data", data)
    yield from ()


def nothing(session: "Session", data: str) -> "Steps":
    """An application that changes nothing a test can see."""
    yield from ()


def _pass_time(
    session: "Session", seconds: float, is_cut: Callable[[], bool] = lambda: False
) -> "Steps":
    clock = session.switch.loop.clock
    end = clock.wall_us() + int(seconds * 1_000_000)
    while session.is_up and not is_cut() and (left := end - clock.wall_us()) > 0:
        yield left / 1e6
        yield from session.queue.run()


def known() -> dict[str, Application]:
    """Every application by name."""
    return {
        "socket": connect_engine, "set": set_variable, "multiset": multiset,
        "unset": unset_variable, "export": set_variable, "hangup": hang_up,
        "respond": respond, "pre_answer": pre_answer, "answer": answer_call,
        "ring_ready": ring_ready, "park": park, "sleep": sleep, "playback": playback,
        "sched_hangup": sched_hangup, "privacy": set_privacy, "bridge": bridge,
        "play_and_get_digits": collect_digits, "send_info": send_info,
        "log": nothing, "info": nothing, "limit": nothing,
    }  # fmt: skip
