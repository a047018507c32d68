"""A SIP caller that sends whatever bytes it is given: what SIPp cannot, or will not, send."""

from __future__ import annotations

import re
import time
import uuid
from pathlib import Path

from gevent import socket

from tests.scenario.parties import CALLER

TORTURE = Path(__file__).parents[2] / "fixtures" / "sip-torture"

OFFER = (
    b"v=0\r\no=caller 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    b"m=audio 49172 RTP/AVP 8 0\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"
)
PLAIN_FROM = f"<sip:{CALLER}@127.0.0.1>".encode()

# The notation of RFC 4475 for what a text does not show.
_HEX = re.compile(rb"<hex>([0-9A-Fa-f ]*)</hex>")
_REPEAT = re.compile(rb"<repeat count=(\d+)>(.*?)</repeat>")


def written_out(text: bytes) -> bytes:
    """Give the bytes that a text in the notation of RFC 4475 stands for; lines end in CRLF."""
    lines = _REPEAT.sub(lambda found: found[2] * int(found[1]), text).replace(b"\n", b"\r\n")
    return _HEX.sub(lambda found: bytes.fromhex(found[1].decode()), lines)


def header(message: bytes, name: str) -> bytes | None:
    """Give the first header of that name, unfolded; None when there is none."""
    start = rb"(?im)^%s[ \t]*:[ \t]*([^\r\n]*(?:\r\n[ \t][^\r\n]*)*)"
    found = re.search(start % re.escape(name.encode()), message)
    return re.sub(rb"\r\n[ \t]+", b" ", found[1]).strip() if found else None


class RawCaller:
    """One caller with a socket of its own, so that whatever arrives there is for its call.

    Attributes:
        port: where it is.
        received: every message that came, in order.
        call_id: of the calls it makes.
    """

    def __init__(self, switch_port: int) -> None:
        self._switch = ("127.0.0.1", switch_port)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.received: list[bytes] = []
        self.call_id = f"{uuid.uuid4()}@caller"
        self._tag = uuid.uuid4().hex[:8]
        self._invite = b""

    def __enter__(self) -> RawCaller:
        """Give itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave without a word."""
        self._socket.close()

    def invite(
        self,
        dialled: bytes,
        *,
        sender: bytes = PLAIN_FROM,
        headers: tuple[bytes, ...] = (),
    ) -> bytes:
        """Write an INVITE; the parts go in as they are.

        Args:
            dialled: user part of the request URI.
            sender: the From header, without tag.
            headers: whole lines.
        """
        at = b"127.0.0.1:%d" % self._switch[1]
        lines = (
            b"INVITE sip:%s@%s SIP/2.0" % (dialled, at),
            b"Via: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK%s" % (self.port, self._branch()),
            b"Max-Forwards: 70",
            b"From: %s;tag=%s" % (sender, self._tag.encode()),
            b"To: <sip:service@%s>" % at,
            b"Call-ID: " + self.call_id.encode(),
            b"CSeq: 1 INVITE",
            b"Contact: <sip:caller@127.0.0.1:%d>" % self.port,
            *headers,
            b"Content-Type: application/sdp",
            b"Content-Length: %d" % len(OFFER),
        )
        return b"\r\n".join(lines) + b"\r\n\r\n" + OFFER

    def torture(self, name: str, dialled: str) -> bytes:
        """Read a message of `fixtures/sip-torture` and put our places into it."""
        text = (TORTURE / f"{name}.sip").read_bytes()
        places = {
            b"@SWITCH@": b"127.0.0.1:%d" % self._switch[1],
            b"@HERE@": b"127.0.0.1:%d" % self.port,
            b"@DIALLED@": dialled.encode(),
            b"@CALLER@": CALLER.encode(),
            b"@CALL-ID@": self.call_id.encode(),
            b"@BRANCH@": b"z9hG4bK" + self._branch(),
        }
        for place, value in places.items():
            text = text.replace(place, value)
        return written_out(text)

    def send(self, message: bytes) -> None:
        """Send bytes as one datagram."""
        if message.startswith(b"INVITE"):
            self._invite = message
        self._socket.sendto(message, self._switch)

    def wait_for_final(self, within_s: float) -> int | None:
        """Wait for the final answer to the INVITE and acknowledge it; None when none comes."""
        deadline_s = time.monotonic() + within_s
        while (message := self._next(deadline_s)) is not None:
            found = re.match(rb"SIP/2\.0 (\d{3})", message)
            code = int(found[1]) if found else 0
            if code >= 200 and not (header(message, "CSeq") or b"").endswith(b"BYE"):
                self.acknowledge(message)
                return code
        return None

    def acknowledge(self, answer: bytes) -> None:
        """Acknowledge a final answer."""
        self._in_dialogue(b"ACK", b"1", answer, is_same=not answer.startswith(b"SIP/2.0 2"))

    def hang_up(self) -> int | None:
        """End an answered call; gives the answer to the BYE."""
        answer = next(m for m in reversed(self.received) if m.startswith(b"SIP/2.0 200"))
        self._in_dialogue(b"BYE", b"1000000", answer, is_same=False)
        deadline_s = time.monotonic() + 10
        while (message := self._next(deadline_s)) is not None:
            if (header(message, "CSeq") or b"").endswith(b"BYE"):
                return int(message.split()[1])
        return None

    def look(self) -> list[bytes]:
        """Give all that has come until now."""
        while self._next(time.monotonic() + 0.01) is not None:
            pass
        return self.received

    def _next(self, deadline_s: float) -> bytes | None:
        self._socket.settimeout(max(0.001, deadline_s - time.monotonic()))
        try:
            message = self._socket.recv(65_535)
        except TimeoutError:
            return None
        self.received.append(message)
        return message

    def _in_dialogue(self, method: bytes, cseq: bytes, answer: bytes, *, is_same: bool) -> None:
        """Send a request that goes with an answer; of From, which may be odd, only the tag."""
        sender = header(answer, "From") or b""
        tag = re.search(rb";\s*tag\s*=\s*([^;\s]+)\Z", sender)
        contact = re.search(rb"<?(sip:[^>;\s]+)", header(answer, "Contact") or b"")
        to = b"sip:127.0.0.1:%d" % self._switch[1]
        via = header(self._invite, "Via") if is_same else None
        number = cseq if method == b"BYE" else (header(answer, "CSeq") or cseq).split()[0]
        lines = (
            method + b" " + (contact[1] if contact else to) + b" SIP/2.0",
            b"Via: " + (via or self._fresh_via()),
            b"Max-Forwards: 70",
            b"From: " + (PLAIN_FROM + b";tag=" + tag[1] if tag else sender),
            b"To: " + (header(answer, "To") or b""),
            b"Call-ID: " + (header(answer, "Call-ID") or b""),
            b"CSeq: " + number + b" " + method,
            b"Contact: <sip:caller@127.0.0.1:%d>" % self.port,
            b"Content-Length: 0",
        )
        self._socket.sendto(b"\r\n".join(lines) + b"\r\n\r\n", self._switch)

    def _fresh_via(self) -> bytes:
        return b"SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK%s" % (self.port, self._branch())

    @staticmethod
    def _branch() -> bytes:
        return uuid.uuid4().hex.encode()
