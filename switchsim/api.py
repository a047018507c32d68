"""The api commands an engine or an operator uses, with the switch's own wording."""

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from switchsim import tables
from switchsim.broadcast import broadcast
from switchsim.causes import cause_named
from switchsim.channel import Channel
from switchsim.events import Event
from switchsim.playing import length_of, packets_in
from switchsim.variables import expand

if TYPE_CHECKING:
    from switchsim.switch import Switch

NO_CHANNEL = "-ERR No such channel!\n"
OK = "+OK\n"


def run(switch: "Switch", text: str) -> str:
    """The result of one api command; never raises for what a peer typed."""
    name, _, argument = text.partition(" ")
    command = _COMMANDS.get(name.lower())
    if command is None:
        return f"-ERR {name} Command not found!\n"
    return command(switch, argument.strip())


def run_job(switch: "Switch", text: str, *, job: str, owner: str | None) -> None:
    """Runs an api command in the background: its result is a BACKGROUND_JOB event."""
    result = run(switch, text)
    if not switch.bus.wanted("BACKGROUND_JOB", owner):
        return
    name, _, argument = text.partition(" ")
    headers = switch.bus.head("BACKGROUND_JOB", switch.loop.clock.now_us())
    headers += [("Job-UUID", job), ("Job-Command", name)]
    headers += [("Job-Command-Arg", argument)] if argument else []
    headers += [("Job-Owner-UUID", owner)] if owner else []
    switch.bus.publish(Event("BACKGROUND_JOB", headers, result), owner)


def _status(switch: "Switch", argument: str) -> str:
    return tables.status(switch)


def _version(switch: "Switch", argument: str) -> str:
    return f"FreeSWITCH Version {switch.version} (switchsim 64bit)\n"


def _show(switch: "Switch", argument: str) -> str:
    return tables.show(switch, argument)


def _uuid_exists(switch: "Switch", argument: str) -> str:
    channel = switch.find(argument)
    return "true" if channel is not None and switch.is_listed(channel) else "false"


def _uuid_kill(switch: "Switch", argument: str) -> str:
    uuid, _, cause = argument.partition(" ")
    if not uuid:
        return "-USAGE: <uuid> [cause]\n"
    channel = _alive(switch, uuid)
    if channel is None:
        return NO_CHANNEL
    channel.hang_up(cause_named(cause.strip() or "NORMAL_CLEARING"))
    return OK


def _uuid_getvar(switch: "Switch", argument: str) -> str:
    words = argument.split()
    if len(words) < 2:
        return "-USAGE: <uuid> <var>\n"
    channel = _listed(switch, words[0])
    if channel is None:
        return NO_CHANNEL
    return switch.lookup(channel, words[1]) or "_undef_"


def _uuid_setvar(switch: "Switch", argument: str) -> str:
    words = argument.split(" ", 2)
    if len(words) < 2:
        return "-USAGE: <uuid> <var> [value]\n"
    channel = _listed(switch, words[0])
    if channel is None:
        return NO_CHANNEL
    value = words[2] if len(words) > 2 else None
    channel.variables.set(words[1], value, checked=False)
    return OK


def _uuid_setvar_multi(switch: "Switch", argument: str) -> str:
    uuid, _, pairs = argument.partition(" ")
    usage = "-USAGE: <uuid> <var>=<value>;<var>=<value>...\n"
    if not pairs:
        return usage
    channel = _listed(switch, uuid)
    if channel is None:
        return NO_CHANNEL + usage
    for pair in pairs.split(";"):
        name, equals, value = pair.strip().partition("=")
        if name and equals:
            channel.variables.set(name, value or None, checked=False)
    return OK


def _uuid_dump(switch: "Switch", argument: str) -> str:
    uuid, _, form = argument.partition(" ")
    if not uuid:
        return "-USAGE: <uuid> [format]\n"
    channel = _listed(switch, uuid)
    if channel is None:
        return NO_CHANNEL
    origin = ("mod_commands.c", "uuid_dump_function", 6495)
    event = Event("CHANNEL_DATA", channel.data("CHANNEL_DATA", origin=origin))
    if form.strip().lower() in {"json", "xml"}:
        return event.frame(form.strip().lower()).partition(b"\n\n")[2].decode("latin-1")
    return event.plain().decode("latin-1")


def _uuid_broadcast(switch: "Switch", argument: str) -> str:
    words = argument.split()
    if len(words) < 2:
        return "-USAGE: <uuid> <path> [aleg|bleg|holdb|both]\n"
    channel = _alive(switch, words[0])
    if channel is None:
        return "-ERR invalid uuid\n"
    name, separator, data = words[1].partition("::")
    if not separator:
        name, data = "playback", words[1]
    side = words[2].lower() if len(words) > 2 else "aleg"
    if side in {"aleg", "both"}:
        broadcast(switch, channel, name, data)
    other = switch.find(channel.variables.get("bridge_to") or "")
    if side in {"bleg", "holdb", "both"} and other is not None and other.is_up:
        broadcast(switch, other, name, data)
    return "+OK Message sent\n"


def _uuid_break(switch: "Switch", argument: str) -> str:
    words = argument.split()
    if not words:
        return "-USAGE: <uuid> [all]\n"
    if _alive(switch, words[0]) is None:
        return "-ERR No such channel!\n"
    session = switch.session(words[0])
    if session is not None:
        session.interrupt()
    return OK


def _uuid_displace(switch: "Switch", argument: str) -> str:
    words = argument.split()
    if len(words) < 3:
        return "-USAGE: <uuid> [start|stop] <path> [<limit>] [mux]\n"
    channel = _alive(switch, words[0])
    if channel is None:
        return "-ERR Cannot locate session!\n"
    seconds = length_of(words[2]) if words[1] == "start" else 0.0
    if seconds is None:
        return "-ERR Operation Failed\n"
    # Mixed into the voice: no event of an application, only packets.
    channel.packets_sent += packets_in(seconds) + (words[1] == "start")
    return "+OK Success\n"


def _sched_hangup(switch: "Switch", argument: str) -> str:
    words = argument.split()
    if len(words) < 2:
        return "-USAGE: [+]<time> <uuid> [<cause>]\n"
    channel = _alive(switch, words[1])
    if channel is None:
        return NO_CHANNEL
    cause = cause_named(words[2]) if len(words) > 2 else "ALLOTTED_TIMEOUT"
    switch.scheduler.hang_up(channel, words[0], cause)
    return OK


def _sched_del(switch: "Switch", argument: str) -> str:
    if not argument:
        return "-USAGE: <task_id>|<group_id>\n"
    return f"+OK Deleted: {switch.scheduler.delete(argument)}\n"


def _uuid_send_info(switch: "Switch", argument: str) -> str:
    words = argument.split(" ", 3)
    channel = _alive(switch, words[0])
    if channel is None:
        return "-ERR Operation Failed\n"
    if len(words) < 4 or not switch.may_send_info(channel):
        return "+OK Success\n"
    switch.send_info(channel, f"{words[1]}/{words[2]}", words[3])
    return "+OK Success\n"


def _uuid_transfer(switch: "Switch", argument: str) -> str:
    words = argument.split()
    if len(words) < 2:
        return "-USAGE: <uuid> [-bleg|-both] <dest-exten> [<dialplan>] [<context>]\n"
    session = switch.session(words[0])
    if session is None or not session.channel.is_up:
        return NO_CHANNEL
    session.transfer_to = words[1]
    session.poke()
    return OK


def _uuid_send_dtmf(switch: "Switch", argument: str) -> str:
    words = argument.split()
    channel = _alive(switch, words[0]) if len(words) == 2 else None
    if channel is None:
        return "-ERR Operation failed\n"
    for digit in words[1].partition("@")[0]:
        switch.send_digit(channel, digit, 2000)
    return "+OK\n"


def _global_getvar(switch: "Switch", argument: str) -> str:
    if not argument:
        pairs = sorted(switch.global_variables().items())
        return "".join(f"{name}={value}\n" for name, value in pairs)
    return switch.global_variables().get(argument, "")


def _eval(switch: "Switch", argument: str) -> str:
    return expand(argument, switch.global_variables().get)


def _json(switch: "Switch", argument: str) -> str:
    try:
        asked = json.loads(argument)
    except ValueError:
        return ""
    answer = {
        "command": asked.get("command") if isinstance(asked, dict) else None,
        "status": "error",
        "message": "Invalid request or non-existant command",
        "response": None,
    }
    return json.dumps(answer, separators=(",", ":")) + "\n"


def _fsctl(switch: "Switch", argument: str) -> str:
    if argument == "sync_clock_when_idle":
        return "+OK clock will synchronize when there are no more calls\n"
    return OK


def _uuid_buglist(switch: "Switch", argument: str) -> str:
    if _listed(switch, argument) is None:
        return NO_CHANNEL
    return "<media-bugs>\n</media-bugs>\n"


def _alive(switch: "Switch", uuid: str) -> Channel | None:
    channel = switch.find(uuid)
    return channel if channel is not None and channel.is_up else None


def _listed(switch: "Switch", uuid: str) -> Channel | None:
    channel = switch.find(uuid)
    return channel if channel is not None and switch.is_listed(channel) else None


_COMMANDS: dict[str, Callable[["Switch", str], str]] = {
    "status": _status, "version": _version, "show": _show, "uuid_exists": _uuid_exists,
    "uuid_kill": _uuid_kill, "uuid_getvar": _uuid_getvar, "uuid_setvar": _uuid_setvar,
    "uuid_setvar_multi": _uuid_setvar_multi, "uuid_dump": _uuid_dump,
    "uuid_broadcast": _uuid_broadcast, "uuid_displace": _uuid_displace,
    "uuid_break": _uuid_break, "sched_hangup": _sched_hangup, "sched_del": _sched_del,
    "uuid_send_info": _uuid_send_info, "uuid_transfer": _uuid_transfer,
    "uuid_send_dtmf": _uuid_send_dtmf, "global_getvar": _global_getvar, "eval": _eval,
    "json": _json, "create_uuid": lambda switch, _: switch.new_uuid(),
    "echo": lambda _, argument: argument,
    "strepoch": lambda *_: str(int(time.time())),
    "fsctl": _fsctl, "reloadxml": lambda *_: "+OK [Success]\n",
    "uuid_buglist": _uuid_buglist,
}  # fmt: skip
