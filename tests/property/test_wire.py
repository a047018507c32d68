"""Laws of the codec: cuts change nothing, no value touches another, garbage is refused."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from urllib.parse import quote_from_bytes

from hypothesis import example, given
from hypothesis import strategies as st

from callcontrol.errors import WireError
from callcontrol.esl.event import Event
from callcontrol.esl.wire import NEED_DATA, Frame, FrameDecoder, Headers, Limits, decoded

NAMES = st.text("ABCabc-_09", min_size=1, max_size=8).map(str.encode)
RAW_VALUES = st.binary(max_size=20).map(lambda value: value.replace(b"\n", b"."))
LINES = st.lists(st.tuples(NAMES, RAW_VALUES), min_size=1, max_size=8)
BODIES = st.binary(max_size=60)
MESSAGES = st.lists(st.tuples(LINES, st.none() | BODIES), max_size=5)
CUTS = st.lists(st.integers(0, 400), max_size=12)
HOSTILE_TEXT = st.one_of(
    st.text(max_size=30),
    st.text("ab:%0A\n\r \u0085\u2028\0", max_size=30),
    st.sampled_from(
        ["Bob%0Avariable_account: 999", "x\n\nContent-Length: 5\n\n", "%25%30%41", "_undef_"]
    ),
)


def written(lines: Iterable[tuple[bytes, bytes]], body: bytes | None = None) -> bytes:
    """Write a frame the way the switch does."""
    block = b"".join(b"%b: %b\n" % line for line in lines)
    if body is None:
        return block + b"\n"
    return block + b"Content-Length: %d\n\n%b" % (len(body), body)


def encoded(value: str) -> bytes:
    """Encode a value as the switch does, which leaves an escape already in it alone.

    Source: switch_url_encode_opt with double_encode = false; `_undef_` for no value.
    """
    return (
        quote_from_bytes(value.encode("utf-8", "replace"), safe="/:,%+ ").encode() or b"_undef_"
    )


def pieces(data: bytes, cuts: Iterable[int]) -> list[bytes]:
    """Cut bytes at these places."""
    places = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    return [data[a:b] for a, b in pairwise(places)]


def decode(chunks: Iterable[bytes], limits: Limits | None = None) -> tuple[list[Frame], bool]:
    """Decode chunks; give the frames and whether a fault ended them."""
    decoder = FrameDecoder(limits)
    frames: list[Frame] = []
    try:
        for chunk in chunks:
            decoder.receive_data(chunk)
            while (frame := decoder.next_frame()) is not NEED_DATA:
                frames.append(frame)
    except WireError:
        return frames, True
    return frames, False


def told(frames: Iterable[Frame]) -> list[tuple[dict[str, str], bytes]]:
    """Give all that frames say."""
    return [(dict(frame.headers), frame.body) for frame in frames]


def slow_headers(block: bytes) -> dict[bytes, bytes]:
    """Read a header block the obvious way."""
    found: dict[bytes, bytes] = {}
    for line in block.split(b"\n"):
        if b": " in line:
            name, value = line.split(b": ", 1)
            if name and name not in found:
                found[name] = value
    return {name: value for name, value in found.items() if value != b"_undef_"}


@given(MESSAGES, CUTS, st.binary(max_size=10))
def test_any_cut_of_the_bytes_gives_the_same_frames(messages, cuts, trailing):
    """Whole, cut anywhere, byte by byte, and with the beginning of more behind."""
    lengths = {b"Content-Length"}
    messages = [([one for one in lines if one[0] not in lengths], b) for lines, b in messages]
    data = b"".join(written(lines or [(b"A", b"1")], body) for lines, body in messages)
    expected = told(decode([data])[0])

    assert len(messages) == len(expected)
    assert [body or b"" for _, body in messages] == [body for _, body in expected]
    assert expected == told(decode(pieces(data, cuts))[0])
    assert expected == told(decode(bytes([byte]) for byte in data)[0])
    assert expected == told(decode([data + trailing])[0])[: len(expected)]


@given(LINES)
def test_header_lines_in_are_headers_out(lines):
    """Each name has its first value, raw and decoded, whether asked for or listed."""
    block = b"".join(b"%b: %b\n" % line for line in lines)
    headers = Headers(b"\n" + block)
    expected = slow_headers(block)

    assert expected == {n: headers.raw(n.decode()) for n in expected}
    assert {n.decode(): decoded(v) for n, v in expected.items()} == dict(headers)
    assert len(expected) == len(headers)


@given(st.dictionaries(NAMES.map(bytes.decode), HOSTILE_TEXT, min_size=1, max_size=6))
@example({"name": "Bob%0Avariable_account_id%3A%20999", "variable_account_id": "42"})
def test_no_value_can_create_or_change_another_header(values):
    """Whatever a caller typed, the names are ours and every value is its own."""
    block = b"".join(b"%b: %b\n" % (n.encode(), encoded(v)) for n, v in values.items())
    event = Event.of_frame(Frame(Headers(b"\nContent-Type: x\n"), block + b"\n"))
    present = [name for name, value in values.items() if encoded(value) != b"_undef_"]

    assert present == list(event.headers)
    assert event.body == b""
    for name in present:
        assert decoded(encoded(values[name])) == event.header(name)


@given(st.text())
def test_decoded_text_can_always_be_written(text):
    """No surrogate and no NUL ever comes out."""
    for raw in (encoded(text), text.encode("utf-8", "surrogatepass")):
        value = decoded(raw)

        assert "\0" not in value
        assert value == value.encode().decode()


@given(st.binary(max_size=300), CUTS)
def test_garbage_is_refused_or_read_but_never_anything_else(data, cuts):
    """WireError is the only way to fail, in every cut at the same frame."""
    frames, is_refused = decode([data])

    assert (told(frames), is_refused) == told_and_refused(decode(pieces(data, cuts)))
    for frame in frames:
        read_everything(frame)


@given(MESSAGES, st.integers(0, 500), st.binary(max_size=6), st.integers(0, 6))
def test_a_damaged_stream_is_refused_or_read_but_never_anything_else(
    messages, at, bytes_, drop
):
    """The same for bytes that were right before somebody changed a few."""
    data = b"".join(written(lines, body) for lines, body in messages)
    data = data[:at] + bytes_ + data[at + drop :]
    frames, is_refused = decode([data])

    assert (told(frames), is_refused) == told_and_refused(decode(bytes([b]) for b in data))
    for frame in frames:
        read_everything(frame)


@given(st.binary(max_size=400), st.integers(1, 50), st.integers(1, 50), CUTS)
def test_no_more_is_held_than_allowed(data, header_bytes, body_bytes, cuts):
    """What lies in the decoder is bounded by the limits, whatever comes."""
    limits = Limits(header_bytes=header_bytes, headers=4, body_bytes=body_bytes)
    decoder = FrameDecoder(limits)
    for chunk in pieces(data, cuts):
        decoder.receive_data(chunk)
        try:
            while decoder.next_frame() is not NEED_DATA:
                pass
        except WireError:
            assert decoder.pending_bytes == 0
            return
        assert decoder.pending_bytes <= max(header_bytes + 1, body_bytes)


@given(LINES, BODIES)
def test_an_event_s_body_is_its_own(lines, body):
    """Of an event with a body, headers and body are told apart whatever the body holds."""
    lines = [one for one in lines if one[0] != b"Content-Length"]
    frame = Frame(Headers(b"\nContent-Type: x\n"), written(lines, body))
    event = Event.of_frame(frame)

    assert body == event.body
    block = b"".join(b"%b: %b\n" % line for line in lines)
    assert (
        list(slow_headers(block))
        == [n.encode() for n in event.headers][: len(event.headers) - 1]
    )


def told_and_refused(
    decoded_: tuple[list[Frame], bool],
) -> tuple[list[tuple[dict[str, str], bytes]], bool]:
    """Give what frames say and whether a fault ended them."""
    return told(decoded_[0]), decoded_[1]


def read_everything(frame: Frame) -> None:
    """Read all that a frame and its event offer; only numbers may be refused."""
    event = Event.of_frame(frame)
    for view in (frame, event):
        dict(view.headers)
    for name in ("event_us", "answered_us", "hangup_us", "sequence"):
        try:
            getattr(event, name)
        except WireError:
            continue
    assert isinstance(event.name + event.uuid, str)
    assert isinstance(event.list_variable("x"), tuple)
