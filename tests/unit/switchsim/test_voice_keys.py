"""Keys in the voice stream: what is one, and that each counts once."""

import socket
import struct

import pytest

from switchsim import sdp
from switchsim.loop import Loop
from switchsim.voice_keys import KeyPacket, VoicePort, decode

TYPE = 101


def packet(
    code: int = 11,
    *,
    is_end: bool = True,
    began: int = 7000,
    first: int = 0x80,
    kind: int = TYPE,
    between: bytes = b"",
    after: bytes = b"",
) -> bytes:
    """Make an RTP packet of a key, by default the end of a hash that lasted 100 ms."""
    head = struct.pack("!BBHII", first, kind, 1, began, 0x5EED)
    return head + between + struct.pack("!BBH", code, 0x80 if is_end else 0, 800) + after


def test_a_key_is_read():
    """Its code, its end, its length in samples, and when it began."""
    expected = KeyPacket(key="#", is_end=True, duration=800, began=7000)

    assert decode(packet(), TYPE) == expected
    assert decode(packet(kind=0x80 | TYPE), TYPE) == expected  # with the marker


def test_header_parts_that_may_be_there_are_passed_over():
    """Contributing sources, an extension, padding."""
    expected = decode(packet(), TYPE)

    assert decode(packet(first=0x82, between=bytes(8)), TYPE) == expected
    extension = b"\xbe\xde\x00\x01" + bytes(4)
    assert decode(packet(first=0x90, between=extension), TYPE) == expected
    assert decode(packet(first=0xA0, after=b"\x00\x00\x00\x04"), TYPE) == expected


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        packet()[:11],
        packet()[:15],
        packet(first=0x00),
        packet(kind=8),
        packet(code=16),
        packet(first=0x8F),
        packet(first=0x90, between=b"\xbe\xde\xff\xff"),
        packet(first=0xA0, after=b"\xff"),
        b"\x90" + packet()[1:12],
    ],
)
def test_what_is_no_key_is_passed_over(broken):
    """Voice, another version, another event, or a packet that is cut off."""
    assert decode(broken, TYPE) is None


def test_a_key_counts_once():
    """Its end is sent three times over; the same key pressed again is another."""
    loop, heard = Loop(), []
    port = VoicePort(loop, "127.0.0.1", 0, TYPE)

    def take(key, duration):
        heard.append((key, duration))
        if key == "*":
            loop.stop()

    port.on_key = take
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.connect(("127.0.0.1", port.port))
    for began in (1000, 2000):
        sender.send(packet(1, is_end=False, began=began))
        for _ in range(3):
            sender.send(packet(1, began=began))
    sender.send(packet(10, began=3000))
    loop.later(5, loop.stop)
    loop.run()
    port.close()
    port.close()
    sender.close()
    loop.close()

    assert heard == [("1", 800), ("1", 800), ("*", 800)]


def test_a_description_says_how_keys_are_taken():
    """They are offered and answered with the caller's own payload type, or not at all."""
    offered = (
        "m=audio 4000 RTP/AVP 8 96\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:96 telephone-event/8000"
    )
    media = sdp.read(offered)
    answer = sdp.answer(session=1, origin="h", host="h", port=20_000, events="96")
    plain = sdp.answer(session=1, origin="h", host="h", port=20_000)

    assert media is not None
    assert (media.events, media.codecs) == ("96", ("PCMA",))
    assert "m=audio 20000 RTP/AVP 8 96\r\n" in answer
    assert "a=rtpmap:96 telephone-event/8000\r\na=fmtp:96 0-15\r\n" in answer
    assert "telephone-event" not in plain
