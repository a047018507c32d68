"""The commands of the event socket and their replies, word for word."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from switchsim import api
from switchsim.command_queue import Command
from switchsim.connection import MY_EVENTS, Connection
from switchsim.event_names import EVENT_NAMES
from switchsim.events import Event
from switchsim.frames import Request

if TYPE_CHECKING:
    from switchsim.inbound import InboundConnection
    from switchsim.outbound import EngineConnection

UNKNOWN = "-ERR command not found"
_GETVAR_LIMIT = 511
_NEEDS_FULL = {"api", "bgapi", "event", "linger", "nolinger", "log", "nolog", "sendevent"}
_LEVELS = ("console", "alert", "crit", "err", "warning", "notice", "info", "debug")


def answer_engine(connection: "EngineConnection", request: Request) -> None:
    """Answers a command on the connection that controls a call."""
    word = request.line.partition(" ")[0].lower()
    if word in _NEEDS_FULL and not connection.is_full:
        connection.reply(UNKNOWN)
    elif word in _ENGINE:
        _ENGINE[word](connection, request)
    else:
        _answer(connection, request)


def answer_client(connection: "InboundConnection", request: Request) -> None:
    """Answers a command on a connection that somebody opened to the switch."""
    word, _, rest = request.line.partition(" ")
    word = word.lower()
    if word == "auth":
        connection.reply("+OK accepted")
    elif word in {"linger", "nolinger"}:
        if connection.session is None:
            connection.reply("-ERR not controlling a session")
        else:
            _ENGINE[word](connection, request)
    elif word == "sendmsg":
        _send_message(connection, request, rest.strip())
    elif word == "myevents" and rest.strip():
        _my_events(connection, request)
    elif word in {"connect", "getvar", "resume", "myevents"}:
        connection.reply(UNKNOWN)
    else:
        _answer(connection, request)


def _answer(connection: Connection, request: Request) -> None:
    found = _COMMON.get(request.line.partition(" ")[0].lower())
    if found is None:
        connection.reply(UNKNOWN)
    else:
        found(connection, request)


def _connect(connection: "EngineConnection", request: Request) -> None:
    session = connection.session
    assert session is not None  # noqa: S101  an engine's connection always has one
    connection.is_connected = True
    channel = session.channel
    if channel.is_up:
        session.wake()
    profile = channel.profile.headers("Channel")
    mode = "async" if connection.is_async else "static"
    after = [
        ("Content-Type", "command/reply"),
        ("Reply-Text", "+OK\n"),
        ("Socket-Mode", mode),
        ("Control", "full" if connection.is_full else "single-channel"),
    ]
    connection.switch.bus.wanted("CHANNEL_DATA", channel.uuid)
    data = channel.data("CHANNEL_DATA", before=profile, after=after)
    connection.send(Event("CHANNEL_DATA", data).plain())
    if not channel.is_up:
        connection.call_ended()


def _my_events(connection: Connection, request: Request) -> None:
    words = request.line.split()[1:]
    form = next(
        (word.lower() for word in words if word.lower() in {"json", "plain", "xml"}), None
    )
    named = [word for word in words if "-" in word]
    if connection.my_uuid is not None:
        connection.reply("-ERR aready enabled.")
        return
    session = connection.session or (connection.switch.session(named[0]) if named else None)
    if session is None:
        connection.reply("-ERR invalid uuid")
        return
    connection.form = form or "plain"
    if connection.session is None:
        connection.session = session
        session.connections.append(connection)
    connection.my_uuid = session.channel.uuid
    connection.subscribe(MY_EVENTS)
    connection.reply("+OK Events Enabled")


def _event(connection: Connection, request: Request) -> None:
    words = request.line.replace(",", " ").split()[1:]
    form = "plain"
    if words and words[0].lower() in {"plain", "json", "xml"}:
        form = words.pop(0).lower()
    names = [word.upper() for word in words]
    if "CUSTOM" in names:
        # Whatever follows CUSTOM names subclasses of it.
        position = names.index("CUSTOM")
        connection.subclasses.update(words[position + 1 :])
        names = names[: position + 1]
    known = {name for name in names if name in EVENT_NAMES}
    if "ALL" in names:
        connection.wants_all = True
    elif not known:
        connection.reply("-ERR no keywords supplied")
        return
    connection.subscribe(known)
    connection.form = form
    connection.reply(f"+OK event listener enabled {form}")


def _nixevent(connection: Connection, request: Request) -> None:
    names = {word.upper() for word in request.line.split()[1:]} & EVENT_NAMES
    if not names:
        connection.reply("-ERR no keywords supplied")
        return
    if connection.wants_all:
        connection.wants_all = False
        connection.events = set(EVENT_NAMES)
    connection.events -= names
    connection.reply("+OK events nixed")


def _noevents(connection: Connection, request: Request) -> None:
    if not connection.events and not connection.wants_all:
        connection.reply("-ERR not listening for events")
        return
    connection.events, connection.wants_all = set(), False
    connection.reply("+OK no longer listening for events")


def _filter(connection: Connection, request: Request) -> None:
    words = request.line.split(None, 2)[1:]
    if not words:
        connection.reply(UNKNOWN)
    elif words[0].lower() == "delete":
        rest = (words[1] if len(words) > 1 else "").partition(" ")
        name, value = rest[0], rest[2].strip()
        connection.filters = [
            pair
            for pair in connection.filters
            if name != "all"
            and not (pair[0].lower() == name.lower() and value in {"", pair[1]})
        ]
        connection.reply(f"+OK filter deleted. [{name}][{value}]")
    elif len(words) < 2:
        connection.reply("-ERR invalid syntax")
    else:
        connection.filters.append((words[0], words[1].strip()))
        connection.reply(f"+OK filter added. [{words[0]}]=[{words[1].strip()}]")


def _linger(connection: Connection, request: Request) -> None:
    seconds = re.match(r"(?i)linger\s+(\d+)", request.line)
    connection.linger_s = int(seconds.group(1)) if seconds else -1
    tail = f" {connection.linger_s} seconds" if seconds else ""
    connection.reply(f"+OK will linger{tail}")


def _nolinger(connection: Connection, request: Request) -> None:
    connection.linger_s = None
    connection.reply("+OK will not linger")


def _getvar(connection: "EngineConnection", request: Request) -> None:
    session = connection.session
    name = request.line.partition(" ")[2].strip()
    value = session.lookup(name) if session and name else None
    connection.reply(value[:_GETVAR_LIMIT] if value else UNKNOWN)


def _resume(connection: "EngineConnection", request: Request) -> None:
    connection.resumes = True
    if connection.session:
        connection.session.channel.variables.set("socket_resume", "true")
    connection.reply("+OK")


def _send_message(connection: Connection, request: Request, uuid: str = "") -> None:
    session = connection.switch.session(uuid) if uuid else connection.session
    if session is None:
        connection.reply(f"-ERR invalid session id [{uuid}]")
        return
    command = Command(
        fields=dict(request.fields),
        text=request.text,
        headers=request.headers,
        body=request.body,
    )
    if session.channel.is_up:
        session.enqueue(command)
    connection.reply("+OK")


def _api(connection: Connection, request: Request) -> None:
    text = request.line.partition(" ")[2].strip()
    if not text:
        connection.reply(UNKNOWN)
        return
    connection.api_response(api.run(connection.switch, text))


def _bgapi(connection: Connection, request: Request) -> None:
    text = request.line.partition(" ")[2].strip()
    if not text:
        connection.reply(UNKNOWN)
        return
    switch = connection.switch
    job = request.fields.get("job-uuid") or switch.new_uuid()
    connection.reply(f"+OK Job-UUID: {job}", f"Job-UUID: {job}")
    owner = connection.session.channel.uuid if connection.session else None
    switch.loop.soon(lambda: api.run_job(switch, text, job=job, owner=owner))


def _exit(connection: Connection, request: Request) -> None:
    connection.reply("+OK bye")
    connection.disconnect()


def _log(connection: Connection, request: Request) -> None:
    word = request.line.partition(" ")[2].strip().lower() or "debug"
    if word.isdigit() and int(word) < len(_LEVELS):
        level = int(word)
    elif word in _LEVELS:
        level = _LEVELS.index(word)
    else:
        connection.reply("-ERR invalid log level")
        return
    connection.log_level = level
    connection.reply(f"+OK log level {word} [{level}]")


def _nolog(connection: Connection, request: Request) -> None:
    was = connection.log_level
    connection.log_level = None
    connection.reply("+OK no longer logging" if was is not None else "-ERR not loging")


def _divert(connection: Connection, request: Request) -> None:
    on = request.line.partition(" ")[2].strip().lower() == "on"
    connection.reply("+OK events diverted" if on else "+OK events not diverted")


def _sendevent(connection: Connection, request: Request) -> None:
    name = request.line.partition(" ")[2].strip().upper() or "CUSTOM"
    switch = connection.switch
    identifier = switch.new_uuid()
    if switch.bus.wanted(name, None):
        origin = ("mod_event_socket.c", "parse_command", 2283)
        headers = [*request.headers, ("Command", request.line), ("Event-UUID", identifier)]
        headers += switch.bus.head(name, switch.loop.clock.now_us(), origin)
        switch.bus.publish(Event(name, headers, request.body or None), None)
    connection.reply(f"+OK {identifier}")


_COMMON: dict[str, Callable[..., None]] = {
    "event": _event, "nixevent": _nixevent, "noevents": _noevents, "filter": _filter,
    "api": _api, "bgapi": _bgapi, "exit": _exit, "log": _log, "nolog": _nolog,
    "divert_events": _divert, "sendevent": _sendevent,
}  # fmt: skip
_ENGINE: dict[str, Callable[..., None]] = {
    "connect": _connect, "myevents": _my_events, "linger": _linger, "nolinger": _nolinger,
    "getvar": _getvar, "resume": _resume, "sendmsg": _send_message,
}  # fmt: skip
