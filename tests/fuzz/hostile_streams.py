"""Streams a switch, a broken network or an attacker might send, made of recorded ones.

A stream is a few recorded messages in a row, to which zero to four damages are done, and the
pieces it arrives in. All of it follows from one seed. The one thing that is no chance is the
place of a single cut: it moves on by one byte with every stream that has one, so that in the
long run each message is cut at each of its bytes.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from callcontrol.esl.wire import Limits

TOKENS = (
    b"\n",
    b"\n\n",
    b"\r\n\r\n",
    b"\0",
    b"%00",
    b"%0A%0A",
    b"%",
    b"%zz",
    b"\xff\xfe",  # never UTF-8
    b"\xc3",  # UTF-8 that stops half-way
    b"\xed\xa0\x80",  # a surrogate
    b"\xf0\x9f\x98\x80",
    "\u0085".encode(),
    "\u2028".encode(),
    b": ",
    b":",
    b"_undef_",
    b"ARRAY::a|:b",
    b"Content-Length: 5\n",
    b"\nContent-Length: 0\n\n",
    b"Event-Name: FORGED\n",
    b"Content-Type: text/disconnect-notice\n\n",
)
LENGTHS = (
    b"-1",
    b"-9223372036854775808",
    b"+5",
    b"00000000000007",
    b"5 ",
    b" 5",
    b"0x10",
    b"1e3",
    b"1_000",
    b"5,5",
    b"",
    "\u0665".encode(),  # a digit, but none of ASCII
    b"5%0A",
    b"999999999",
    b"1048577",
    b"4294967296",
    b"18446744073709551616",
    b"9" * 5000,
    b"0",
    b"1",
    b"7",
)
LIMITS = (
    Limits(header_bytes=1 << 20, body_bytes=1 << 20),  # a leg's
    Limits(header_bytes=1 << 16, body_bytes=16 << 20),  # the link's
    Limits(header_bytes=8000, headers=200, body_bytes=12_000),
    Limits(header_bytes=300, headers=8, body_bytes=400),
)
_LENGTH = b"Content-Length: "
_MAX_BYTES = 150_000


@dataclass(frozen=True, slots=True)
class Stream:
    """What arrives on one connection.

    Attributes:
        data: all its bytes.
        pieces: the same, as they arrive.
        limits: what its decoder may hold.
    """

    data: bytes
    pieces: tuple[bytes, ...]
    limits: Limits


class HostileStreams:
    """Makes streams without end.

    Args:
        conversations: the messages of recorded connections, each in order.
        seed: decides all that follows.
    """

    def __init__(self, conversations: Sequence[Sequence[bytes]], seed: int) -> None:
        self._conversations = conversations
        self._chance = random.Random(seed)
        self._cut_at = 0
        self._damages: tuple[Callable[[bytes], bytes], ...] = (
            self._changed,
            self._inserted,
            self._inserted,
            self._lost,
            self._doubled,
            self._moved,
            self._flooded,
            self._other_length,
            self._other_length,
            self._second_length,
            self._cut_off,
            self._joined,
        )

    def __iter__(self) -> Iterator[Stream]:
        while True:
            yield self.stream()

    def stream(self) -> Stream:
        """Make the next stream."""
        chance = self._chance
        data = b"".join(self._messages())
        for _ in range(chance.choice((0, 1, 1, 1, 2, 2, 3, 4))):
            data = chance.choice(self._damages)(data)[:_MAX_BYTES]
        number = chance.choices(range(5), (55, 20, 10, 5, 10))[0]
        limits = LIMITS[number] if number < len(LIMITS) else self._narrow_limits(data)
        return Stream(data, tuple(self._pieces(data)), limits)

    def _narrow_limits(self, data: bytes) -> Limits:
        """Allow just what the first frame needs, or one less."""
        block, _, body = data.partition(b"\n\n")
        start = block.find(_LENGTH) + len(_LENGTH)
        digits = block[start : start + 6].partition(b"\n")[0]
        size = int(digits) if digits.isdigit() else len(body)
        less = self._chance.choice(((0, 0, 0), (0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)))
        return Limits(
            header_bytes=len(block) - less[0],
            headers=block.count(b"\n") + 1 - less[1],
            body_bytes=max(0, size - less[2]),
        )

    def _messages(self) -> list[bytes]:
        """Take some messages of a conversation, now and then the same again and again."""
        chance = self._chance
        messages = chance.choice(self._conversations)
        start = chance.randrange(len(messages))
        found = list(messages[start : start + chance.choice((1, 2, 4, 8, 16, 30))])
        if chance.random() < 0.1:
            small = [message for message in found if len(message) < 500] or found[:1]
            found += chance.choices(small, k=chance.randrange(1, 40))
        return found

    def _place(self, data: bytes) -> int:
        return self._chance.randrange(len(data) + 1)

    def _changed(self, data: bytes) -> bytes:
        """Change some bytes to any others."""
        changed = bytearray(data)
        for _ in range(self._chance.choice((1, 1, 2, 8))):
            if changed:
                changed[self._chance.randrange(len(changed))] = self._chance.randrange(256)
        return bytes(changed)

    def _inserted(self, data: bytes) -> bytes:
        """Put something odd anywhere, mostly over something else."""
        at = self._place(data)
        token = self._chance.choice(TOKENS) * self._chance.choice((1, 1, 1, 2, 50))
        return data[:at] + token + data[at + self._chance.choice((0, 0, 1, len(token))) :]

    def _lost(self, data: bytes) -> bytes:
        """Lose a part."""
        at = self._place(data)
        return data[:at] + data[at + self._chance.choice((1, 2, 30, 1460, 9000)) :]

    def _doubled(self, data: bytes) -> bytes:
        """Send a part again."""
        at = self._place(data)
        part = data[at : at + self._chance.choice((1, 10, 200, 3000))]
        return data[:at] + part * self._chance.choice((2, 2, 3, 20)) + data[at + len(part) :]

    def _moved(self, data: bytes) -> bytes:
        """Exchange two parts."""
        a, b, c = sorted(self._place(data) for _ in range(3))
        return data[:a] + data[b:c] + data[a:b] + data[c:]

    def _flooded(self, data: bytes) -> bytes:
        """Put in very much of one thing: an endless line, or lines without end."""
        at = self._place(data)
        size = self._chance.choice((300, 5000, 100_000))
        unit = self._chance.choice((b"a", b"%", b": ", b"A: b\n", b"%0A", b"\xff"))
        return data[:at] + unit * (size // len(unit)) + data[at:]

    def _other_length(self, data: bytes) -> bytes:
        """Announce another size, outer or inner."""
        places = []
        at = data.find(_LENGTH)
        while at >= 0:
            places.append(at + len(_LENGTH))
            at = data.find(_LENGTH, at + 1)
        if not places:
            return _LENGTH + self._chance.choice(LENGTHS) + b"\n" + data
        start = self._chance.choice(places)
        end = data.find(b"\n", start)
        end = len(data) if end < 0 else end
        return data[:start] + self._length_instead_of(data[start:end]) + data[end:]

    def _length_instead_of(self, digits: bytes) -> bytes:
        if digits.isdigit() and len(digits) < 10 and self._chance.random() < 0.3:
            return b"%d" % (int(digits) + self._chance.choice((-2, -1, 1, 2, 100)))
        return self._chance.choice(LENGTHS)

    def _second_length(self, data: bytes) -> bytes:
        """Announce two sizes."""
        at = data.find(_LENGTH)
        line = _LENGTH + self._chance.choice(LENGTHS) + b"\n"
        return line + data if at < 0 else data[:at] + line + data[at:]

    def _cut_off(self, data: bytes) -> bytes:
        """Die anywhere."""
        return data[: self._place(data)]

    def _joined(self, data: bytes) -> bytes:
        """Go on with another conversation where this one breaks off."""
        return data[: self._place(data)] + b"".join(self._messages())

    def _pieces(self, data: bytes) -> list[bytes]:
        """Choose how it arrives: whole, by segments, cut in few places, byte by byte."""
        size = len(data)
        way = self._chance.random()
        if way < 0.3:
            return [data]
        if way < 0.65:
            self._cut_at += 1
            cuts = [self._cut_at % (size + 1)]
        elif way < 0.85:
            cuts = sorted(self._place(data) for _ in range(self._chance.randrange(2, 8)))
        elif way < 0.97 or size > 2000:
            cuts = list(range(0, size, self._chance.choice((1460, 1448, 65_536))))
        else:
            cuts = list(range(size))
        return [data[a:b] for a, b in pairwise([0, *cuts, size])]
