"""The codec: where frames end, what a header says, and what is refused."""

from __future__ import annotations

import time

import pytest

from callcontrol.errors import WireError
from callcontrol.esl.wire import NEED_DATA, Frame, FrameDecoder, Headers, Limits, decoded


def headers(*lines: bytes) -> Headers:
    """Make the view of a block of these lines."""
    return Headers(b"\n" + b"".join(line + b"\n" for line in lines))


def frames_of(*chunks: bytes, limits: Limits | None = None) -> list[Frame]:
    """Decode bytes that come in these cuts."""
    decoder = FrameDecoder(limits)
    frames = []
    for chunk in chunks:
        decoder.receive_data(chunk)
        while (frame := decoder.next_frame()) is not NEED_DATA:
            frames.append(frame)
    return frames


class TestFrames:
    def test_a_reply_is_a_header_block_without_a_body(self):
        """A block ends at its empty line, and without Content-Length nothing belongs to it."""
        (frame,) = frames_of(b"Content-Type: command/reply\nReply-Text: +OK\n\n")

        assert frame.content_type == "command/reply"
        assert frame.headers["Reply-Text"] == "+OK"
        assert frame.body == b""

    def test_a_body_is_as_long_as_announced_and_may_hold_anything(self):
        """Empty lines and headers inside a body are the body's own."""
        body = b"a\n\nContent-Length: 9\n\n"
        first, second = frames_of(
            b"Content-Length: %d\nContent-Type: api/response\n\n%b" % (len(body), body),
            b"Content-Type: x\n\n",
        )

        assert body == first.body
        assert second.content_type == "x"

    def test_a_body_of_no_bytes_is_a_whole_frame(self):
        """The linger notice announces a body of 0 bytes."""
        (frame,) = frames_of(b"Content-Type: text/disconnect-notice\nContent-Length: 0\n\n")

        assert frame.body == b""

    def test_need_data_until_the_last_byte_is_there(self):
        """A frame comes with its last byte, not before."""
        decoder = FrameDecoder()
        decoder.receive_data(b"Content-Type: t\nContent-Length: 2\n\na")

        assert NEED_DATA is decoder.next_frame()
        assert decoder.is_mid_frame
        decoder.receive_data(b"b")
        assert decoder.next_frame() is not NEED_DATA
        assert not decoder.is_mid_frame
        assert decoder.pending_bytes == 0

    @pytest.mark.parametrize(
        "length",
        [
            b"-1",
            b"+1",
            b" 1",
            b"1 ",
            b"",
            b"0x10",
            b"1e3",
            b"1.0",
            b"\xd9\xa1",
            b"%31",
            b"1" * 10,
        ],
    )
    def test_a_length_that_is_no_plain_number_is_refused(self, length):
        """Negative, signed, padded, hexadecimal, encoded, over-long: none is a length."""
        with pytest.raises(WireError):
            frames_of(b"Content-Length: " + length + b"\n\n")

    def test_a_length_without_its_blank_is_refused(self):
        """Were it overlooked, the body would be read as the next frame."""
        with pytest.raises(WireError):
            frames_of(b"Content-Length:5\n\nhello")

    def test_two_lengths_are_refused_even_when_they_agree(self):
        """Of two lengths one could be believed here and the other one elsewhere."""
        with pytest.raises(WireError):
            frames_of(b"Content-Length: 1\nContent-Length: 1\n\na")

    def test_an_empty_line_before_a_frame_is_refused(self):
        """The switch never sends one; it means that we have lost our place."""
        with pytest.raises(WireError):
            frames_of(b"\nContent-Type: t\n\n")

    def test_frames_before_the_fault_come_first_and_the_fault_stays(self):
        """What was received whole is delivered; after that the decoder is of no more use."""
        decoder = FrameDecoder()
        decoder.receive_data(b"Content-Type: t\n\nContent-Length: x\n\nContent-Type: t\n\n")

        assert decoder.next_frame() is not NEED_DATA
        for _ in range(2):
            with pytest.raises(WireError):
                decoder.next_frame()
        decoder.receive_data(b"Content-Type: t\n\n")
        with pytest.raises(WireError):
            decoder.next_frame()

    def test_a_frame_names_itself(self):
        """A failing test shows which frame it was."""
        (frame,) = frames_of(b"Content-Type: t\nContent-Length: 1\n\na")

        assert repr(frame) == "Frame(t, 1 bytes)"


class TestLimits:
    def test_a_header_block_may_be_as_large_as_allowed_and_no_larger(self):
        """The limit holds whether the block's end is there or still to come."""
        limits = Limits(header_bytes=10)

        assert len(frames_of(b"A: 4567890\n\n", limits=limits)) == 1
        for chunks in ([b"A: 45678901\n\n"], [b"A: 45678901", b"\n\n"], [b"A: 45678901\n"]):
            with pytest.raises(WireError):
                frames_of(*chunks, limits=limits)

    def test_a_block_may_have_as_many_lines_as_allowed_and_no_more(self):
        """A flood of tiny headers is refused."""
        limits = Limits(headers=2)

        assert len(frames_of(b"A: 1\nB: 2\n\n", limits=limits)) == 1
        with pytest.raises(WireError):
            frames_of(b"A: 1\nB: 2\nC: 3\n\n", limits=limits)

    def test_a_body_too_large_is_refused_before_it_arrives(self):
        """Nothing of it needs to be held to know that it is too large."""
        limits = Limits(body_bytes=3)

        assert len(frames_of(b"Content-Length: 3\n\nabc", limits=limits)) == 1
        with pytest.raises(WireError):
            frames_of(b"Content-Length: 4\n\n", limits=limits)

    def test_an_endless_header_block_is_dropped_when_refused(self):
        """The bytes of a broken connection are not kept."""
        decoder = FrameDecoder(Limits(header_bytes=100))
        decoder.receive_data(b"x" * 1000)
        with pytest.raises(WireError):
            decoder.next_frame()

        assert decoder.pending_bytes == 0

    def test_bytes_that_come_one_by_one_are_looked_at_once(self):
        """300 kB take part of a second; searched anew for each byte, they take a minute."""
        decoder = FrameDecoder()
        started_s = time.process_time()
        for _ in range(300_000):
            decoder.receive_data(b"x")
            assert NEED_DATA is decoder.next_frame()

        assert time.process_time() - started_s < 5


class TestHeaders:
    def test_a_value_is_decoded_alone(self):
        """A line feed spelt in a caller's name stays in the name."""
        block = headers(b"variable_account: 42", b"Name: Bob%0Avariable_account%3A%20999")

        assert block["Name"] == "Bob\nvariable_account: 999"
        assert block["variable_account"] == "42"
        assert list(block) == ["variable_account", "Name"]

    @pytest.mark.parametrize(
        "text", ["\u0085", "\u2028", "\u2029", "\x0b", "\x0c", "\x1c", "\r"]
    )
    def test_only_a_line_feed_ends_a_line(self, text):
        """What Python or Unicode call a line break is a character like any other."""
        block = headers(f"Name: a{text}Other: b".encode(), b"Other: c")

        assert f"a{text}Other: b" == block["Name"]
        assert block["Other"] == "c"

    def test_the_first_colon_and_blank_end_the_name(self):
        """Further ones belong to the value."""
        block = headers(b"Channel-Name: sofia/a: b: c", b"Text-Without-Blank:x")

        assert block["Channel-Name"] == "sofia/a: b: c"
        assert len(block) == 1

    def test_an_empty_value_is_a_value_and_undef_is_none(self):
        """The switch writes _undef_ for a header that has no value."""
        block = headers(b"Empty: ", b"Absent: _undef_")

        assert block["Empty"] == ""
        assert block.get("Absent") is None
        assert block.get("Absent", "x") == "x"
        assert "Absent" not in block
        assert "Empty" in block
        assert dict(block) == {"Empty": ""}
        with pytest.raises(KeyError):
            block["Absent"]

    def test_the_first_of_two_counts(self):
        """As in the switch itself, which finds the first."""
        block = headers(b"Event-Name: COMMAND", b"Event-Name: PRIVATE_COMMAND")

        assert block["Event-Name"] == "COMMAND"
        assert dict(block) == {"Event-Name": "COMMAND"}

    def test_a_name_inside_another_is_not_found(self):
        """`Name` is neither `Channel-Name` nor `Name-Type`."""
        block = headers(b"Channel-Name: a", b"Name-Type: b")

        assert block.get("Name") is None
        assert None is block.get("channel-name")

    @pytest.mark.parametrize("name", ["", "A: B", "A\nB", "A\n\nB"])
    def test_what_can_be_no_name_is_absent(self, name):
        """A lookup with a separator in it finds nothing, whatever the block holds."""
        block = headers(b"A: B: c", b": d", b"B: e")

        assert block.get(name) is None
        assert name not in block
        assert 1 not in block

    def test_an_empty_block_has_no_headers(self):
        """And is no fault of this view."""
        assert dict(headers()) == {}
        assert repr(headers()) == "Headers({})"

    def test_raw_gives_the_bytes(self):
        """For those who need what a caller really sent."""
        assert headers(b"Name: %FFa").raw("Name") == b"%FFa"


class TestText:
    def test_what_is_no_utf8_becomes_a_replacement_character(self):
        """Text read here can always be written to a log, a file or a database."""
        assert decoded(b"a%FFb") == "a\ufffdb"
        assert decoded(b"a\xffb") == "a\ufffdb"
        assert "\ufffd" in decoded(b"%ED%A0%80")  # a surrogate, encoded

    def test_a_spelt_nul_becomes_a_replacement_character(self):
        """Postgres and the event socket can carry none."""
        assert decoded(b"a%00b") == "a\ufffdb"

    @pytest.mark.parametrize("text", [b"100%", b"%", b"%4", b"%zz", b"%%41"])
    def test_a_percent_sign_that_starts_no_escape_stays(self, text):
        """Decoding is total: there is no wrong text."""
        assert decoded(text).startswith(text.decode()[:1])

    def test_four_byte_characters_survive(self):
        """An emoji in a display name is one character."""
        assert decoded(b"%F0%9F%93%9E") == "\U0001f4de"
