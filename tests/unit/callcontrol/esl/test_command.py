"""Commands: the bytes of each, and what is refused."""

from __future__ import annotations

import pytest

from callcontrol.errors import UnsafeArgument
from callcontrol.esl import command

UUID = "9c98ec22-683e-49a4-9c8f-0455dbdab255"


@pytest.mark.parametrize(
    ("expected", "actual"),
    [
        (b"connect\n\n", command.connect()),
        (b"myevents\n\n", command.myevents()),
        (b"exit\n\n", command.exit_()),
        (b"linger\n\n", command.linger()),
        (b"linger 2\n\n", command.linger(2)),
        (b"auth s3cret word\n\n", command.auth("s3cret word")),
        (b"event plain A B\n\n", command.event_plain("A", "B")),
        (
            b"event plain CUSTOM sofia::register\n\n",
            command.event_plain("CUSTOM", "sofia::register"),
        ),
        (b"nixevent A\n\n", command.nixevent("A")),
        (b"filter Unique-ID a b\n\n", command.filter_("Unique-ID", "a b")),
        (b"api show channels as json\n\n", command.api("show", "channels", "as", "json")),
        (b"api status\n\n", command.api("status")),
        (
            f"bgapi status x\nJob-UUID: {UUID}\n\n".encode(),
            command.bgapi("status", "x", job_uuid=UUID),
        ),
        (
            b"sendmsg\ncall-command: hangup\nhangup-cause: USER_BUSY\n\n",
            command.hangup("USER_BUSY"),
        ),
        (
            f"sendmsg\ncall-command: execute\nexecute-app-name: bridge\nEvent-UUID: {UUID}\n"
            "execute-app-arg: {a=1}sofia/external/+41@h:5090\n\n".encode(),
            command.execute("bridge", "{a=1}sofia/external/+41@h:5090", event_uuid=UUID),
        ),
        (
            f"sendmsg\ncall-command: execute\nexecute-app-name: bridge\nEvent-UUID: {UUID}\n"
            f"content-type: text/plain\ncontent-length: 102\n\n{'é' * 51}".encode(),
            command.execute("bridge", "é" * 51, event_uuid=UUID),
        ),
        (
            f"sendmsg\ncall-command: execute\nexecute-app-name: answer\nEvent-UUID: {UUID}\n"
            "event-lock: true\n\n".encode(),
            command.execute("answer", event_uuid=UUID, is_locked=True),
        ),
        (b"uuid_break x\n\n", command.line("uuid_break x")),
    ],
)
def test_each_command_is_its_bytes(expected, actual):
    """What the switch reads, to the byte."""
    assert expected == actual


@pytest.mark.parametrize("unsafe", ["a\nb", "a\r", "\0", "a\n\napi system x", "\ud800"])
@pytest.mark.parametrize(
    "build",
    [
        command.line,
        command.auth,
        command.hangup,
        command.event_plain,
        command.nixevent,
        command.api,
        lambda text: command.api("echo", text),
        lambda text: command.bgapi("echo", text, job_uuid=UUID),
        lambda text: command.bgapi("echo", job_uuid=text),
        lambda text: command.filter_(text, "v"),
        lambda text: command.filter_("Unique-ID", text),
        lambda text: command.execute(text, event_uuid=UUID),
        lambda text: command.execute("set", text, event_uuid=UUID),
        lambda text: command.execute("set", event_uuid=text),
    ],
)
def test_no_part_of_any_command_may_hold_a_line_break(build, unsafe):
    """CR, LF, NUL and what cannot be encoded are refused in every place."""
    with pytest.raises(UnsafeArgument):
        build(unsafe)


@pytest.mark.parametrize(
    "build",
    [
        lambda: command.hangup("USER BUSY"),
        lambda: command.hangup(""),
        lambda: command.event_plain(),
        lambda: command.event_plain("A B"),
        lambda: command.api("show channels"),
        lambda: command.filter_("Unique ID", "a"),
        lambda: command.execute("", event_uuid=UUID),
        lambda: command.linger(-1),
        lambda: command.line("  "),
    ],
)
def test_a_name_is_one_word(build):
    """Names, causes and identities are single words, and a command is not empty."""
    with pytest.raises(UnsafeArgument):
        build()


def test_a_label_says_what_was_asked_and_never_a_password():
    """Labels end in logs and errors."""
    labels = [
        command.label_of(one)
        for one in (
            command.auth("s3cret"),
            command.hangup("USER_BUSY"),
            command.execute("bridge", "x", event_uuid=UUID),
            command.api("status"),
        )
    ]

    assert labels == [
        "auth",
        "sendmsg hangup USER_BUSY",
        "sendmsg execute bridge",
        "api status",
    ]


def test_a_refusal_does_not_repeat_a_long_argument():
    """80 characters are enough to recognise it."""
    with pytest.raises(UnsafeArgument) as caught:
        command.line("\n" + "x" * 1000)

    assert len(str(caught.value)) < 200


def test_an_unsafe_password_is_not_repeated():
    """Neither in the error nor in what it came from."""
    with pytest.raises(UnsafeArgument) as caught:
        command.auth("s3cret\n")

    assert "s3cret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
