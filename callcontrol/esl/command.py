"""Commands to the switch as bytes: pure builders that refuse what could become a second one.

A command ends with an empty line, so a line feed inside an argument starts a *new command* with
all the rights of the socket. Caller data can hold one (see event.py), therefore every part of
every command is checked here, and nothing else in the engine writes to a switch. CR and NUL are
refused with it: the switch ends a line at either.

What this does not do: `${...}` in an `execute` argument is expanded by the switch. Caller data
must not be passed through it; `api uuid_setvar` does not expand.

Every byte costs: the switch reads a command byte by byte, with two system calls for each, but a
body as a whole. A call's commands, 1.3 kB, were half of what an engine cost the switch.
So a long argument, such as a bridge's, travels as a body.

Source: `mod_event_socket.c` parse_command, read_packet; `switch_ivr.c` switch_ivr_parse_event.
"""

from __future__ import annotations

import re
from typing import Final, NewType

from callcontrol.errors import UnsafeArgument

Command = NewType("Command", bytes)
"""One whole command, to its empty line or the end of its body; only this module makes them."""

_UNSAFE: Final = re.compile(r"[\r\n\0]")
_WORD: Final = re.compile(r"[A-Za-z0-9_.:+/-]+\Z")
_END: Final = b"\n\n"
# A body's own two lines have 30 bytes more than the line that an argument has in the head.
_LONG_BYTES: Final = 100


def _text(value: str) -> bytes:
    """Encode one part of a command, or refuse it."""
    if _UNSAFE.search(value):
        raise UnsafeArgument(f"a line break or NUL in a part of a command: {value[:80]!r}")
    try:
        return value.encode()
    except UnicodeEncodeError as exc:
        raise UnsafeArgument(f"not encodable in a part of a command: {value[:80]!r}") from exc


def _word(value: str) -> bytes:
    """Encode a part that must be one word: a name, a uuid, a cause."""
    if not _WORD.match(value):
        raise UnsafeArgument(f"not one word where a command needs one: {value[:80]!r}")
    return value.encode()


def line(text: str) -> Command:
    """Make a command of one line of free text."""
    if not text.strip():
        raise UnsafeArgument("an empty command")
    return Command(_text(text) + _END)


def connect() -> Command:
    """Ask for the channel that this outbound connection is about."""
    return Command(b"connect\n\n")


def myevents() -> Command:
    """Subscribe to the events of this connection's own channel."""
    return Command(b"myevents\n\n")


def exit_() -> Command:
    """Ask the switch to end the connection."""
    return Command(b"exit\n\n")


def linger(seconds: int | None = None) -> Command:
    """Keep the connection after the hangup: for so many seconds, or until `exit`."""
    if seconds is None:
        return Command(b"linger\n\n")
    if seconds < 0:
        raise UnsafeArgument("a negative time to linger")
    return Command(b"linger %d\n\n" % seconds)


def auth(password: str) -> Command:
    """Give the password of an inbound connection.

    Raises:
        UnsafeArgument: it has a line break or NUL in it, which is all that the error tells.
    """
    try:
        return Command(b"auth " + _text(password) + _END)
    except UnsafeArgument:
        raise UnsafeArgument("a line break or NUL in the password") from None


def event_plain(*names: str) -> Command:
    """Subscribe to events by name, plain format; adds to what is subscribed already."""
    return Command(b"event plain " + _words(names) + _END)


def nixevent(*names: str) -> Command:
    """Unsubscribe from events by name."""
    return Command(b"nixevent " + _words(names) + _END)


def filter_(header: str, value: str) -> Command:
    """Let only events pass whose header has this value; several filters are alternatives."""
    return Command(b"filter " + _word(header) + b" " + _text(value) + _END)


def execute(
    application: str, argument: str = "", *, event_uuid: str, is_locked: bool = False
) -> Command:
    """Run an application on this connection's channel.

    Args:
        application: its name.
        argument: its argument, as the body if it is long; the switch expands `${...}` in it.
        event_uuid: comes back as Application-UUID in the events of this very execution.
        is_locked: wait for the application now running instead of running inside it.
    """
    parts = [
        b"sendmsg\ncall-command: execute\nexecute-app-name: ",
        _word(application),
        b"\nEvent-UUID: ",
        _word(event_uuid),
    ]
    if is_locked:
        parts.append(b"\nevent-lock: true")
    text = _text(argument)
    if len(text) > _LONG_BYTES:
        parts += [b"\ncontent-type: text/plain\ncontent-length: %d" % len(text), _END, text]
    elif text:
        parts += [b"\nexecute-app-arg: ", text, _END]
    else:
        parts.append(_END)
    return Command(b"".join(parts))


def hangup(cause: str) -> Command:
    """Hang up this connection's channel with a cause, by its FreeSWITCH name."""
    return Command(b"sendmsg\ncall-command: hangup\nhangup-cause: " + _word(cause) + _END)


def api(name: str, *arguments: str) -> Command:
    """Run an API command and wait for its result."""
    return Command(b"api " + _api(name, arguments) + _END)


def bgapi(name: str, *arguments: str, job_uuid: str) -> Command:
    """Run an API command beside; its result is the event BACKGROUND_JOB with this Job-UUID."""
    return Command(b"bgapi " + _api(name, arguments) + b"\nJob-UUID: " + _word(job_uuid) + _END)


def label_of(command: Command) -> str:
    """Name a command in logs and errors: its first line, a sendmsg's deed, never a password."""
    lines = command.decode("utf-8", "replace").split("\n")
    if lines[0].startswith("auth"):
        return "auth"
    if lines[0].startswith("sendmsg"):
        return " ".join([lines[0], *(part.partition(": ")[2] for part in lines[1:3] if part)])
    return lines[0]


def _words(names: tuple[str, ...]) -> bytes:
    if not names:
        raise UnsafeArgument("no event named")
    return b" ".join(_word(name) for name in names)


def _api(name: str, arguments: tuple[str, ...]) -> bytes:
    return b" ".join([_word(name), *(_text(argument) for argument in arguments)])
