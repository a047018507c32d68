"""The codec and the session on what a real switch sent."""

from __future__ import annotations

import random
from collections.abc import Iterable
from itertools import pairwise

import gevent
import pytest
from gevent import socket

from callcontrol.errors import SessionGone, WireError
from callcontrol.esl.event import Event
from callcontrol.esl.session import Session
from callcontrol.esl.wire import NEED_DATA, Frame, FrameDecoder
from tests.integration.esl.peer import PATIENCE_S, Peer
from tests.integration.esl.recordings import Recording, recording, recordings

EACH = pytest.mark.parametrize("one", recordings(), ids=repr)
ANSWERED = "01-answered-caller-hangs-up/esl-outbound 1"
LINK = "21-inbound-connection/esl-inbound in1"
NUMBERS = (
    "sequence",
    "event_us",
    "created_us",
    "progress_us",
    "progress_media_us",
    "answered_us",
    "bridged_us",
    "hangup_us",
)


def decode(chunks: Iterable[bytes]) -> list[Frame]:
    """Decode chunks to the last whole frame."""
    decoder = FrameDecoder()
    frames = []
    for chunk in chunks:
        decoder.receive_data(chunk)
        while (frame := decoder.next_frame()) is not NEED_DATA:
            frames.append(frame)
    return frames


def told(frames: Iterable[Frame]) -> list[tuple[dict[str, str], bytes]]:
    """Give all that frames say."""
    return [(dict(frame.headers), frame.body) for frame in frames]


def events_of(one: Recording) -> list[Event]:
    """Give the events of a recording."""
    frames = decode([one.stream])
    return [Event.of_frame(f) for f in frames if f.content_type == "text/event-plain"]


class TestCodec:
    @EACH
    def test_each_message_is_one_frame_to_the_byte(self, one):
        """What was framed when it was recorded is framed so here, no byte more or less."""
        frames = decode([one.stream])

        assert len(frames) == len(one.messages)
        for frame, message in zip(frames, one.messages, strict=True):
            block, _, body = message.partition(b"\n\n")
            assert frame.body == body
            for line in block.split(b"\n"):
                name, separator, value = line.partition(b": ")
                # The rest of a getvar's value with a newline in it is a line that is no header.
                assert frame.headers.raw(name.decode()) == (value if separator else None)

    @EACH
    def test_no_cut_changes_anything(self, one):
        """Whole, byte by byte, in random pieces, and with the beginning of more behind."""
        stream = one.stream[:60_000]
        frames = told(decode([stream]))
        chance = random.Random(one.name)
        places = sorted(chance.sample(range(len(stream)), 20))

        assert told(decode(bytes([byte]) for byte in stream)) == frames
        assert told(decode(stream[a:b] for a, b in pairwise([0, *places, None]))) == frames
        assert told(decode([stream, b"Content-Len"])) == frames

    @pytest.mark.parametrize("name", [ANSWERED, LINK])
    def test_cut_at_every_byte(self, name):
        """Every place of the first messages is a place where the network may cut."""
        stream = recording(name).stream[:9000]
        frames = told(decode([stream]))

        for place in range(len(stream)):
            assert len(decode([stream[:place], stream[place:]])) == len(frames)

    @EACH
    def test_damage_is_refused_or_read_but_nothing_else(self, one):
        """WireError is the only error, whatever is changed, lost or doubled."""
        chance = random.Random(one.name)
        stream = one.stream[:40_000]
        for _ in range(20):
            place = chance.randrange(len(stream))
            damage = chance.choice([b"", b"\n", b"\n\n", b"\0", b"%", b": ", b"-", b"9"])
            lost = chance.choice([0, 1, 2, 50])
            damaged = stream[:place] + damage + stream[place + lost :]
            try:
                for frame in decode([damaged]):
                    dict(Event.of_frame(frame).headers)
            except WireError:
                continue


class TestEvents:
    @EACH
    def test_what_the_engine_reads_can_be_read(self, one):
        """Names, identities and numbers of every recorded event."""
        for event in events_of(one):
            assert event.name
            assert event.core_uuid
            assert event.event_us is not None
            for number in NUMBERS:
                getattr(event, number)

    def test_the_inner_length_is_the_body_s_in_all_events(self):
        """Recorded, so that it may be relied on: what follows the empty line is the body."""
        bodies = [
            (event.header("Content-Length"), str(len(event.body)))
            for one in recordings()
            for event in events_of(one)
            if event.body or event.header("Content-Length") is not None
        ]

        assert bodies
        assert all(announced == found for announced, found in bodies)

    def test_the_end_of_a_call_has_its_times(self):
        """In microseconds, and in agreement with the switch's own duration."""
        *_, end = events_of(recording(ANSWERED))

        assert end.name == "CHANNEL_HANGUP_COMPLETE"
        assert end.hangup_cause == "NORMAL_CLEARING"
        assert str(end.hangup_us - end.answered_us) == end.variable("billusec")
        assert end.created_us < end.progress_us < end.answered_us < end.hangup_us

    def test_the_channel_s_data_are_an_event(self):
        """They answer `connect` in the header block of a reply."""
        channel = Event.of_frame(decode([recording(ANSWERED).stream])[0])

        assert channel.name == "CHANNEL_DATA"
        assert channel.uuid == channel.header("Channel-Call-UUID")
        assert channel.header("Caller-Destination-Number") == "0900123456"
        assert channel.list_variable("DP_MATCH") == ("0900123456", "0900123456")
        assert channel.answered_us is None


@pytest.mark.parametrize("cut", [1 << 16, 1460, 97])
@pytest.mark.parametrize(
    "one",
    [one for one in recordings() if b"myevents\n\n" in one.commands],
    ids=repr,
)
def test_a_session_hears_what_was_recorded(one, cut):
    """The same events in the same order, in whatever segments they come, and then the end."""
    ours, theirs = socket.socketpair()
    peer = Peer(theirs)
    session = Session("peer", ours)
    channel, *rest = one.messages
    events = [m for m in rest if b"text/event-plain" in m.partition(b"\n\n")[0]]
    stream = channel + b"Content-Type: command/reply\nReply-Text: +OK\n\n" + b"".join(events)

    def play() -> None:
        for start in range(0, len(stream), cut):
            peer.send(stream[start : start + cut])
        peer.close()

    playing = gevent.spawn(play)
    opened = session.open(PATIENCE_S)
    heard = []
    with pytest.raises(SessionGone):  # noqa: PT012 - the loop is what is looked at
        while (event := session.next_event(PATIENCE_S)) is not None:
            heard.append(event.name)
    playing.get(timeout=PATIENCE_S)

    assert opened.uuid == session.uuid
    assert heard == [Event.of_frame(frame).name for frame in decode(events)]
