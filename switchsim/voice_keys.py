"""Keys in the voice stream: RFC 4733 events on the port that a leg's description names.

No voice is taken; what is no event is passed over. A key counts once, however often its end is
sent, and it is known by the timestamp that all its packets share.
"""

import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass

from switchsim.loop import Loop

KEYS = "0123456789*#ABCD"  # in the order of the event codes, RFC 4733 section 3.2
_FIXED = struct.Struct("!BBHII")  # RFC 3550 section 5.1
_EVENT = struct.Struct("!BBH")  # RFC 4733 section 2.3
_BURST = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPacket:
    """One packet of an event that is a key.

    Args:
        began: the RTP timestamp of the event, the same in all its packets.
        duration: of the key so far, in samples.
    """

    key: str
    is_end: bool
    duration: int
    began: int


def decode(packet: bytes, payload_type: int) -> KeyPacket | None:
    """Reads an RTP packet; None for one that is no key of this payload type, or broken."""
    if len(packet) < _FIXED.size:
        return None
    first, second, _, began, _ = _FIXED.unpack_from(packet)
    if first >> 6 != 2 or second & 0x7F != payload_type:
        return None
    begin, end = _FIXED.size + 4 * (first & 0x0F), len(packet)
    if first & 0x10:  # an extension, with its length in words
        if end < begin + 4:
            return None
        begin += 4 + 4 * int.from_bytes(packet[begin + 2 : begin + 4], "big")
    if first & 0x20:  # padding, with its length in the last byte
        end -= packet[-1]
    if end < begin + _EVENT.size:
        return None
    code, volume, duration = _EVENT.unpack_from(packet, begin)
    if code >= len(KEYS):
        return None
    return KeyPacket(key=KEYS[code], is_end=bool(volume & 0x80), duration=duration, began=began)


class VoicePort:
    """The port of one leg, for as long as the leg lives.

    Args:
        port: where to listen; 0: anywhere.
        payload_type: of the events, as the leg's description says.

    Raises:
        OSError: somebody else has the port.
    """

    def __init__(self, loop: Loop, host: str, port: int, payload_type: int) -> None:
        self.on_key: Callable[[str, int], None] = lambda _key, _duration: None
        self._loop = loop
        self._payload_type = payload_type
        self._latest: int | None = None
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        try:
            self._socket.bind((host, port))
        except OSError:
            self._socket.close()
            raise
        self.port: int = self._socket.getsockname()[1]
        loop.watch(self._socket, read=self._read)

    def close(self) -> None:
        """Listens no longer; closing twice is harmless."""
        if self._socket.fileno() >= 0:
            self._loop.watch(self._socket)
            self._socket.close()

    def _read(self) -> None:
        for _ in range(_BURST):
            try:
                packet = self._socket.recv(2048)
            except OSError:
                return
            found = decode(packet, self._payload_type)
            # The end of a key is sent three times over.
            if found is not None and found.is_end and found.began != self._latest:
                self._latest = found.began
                self.on_key(found.key, found.duration)
            if self._socket.fileno() < 0:
                return
