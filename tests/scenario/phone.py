"""A telephone that the tests hold in their hands: it answers or calls, and presses keys.

Keys go as SIP INFO (application/dtmf-relay) or as RFC 4733 events in the voice stream; what
arrives of either kind is kept, so that a test can tell what the other side heard.
"""

from __future__ import annotations

import re
import struct
import uuid
from collections.abc import Callable

import gevent
from gevent import socket

from tests.scenario.parties import CALLER
from tests.waiting import eventually

KEYS = "0123456789*#ABCD"  # in the order of RFC 4733's event codes

_EVENTS = 101  # the payload type we take keys in
_PACKET_S = 0.02
_SAMPLES = 160  # of a packet
_PACKETS = 5  # a key lasts so many, 100 ms


def _header(message: str, name: str) -> str:
    found = re.search(rf"(?im)^{name}[ \t]*:[ \t]*(.*?)\r?$", message)
    return found[1] if found else ""


class Conversation:
    """One call of a phone.

    Attributes:
        heard: keys that arrived, as INFO or in the voice stream.
        is_over: the other side has hung up.
    """

    def __init__(self, phone: Phone, call_id: str, ours: str, theirs: str, target: str) -> None:
        self.heard = ""
        self.is_over = False
        self.answers: list[str] = []
        self._phone = phone
        self._call_id = call_id
        self._ours, self._theirs, self._target = ours, theirs, target
        self._cseq = 1
        self._taken: set[str] = set()
        self._media: tuple[str, int] | None = None
        self._events = _EVENTS
        self._sequence = 1
        self._timestamp = 1000

    def is_new(self, request: str) -> bool:
        """Say whether a request is none that was sent again because our answer was late."""
        is_new = (cseq := _header(request, "CSeq")) not in self._taken
        self._taken.add(cseq)
        return is_new

    def press(self, keys: str, *, by: str = "info") -> None:
        """Press keys one after the other, as INFO or as events in the voice stream."""
        for key in keys:
            if by == "info":
                self._request("INFO", f"Signal={key}\r\nDuration=100\r\n")
            else:
                self._sound(key)

    def hang_up(self) -> None:
        """End the call."""
        self._request("BYE")
        self.is_over = True

    def learn_media(self, sdp: str) -> None:
        """Read where the other side wants its voice, and how it takes keys."""
        port = re.search(r"m=audio (\d+)", sdp)
        self._media = ("127.0.0.1", int(port[1])) if port else None
        if found := re.search(r"a=rtpmap:(\d+) telephone-event", sdp):
            self._events = int(found[1])

    def send(self, method: str, body: str = "", *, cseq: int | None = None) -> None:
        """Send a request of this call."""
        self._phone.send(
            method,
            self._target,
            sender=self._ours,
            to=self._theirs,
            call_id=self._call_id,
            cseq=self._cseq if cseq is None else cseq,
            body=body,
            kind="application/dtmf-relay",
        )

    def _request(self, method: str, body: str = "") -> None:
        """Send a request and wait for its answer."""
        self._cseq += 1
        already = len(self.answers)
        self.send(method, body)
        eventually(lambda: len(self.answers) > already, within_s=5, every_s=0.001)

    def _sound(self, key: str) -> None:
        """Send one key as RFC 4733 events: it begins, lasts, and ends three times over."""
        assert self._media is not None
        for number in range(_PACKETS + 3):
            is_end = number >= _PACKETS
            lasted = min(number + 1, _PACKETS) * _SAMPLES
            event = struct.pack("!BBH", KEYS.index(key), 0x8A if is_end else 0x0A, lasted)
            marker = 0x80 if number == 0 else 0
            head = struct.pack(
                "!BBHII", 0x80, marker | self._events, self._sequence, self._timestamp, 0x5EED
            )
            self._phone.voice.sendto(head + event, self._media)
            self._sequence += 1
            gevent.sleep(_PACKET_S)
        self._timestamp += 2 * _PACKETS * _SAMPLES
        gevent.sleep(2 * _PACKET_S)


class Phone:
    """A telephone on the loopback.

    Attributes:
        port: where calls to it arrive.
        calls: its conversations, oldest first.
        voice: its media socket.
    """

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.voice = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.voice.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.calls: list[Conversation] = []
        self._by_call_id: dict[str, Conversation] = {}
        self._said: dict[str, str] = {}
        self._switch: tuple[str, int] | None = None
        self._answered: dict[str, str] = {}
        self._early: dict[str, str] = {}
        self._greenlets = [gevent.spawn(self._listen), gevent.spawn(self._hear)]

    def stop(self) -> None:
        """Leave."""
        gevent.killall(self._greenlets)
        self._socket.close()
        self.voice.close()

    def call(
        self,
        dialled: str,
        switch_port: int,
        *,
        on_voice: Callable[[Conversation], None] | None = None,
    ) -> Conversation:
        """Call a number, and give the conversation once it is answered.

        Args:
            dialled: the number.
            switch_port: of the switch's SIP.
            on_voice: called when there is a voice before the answer.
        """
        self._switch = ("127.0.0.1", switch_port)
        call_id = f"{uuid.uuid4()}@phone"
        sender = f"<sip:{CALLER}@127.0.0.1>;tag={uuid.uuid4().hex[:8]}"
        to = f"<sip:{dialled}@127.0.0.1:{switch_port}>"
        self.send(
            "INVITE",
            f"sip:{dialled}@127.0.0.1:{switch_port}",
            sender=sender,
            to=to,
            call_id=call_id,
            cseq=1,
            body=self._offer(),
            kind="application/sdp",
        )
        if on_voice is not None:
            eventually(lambda: call_id in self._early, within_s=15, every_s=0.005)
            early = Conversation(self, call_id, sender, to, "")
            early.learn_media(self._early[call_id])
            on_voice(early)
        eventually(lambda: call_id in self._answered, within_s=15, every_s=0.005)
        answer = self._answered[call_id]
        found = re.search(r"<(sip:[^>]+)>", _header(answer, "Contact"))
        assert found, answer
        made = self._begin(call_id, sender, _header(answer, "To"), found[1])
        made.learn_media(answer)
        made.send("ACK", cseq=1)
        return made

    def latest(self) -> Conversation:
        """Give the newest conversation that goes on, once there is one."""
        eventually(lambda: self.calls and not self.calls[-1].is_over, within_s=10)
        return self.calls[-1]

    def send(
        self,
        method: str,
        target: str,
        *,
        sender: str,
        to: str,
        call_id: str,
        cseq: int,
        body: str = "",
        kind: str = "",
    ) -> None:
        """Send a request."""
        assert self._switch is not None
        lines = [
            f"{method} {target} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};rport;branch=z9hG4bK{uuid.uuid4().hex}",
            "Max-Forwards: 70",
            f"From: {sender}",
            f"To: {to}",
            f"Call-ID: {call_id}",
            f"CSeq: {cseq} {method}",
            f"Contact: <sip:phone@127.0.0.1:{self.port}>",
            *([f"Content-Type: {kind}"] if body else ()),
            f"Content-Length: {len(body)}",
        ]
        self._socket.sendto(("\r\n".join(lines) + "\r\n\r\n" + body).encode(), self._switch)

    def _offer(self) -> str:
        port = self.voice.getsockname()[1]
        return (
            "v=0\r\no=phone 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP 8 {_EVENTS}\r\na=rtpmap:8 PCMA/8000\r\n"
            f"a=rtpmap:{_EVENTS} telephone-event/8000\r\na=fmtp:{_EVENTS} 0-15\r\n"
        )

    def _begin(self, call_id: str, ours: str, theirs: str, target: str) -> Conversation:
        made = Conversation(self, call_id, ours, theirs, target)
        self._by_call_id[call_id] = made
        self.calls.append(made)
        return made

    def _listen(self) -> None:
        while True:
            data, self._switch = self._socket.recvfrom(65_535)
            message = data.decode("utf-8", "replace")
            if message.startswith("SIP/2.0 "):
                self._take_answer(message)
            else:
                self._take_request(message)

    def _take_answer(self, message: str) -> None:
        call_id, status = _header(message, "Call-ID"), int(message.split()[1])
        if status < 200:
            if "m=audio" in message:
                self._early[call_id] = message
            return
        if _header(message, "CSeq").endswith("INVITE"):
            self._answered[call_id] = message
        elif call_id in self._by_call_id:
            self._by_call_id[call_id].answers.append(message)

    def _take_request(self, message: str) -> None:
        method, call_id = message.split(" ", 1)[0], _header(message, "Call-ID")
        if method == "ACK":
            return
        if method == "INVITE" and call_id not in self._by_call_id:
            self._pick_up(message)
            return
        conversation = self._by_call_id.get(call_id)
        if conversation is not None and method == "INFO" and conversation.is_new(message):
            signal = re.search(r"(?i)signal\s*=\s*(\S)", message)
            conversation.heard += signal[1] if signal else ""
        if conversation is not None and method == "BYE":
            conversation.is_over = True
        self._say(message, 200, "")

    def _pick_up(self, message: str) -> None:
        call_id = _header(message, "Call-ID")
        tag = uuid.uuid4().hex[:8]
        self._say(message, 180, tag)
        target = re.search(r"<(sip:[^>]+)>", _header(message, "Contact"))
        ours = f"{_header(message, 'To')};tag={tag}"
        made = self._begin(call_id, ours, _header(message, "From"), target[1] if target else "")
        made.learn_media(message)
        self._say(message, 200, tag, self._offer())

    def _say(self, request: str, code: int, tag: str, sdp: str = "") -> None:
        assert self._switch is not None
        vias = re.findall(r"(?im)^Via[ \t]*:[ \t]*(.*?)\r?$", request)
        to = _header(request, "To")
        lines = [
            f"SIP/2.0 {code} {'Ringing' if code == 180 else 'OK'}",
            *(f"Via: {via}" for via in vias),
            f"From: {_header(request, 'From')}",
            f"To: {to};tag={tag}" if tag and "tag=" not in to else f"To: {to}",
            f"Call-ID: {_header(request, 'Call-ID')}",
            f"CSeq: {_header(request, 'CSeq')}",
            f"Contact: <sip:phone@127.0.0.1:{self.port}>",
            *(["Content-Type: application/sdp"] if sdp else ()),
            f"Content-Length: {len(sdp)}",
        ]
        self._socket.sendto(("\r\n".join(lines) + "\r\n\r\n" + sdp).encode(), self._switch)

    def _hear(self) -> None:
        """Take keys out of the voice stream; each one once, at its end."""
        latest = -1
        while True:
            packet = self.voice.recv(2048)
            if len(packet) != 16 or packet[1] & 0x7F != _EVENTS or not packet[13] & 0x80:
                continue
            (timestamp,) = struct.unpack("!I", packet[4:8])
            if timestamp != latest and self.calls:
                self.calls[-1].heard += KEYS[packet[12]]
            latest = timestamp
