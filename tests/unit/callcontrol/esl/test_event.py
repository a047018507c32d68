"""Event: the typed view, and what it does with values that are not what they should be."""

from __future__ import annotations

import pytest

from callcontrol.errors import WireError
from callcontrol.esl.event import Event
from callcontrol.esl.wire import Frame, Headers


def event_of(block: bytes) -> Event:
    """Make the event of a frame with this body."""
    return Event.of_frame(Frame(Headers(b"\nContent-Type: text/event-plain\n"), block))


class TestBody:
    def test_most_events_have_none(self):
        """All of the frame is headers, and its empty line belongs to nothing."""
        event = event_of(b"Event-Name: CHANNEL_ANSWER\nUnique-ID: a\n\n")

        assert event.body == b""
        assert event.uuid == "a"
        assert len(event.headers) == 2

    def test_a_body_is_kept_byte_for_byte(self):
        """An XML body is neither decoded nor cut into headers."""
        xml = b'<?xml?>\n<sci note="rate: 3">%41</sci>\n\nContent-Length: 1\n\n'
        event = event_of(b"Event-Name: RECV_INFO\nContent-Length: %d\n\n" % len(xml) + xml)

        assert xml == event.body
        assert list(event.headers) == ["Event-Name", "Content-Length"]

    def test_a_second_content_length_changes_nothing(self):
        """`sendevent` hands on the sender's own header and adds the switch's."""
        event = event_of(b"Content-Length: 5\nEvent-Name: CUSTOM\nContent-Length: 5\n\nhello")

        assert event.body == b"hello"
        assert event.name == "CUSTOM"

    def test_a_wrong_inner_length_moves_no_boundary(self):
        """Where the frame ends was decided outside; what follows the empty line is the body."""
        for length in (b"0", b"3", b"99", b"-1", b"x"):
            event = event_of(b"Event-Name: E\nContent-Length: " + length + b"\n\nhello")

            assert event.body == b"hello"
            assert event.name == "E"

    def test_a_block_cut_short_loses_no_byte(self):
        """The last line counts also without its line feed."""
        assert event_of(b"Event-Name: E\nUnique-ID: ab").uuid == "ab"
        assert event_of(b"Content-Length: 9\nUnique-ID: ab").uuid == "ab"

    def test_a_frame_without_a_body_is_its_own_event(self):
        """The reply to `connect` carries the channel's data in its header block."""
        frame = Frame(Headers(b"\nEvent-Name: CHANNEL_DATA\nUnique-ID: a\n"))

        assert Event.of_frame(frame).name == "CHANNEL_DATA"


class TestNumbers:
    def test_times_are_microseconds_and_never_is_none(self):
        """0 is how the switch says never; an absent header says it too."""
        event = event_of(
            b"Caller-Channel-Created-Time: 1795515474239098\n"
            b"Caller-Channel-Answered-Time: 0\n\n"
        )

        assert event.created_us == 1795515474239098
        assert event.answered_us is None
        assert event.hangup_us is None

    def test_each_time_has_its_own_header(self):
        """Ringing, early media, answer, bridge, hangup and the event itself."""
        event = event_of(
            b"Caller-Channel-Progress-Time: 1\nCaller-Channel-Progress-Media-Time: 2\n"
            b"Caller-Channel-Answered-Time: 3\nCaller-Channel-Bridged-Time: 4\n"
            b"Caller-Channel-Hangup-Time: 5\nEvent-Date-Timestamp: 6\nEvent-Sequence: 7\n\n"
        )

        times = (event.progress_us, event.progress_media_us, event.answered_us)
        assert times == (1, 2, 3)
        assert (
            event.bridged_us,
            event.hangup_us,
            event.event_us,
            event.sequence,
        ) == (4, 5, 6, 7)

    @pytest.mark.parametrize(
        "value", [b"", b"x", b"-1", b"1.5", b"1e9", b" 1", b"%31", b"\xd9\xa1", b"9" * 20]
    )
    def test_what_is_no_number_is_an_error_and_not_a_guess(self, value):
        """A time that cannot be read must never pass for never."""
        event = event_of(b"Unique-ID: a\nCaller-Channel-Answered-Time: " + value + b"\n\n")

        with pytest.raises(WireError) as caught:
            _ = event.answered_us
        assert caught.value.leg_uuid == "a"


class TestTexts:
    def test_names_of_this_and_that(self):
        """Each property reads its own header, and None where there is none."""
        event = event_of(
            b"Event-Name: DTMF\nUnique-ID: a\nOther-Leg-Unique-ID: b\nApplication-UUID: c\n"
            b"Application: bridge\nJob-UUID: d\nCore-UUID: e\nCall-Direction: inbound\n"
            b"Hangup-Cause: USER_BUSY\nAnswer-State: ringing\nDTMF-Digit: %23\n\n"
        )

        assert (
            event.name,
            event.uuid,
            event.other_leg_uuid,
            event.application_uuid,
            event.application,
            event.job_uuid,
            event.core_uuid,
        ) == ("DTMF", "a", "b", "c", "bridge", "d", "e")
        assert (
            event.call_direction,
            event.hangup_cause,
            event.answer_state,
            event.dtmf_digit,
        ) == ("inbound", "USER_BUSY", "ringing", "#")
        assert repr(event) == "Event(DTMF a)"

    def test_an_event_of_nothing_has_empty_identities(self):
        """Name and uuid are always texts; the rest is None."""
        event = event_of(b"\n")

        assert (event.name, event.uuid) == ("", "")
        assert event.hangup_cause is None

    def test_variables_and_headers_by_name(self):
        """A variable is a header with a prefix."""
        event = event_of(b"variable_sip_from_display: Hans%20Muster\nX: 1\n\n")

        assert event.variable("sip_from_display") == "Hans Muster"
        assert event.variable("X") is None
        assert event.header("X") == "1"

    def test_a_decoded_value_may_hold_newlines(self):
        """Whoever uses a caller's text elsewhere has to expect them."""
        event = event_of(b"Caller-Caller-ID-Name: Evil%0AX%3A 1\n\n")

        assert event.header("Caller-Caller-ID-Name") == "Evil\nX: 1"

    def test_an_array_is_its_values(self):
        """One value is an array of one, none is none."""
        event = event_of(
            b"variable_DP_MATCH: ARRAY%3A%3A0900123456%7C%3A0900123456\nvariable_one: a\n\n"
        )

        assert event.list_variable("DP_MATCH") == ("0900123456", "0900123456")
        assert event.list_variable("one") == ("a",)
        assert event.list_variable("none") == ()
