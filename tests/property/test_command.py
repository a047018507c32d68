"""Law of the commands: no argument, whatever it holds, can yield more than one command."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from callcontrol.errors import UnsafeArgument
from callcontrol.esl import command

HOSTILE = st.one_of(
    st.text(max_size=40),
    st.text("ab:\n", min_size=90, max_size=120),
    st.text("ab \r\n\0:%\u0085\u2028", max_size=12),
    st.builds(
        "{}{}{}".format,
        st.text("ab", max_size=3),
        st.sampled_from(["\n\n", "\r\n", "\n", "\r\r", "%0A%0A", "\0", "\ud800"]),
        st.sampled_from(["api system x", "exit", "call-command: hangup", ""]),
    ),
)
BUILDERS: list[Callable[[str, str], bytes]] = [
    lambda a, _: command.line(a),
    lambda a, _: command.auth(a),
    lambda a, _: command.hangup(a),
    lambda a, b: command.event_plain(a, b),
    lambda a, b: command.nixevent(a, b),
    lambda a, b: command.filter_(a, b),
    lambda a, b: command.filter_("Unique-ID", b),
    lambda a, b: command.api(a, b),
    lambda a, b: command.api("uuid_setvar", a, b),
    lambda a, b: command.bgapi("uuid_setvar", a, job_uuid=b),
    lambda a, b: command.bgapi("uuid_setvar", a, job_uuid="j"),
    lambda a, b: command.execute(a, b, event_uuid="e"),
    lambda a, b: command.execute("set", a, event_uuid=b),
    lambda a, b: command.execute("set", a, event_uuid="e", is_locked=True),
]


def commands_read(data: bytes) -> list[bytes]:
    """Read as the switch does: two line ends in a row, CR or LF, end a command.

    A body of so many bytes may follow.

    Source: mod_event_socket.c read_packet.
    """
    commands, current, ends = [], bytearray(), 0
    left = iter(data)
    for byte in left:
        current.append(byte)
        ends = ends + 1 if byte in b"\r\n" else 0
        if ends == 2:
            body = re.search(rb"\ncontent-length: (\d+)\n", current)
            current.extend(islice(left, int(body[1]) if body else 0))
            commands.append(bytes(current))
            current.clear()
            ends = 0
    if current:
        commands.append(bytes(current))
    return commands


@given(st.sampled_from(BUILDERS), HOSTILE, HOSTILE)
def test_an_argument_is_refused_or_stays_inside_its_one_command(build, first, second):
    """What leaves is exactly one command, read the way the switch reads."""
    try:
        built = build(first, second)
    except UnsafeArgument:
        return

    assert [built] == commands_read(built)
    assert b"\r" not in built
    assert b"\0" not in built
    head, end, body = built.partition(b"\n\n")
    assert end
    assert b"\n" not in body
    assert head.endswith(b"\ncontent-length: %d" % len(body)) or not body


@given(HOSTILE, HOSTILE)
def test_an_argument_can_add_no_line_of_its_own(argument, event_uuid):
    """A sendmsg has the lines we wrote, whatever stands in them."""
    try:
        built = command.execute("set", argument, event_uuid=event_uuid)
    except UnsafeArgument:
        return

    head, _, body = built.partition(b"\n\n")
    names = [line.partition(b":")[0] for line in head.split(b"\n")]
    expected = [b"sendmsg", b"call-command", b"execute-app-name", b"Event-UUID"]
    if body:
        expected += [b"content-type", b"content-length"]
    elif argument:
        expected.append(b"execute-app-arg")
    assert expected == names
