"""What holds of every stream, however hostile: checked stream by stream.

1. The only error is WireError, and it is final: whoever asks again is told the same.
2. The frames, and the fault, do not depend on how the stream was cut.
3. They are those of the obvious decoder below, which is slow, and wants all bytes at once.
4. No more lies in the decoder than its limits allow; after a fault, nothing.
5. Events can be read: every text can be written to a file, and only numbers may be refused.
6. No value touches another: the headers are those of the obvious reader below.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from callcontrol.errors import WireError
from callcontrol.esl.event import Event
from callcontrol.esl.wire import NEED_DATA, Frame, FrameDecoder, Headers, Limits
from tests.fuzz.hostile_streams import Stream

NUMBERS = ("event_us", "created_us", "answered_us", "hangup_us", "sequence")
TEXTS = ("name", "uuid", "core_uuid", "hangup_cause", "application_uuid", "call_direction")

Found = tuple[bytes, bytes]
"""A frame: its header block and its body."""


@dataclass(slots=True)
class Tally:
    """What a run has come to.

    Attributes:
        streams: how many streams were decoded.
        frames: how many whole frames they gave.
        refused: how many of them ended with a WireError.
        bytes_: their size in all.
        most_pending: the most bytes a decoder held.
    """

    streams: int = 0
    frames: int = 0
    refused: int = 0
    bytes_: int = 0
    most_pending: int = 0


def check(stream: Stream, tally: Tally, *, reads: bool) -> None:
    """Hold a stream to the laws; count it.

    Args:
        stream: what arrives.
        tally: is added to.
        reads: whether to read all of each frame as well, which is most of the work.
    """
    frames, fault = decoded(stream.pieces, stream.limits, tally)
    expected, should_fail = obvious_frames(stream.data, stream.limits)
    assert [(frame.headers.block, frame.body) for frame in frames] == expected
    assert (fault is not None) == should_fail, fault
    if reads:
        for frame in frames:
            read(frame)
    tally.streams += 1
    tally.frames += len(frames)
    tally.refused += fault is not None
    tally.bytes_ += len(stream.data)


def decoded(
    pieces: Iterable[bytes], limits: Limits, tally: Tally
) -> tuple[list[Frame], str | None]:
    """Decode pieces as they come; give the frames and the fault that ended them."""
    decoder = FrameDecoder(limits)
    most = max(limits.header_bytes + 1, limits.body_bytes)
    frames: list[Frame] = []
    for piece in pieces:
        decoder.receive_data(piece)
        try:
            while (frame := decoder.next_frame()) is not NEED_DATA:
                frames.append(frame)
        except WireError as exc:
            fault = str(exc)
        else:
            assert decoder.pending_bytes <= most
            tally.most_pending = max(tally.most_pending, decoder.pending_bytes)
            continue
        decoder.receive_data(piece)
        assert fault_of(decoder) == fault
        assert decoder.pending_bytes == 0
        return frames, fault
    return frames, None


def fault_of(decoder: FrameDecoder) -> str | None:
    """Ask once more."""
    try:
        decoder.next_frame()
    except WireError as exc:
        return str(exc)
    return None


def obvious_frames(data: bytes, limits: Limits) -> tuple[list[Found], bool]:
    """Decode a whole stream the obvious way; also say whether it breaks the protocol."""
    found: list[Found] = []
    at = 0
    while at < len(data):
        end = data.find(b"\n\n", at)
        if data[at : at + 1] == b"\n":
            return found, True
        if end < 0:
            return found, len(data) - at > limits.header_bytes + 1
        block = data[at : end + 1]
        size = obvious_length(block)
        too_large = end - at > limits.header_bytes or block.count(b"\n") > limits.headers
        if too_large or size is None or size > limits.body_bytes:
            return found, True
        at = end + 2
        if at + size > len(data):
            return found, False
        found.append((b"\n" + block, data[at : at + size]))
        at += size
    return found, False


def obvious_length(block: bytes) -> int | None:
    """Read the announced size; 0 when none is, None when it is no single plain number."""
    if b"Content-Length:" not in block:
        return 0
    lines = [one for one in block.split(b"\n") if one.startswith(b"Content-Length:")]
    if not lines:
        return 0
    digits = lines[0].removeprefix(b"Content-Length: ")
    is_plain = all(48 <= digit <= 57 for digit in digits) and 0 < len(digits) <= 9
    return int(digits) if is_plain and len(lines) == 1 else None


def obvious_headers(block: bytes) -> dict[str, str | None]:
    """Read a header block the obvious way: split first, decode after; None: undefined."""
    found: dict[bytes, bytes] = {}
    for line in block.split(b"\n"):
        name, separator, value = line.partition(b": ")
        if separator and name:
            found.setdefault(name, value)
    headers: dict[str, str | None] = {}
    for key, value in found.items():
        try:
            name_text = key.decode()
        except UnicodeDecodeError:
            continue
        text = unquote_to_bytes(value).decode("utf-8", "replace").replace("\0", "\ufffd")
        headers[name_text] = None if value == b"_undef_" else text
    return headers


def read(frame: Frame) -> None:
    """Read all that a frame offers, as a frame and as an event."""
    read_headers(frame.headers)
    event = Event.of_frame(frame)
    if event.headers is not frame.headers:
        read_headers(event.headers)
    for name in NUMBERS:
        try:
            getattr(event, name)
        except WireError:
            continue
    for name in TEXTS:
        text = getattr(event, name)
        assert text is None or isinstance(text, str)
    assert isinstance(event.list_variable("DP_MATCH"), tuple)
    assert frame.content_type is None or isinstance(frame.content_type, str)


def read_headers(headers: Headers) -> None:
    """Read a block in both ways; each text must fit in a file."""
    expected = obvious_headers(headers.block)
    assert {name: headers.get(name) for name in expected} == expected
    assert list(headers) == [name for name, value in expected.items() if value is not None]
    for value in expected.values():
        assert value is None or "\0" not in value
        (value or "").encode()
