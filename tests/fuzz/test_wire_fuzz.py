"""The short version of the fuzzing: some thousand streams each run, other seeds each time."""

from __future__ import annotations

import os
import tracemalloc

import pytest

from callcontrol.errors import WireError
from callcontrol.esl.wire import NEED_DATA, FrameDecoder, Headers, Limits
from tests.fuzz.hostile_streams import LENGTHS, TOKENS, HostileStreams, Stream
from tests.fuzz.wire_laws import Tally, check
from tests.integration.esl.recordings import recordings

CONVERSATIONS = [one.messages for one in recordings()]
STREAMS = 1500
SMALL = Limits(header_bytes=20_000, body_bytes=30_000)
DISTINCT = sorted({message for messages in CONVERSATIONS for message in messages}, key=len)


def test_hostile_streams_break_no_law():
    """What is found once is found again: the seed is told with a failure."""
    seed = int.from_bytes(os.urandom(4))
    tally = Tally()
    streams = HostileStreams(CONVERSATIONS, seed)
    for number in range(STREAMS):
        stream = streams.stream()
        try:
            check(stream, tally, reads=number % 8 == 0)
        except Exception as exc:
            exc.add_note(f"seed {seed}, stream {number}: {stream.data[:2000]!r}")
            raise

    assert tally.frames > STREAMS
    assert 0 < tally.refused < STREAMS


@pytest.mark.parametrize("share", [0, 50, 90], ids=lambda share: f"larger than {share}%")
def test_a_message_is_the_same_cut_at_each_of_its_bytes(share):
    """Every single place, of a small, a middling and a large recorded message."""
    message = DISTINCT[len(DISTINCT) * share // 100]
    tally = Tally()
    for at in range(len(message) + 1):
        pieces = (message[:at], message[at:], message)
        check(Stream(message * 2, pieces, Limits()), tally, reads=False)

    assert tally.frames == 2 * (len(message) + 1)


@pytest.mark.parametrize("length", LENGTHS, ids=lambda value: repr(value[:24]))
@pytest.mark.parametrize("is_inner", [False, True], ids=["outer", "inner"])
def test_a_strange_length_is_refused_or_kept_to(length, is_inner):
    """Huge, negative, signed, foreign digits: outside or inside, no law is broken."""
    message = next(one for one in DISTINCT if b"text/event-plain" in one[:80])
    block, _, body = message.partition(b"\n\n")
    if is_inner:
        body = b"Content-Length: " + length + b"\n" + body
        block = b"Content-Length: %d\nContent-Type: text/event-plain" % len(body)
    else:
        block = b"Content-Length: " + length + b"\nContent-Type: text/event-plain"
    data = block + b"\n\n" + body
    check(Stream(data, (data,), Limits()), Tally(), reads=True)


@pytest.mark.parametrize("token", TOKENS, ids=repr)
def test_an_odd_character_anywhere_breaks_no_law(token):
    """Put before and over each byte of a small event, one place at a time."""
    event = (
        b"Event-Name: E\nUnique-ID: a%20b\nTwice: _undef_\nTwice: 1\nContent-Length: 4\n\n1: 2"
    )
    message = (
        b"Content-Length: %d\nContent-Type: text/event-plain\n\n%b"
        b"Content-Type: command/reply\nReply-Text: +OK\n\n"
    ) % (len(event), event)
    for at in range(len(message) + 1):
        for lost in (0, 1):
            data = message[:at] + token + message[at + lost :]
            check(Stream(data, (data,), Limits()), Tally(), reads=True)


@pytest.mark.parametrize(
    "start",
    [b"A: ", b"A: b\n", b"", b"Content-Length: 29999\n\n", b"Content-Length: 999999999\n\n"],
    ids=repr,
)
def test_a_peer_that_never_stops_is_held_to_the_limits(start):
    """Sixty-four megabytes of it leave no more in memory than a frame may have."""
    decoder = FrameDecoder(SMALL)
    unit = (start if start.endswith(b"b\n") else b"x" * 5) * 1000
    is_refused = False
    tracemalloc.start()
    decoder.receive_data(start)
    for _ in range((64 << 20) // len(unit)):
        decoder.receive_data(unit)
        try:
            while decoder.next_frame() is not NEED_DATA:
                pass
        except WireError:
            is_refused = True
            break
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert is_refused
    assert peak < 1 << 20


def test_names_made_up_by_a_peer_are_not_kept():
    """Two thousand names of a hundred kilobytes each, read and forgotten."""
    tracemalloc.start()
    for number in range(2000):
        name = f"{number}".ljust(100_000, "x")
        headers = Headers(f"\n{name}: 1\n".encode())
        assert dict(headers) == {name: "1"}
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert held < 5 << 20
