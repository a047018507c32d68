"""Cases: conversations recorded from a real switch, played again to the byte."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote_to_bytes

from tests.conformance.case import FAILS, Case
from tests.conformance.stage import Stage
from tests.integration.esl.recordings import Recording, recordings

ANSWERED = "01-answered-caller-hangs-up"
HOSTILE = "19-hostile-input"
_OURS = {"Content-Type", "Content-Length", "variable_scenario"}
_SCENARIO = b"variable_scenario: listen\n"


def told_as_recorded(stage: Stage, folder: str, piece: int) -> str:
    """Play each outbound connection of a folder; compare each header of each event."""
    played = [one for one in recordings() if one.name.startswith(folder) and is_leg(one)]
    assert played
    wrong = [mark for one in played for mark in differences(stage, one, piece)]
    if not wrong:
        return "as recorded"
    return f"{len(wrong)} values differ, such as {wrong[0]}"


def is_leg(one: Recording) -> bool:
    """Say whether a recording is of one leg's own connection, with its events."""
    return one.commands[:1] == (b"connect\n\n",) and b"\nUnique-ID: " in one.messages[0]


def differences(stage: Stage, one: Recording, piece: int) -> Iterable[str]:
    """Play one connection; name what the subject did not tell as it was recorded."""
    channel, *rest = one.messages
    events = [message for message in rest if b"text/event-plain" in message[:80]]
    leg = stage.leg(raw_headers(channel)["Unique-ID"].decode())
    leg.answer_connect_with(b"")
    leg.send_in_pieces(_SCENARIO + channel, piece)
    told_channel = leg.channel()
    if told_channel is None:
        yield "the channel is not told"
        return
    yield from other_values(raw_headers(channel), told_channel)
    leg.send_in_pieces(b"".join(events), piece)
    for message in events:
        told = leg.told("event")
        if told is None:
            yield "an event is not told"
            return
        yield from other_values(raw_headers(message.partition(b"\n\n")[2]), told["headers"])
    leg.close()


def raw_headers(block: bytes) -> dict[str, bytes]:
    """Read a block the obvious way, up to its empty line; the first of a name counts."""
    found: dict[str, bytes] = {}
    for line in block.partition(b"\n\n")[0].split(b"\n"):
        name, separator, value = line.partition(b": ")
        if separator:
            found.setdefault(name.decode(), value)
    return found


def other_values(raw: dict[str, bytes], told: dict[str, object]) -> Iterable[str]:
    """Name the headers whose value was told otherwise, and those that were never there."""
    for name, value in raw.items():
        is_free = value == b"_undef_" or name == "Content-Length"
        if not is_free and not any(told.get(name) == text for text in texts(value)):
            yield f"{name}: {str(told.get(name))!r:.40}"
    for name in sorted(told.keys() - raw.keys() - _OURS):
        yield f"{name} was never there"


def texts(value: bytes) -> set[str]:
    """Give what a value may be read as: what to make of bytes that are no text is free."""
    decoded = unquote_to_bytes(value)
    ways = ("replace", "surrogateescape", "backslashreplace", "ignore")
    found = {decoded.decode("utf-8", way) for way in ways}
    return found | {text.replace("\0", "\ufffd") for text in found}


CASES = (
    Case(
        name="a recorded call is heard as it was",
        play=lambda stage: told_as_recorded(stage, ANSWERED, 97),
        right="as recorded",
        greenswitch=FAILS,
    ),
    Case(
        name="hostile callers, recorded, are heard as they were",
        play=lambda stage: told_as_recorded(stage, HOSTILE, 1460),
        right="as recorded",
        greenswitch=FAILS,
    ),
)
