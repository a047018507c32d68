"""Bytes to frames: the event-socket codec, with no socket and no clock in it.

Strategy: split first, decode after. The switch URL-encodes each header *value* by itself and
never a name, so a block is cut at LF and at the first ": " only, and one value is decoded
alone, when somebody asks for it. No value, whatever a caller typed into it, can then create,
end or change another header. An event is 5 to 12 kB of which a call reads some ten headers, so
nothing is split or put into a dictionary beforehand: a lookup is one search in the block.

The decoder is h11's shape: `receive_data()` takes bytes in any cut, `next_frame()` gives the
next whole frame or `NEED_DATA` or raises `WireError`. Sizes are bounded, so an endless header
is an error and not a leak, and the work grows with the bytes, also when they come one by one.

Text: bytes that are not UTF-8 (callers send them, the switch passes them on) become U+FFFD,
never surrogates: whatever is read here can be written to a log, a file or a database. A NUL,
which the switch cannot hold itself (C strings) but a caller can spell as %00, becomes U+FFFD
too. A decoded value may contain newlines and every other control character. `Headers.raw()`
gives the bytes.

Source: `switch_event_serialize` in switch_event.c (values encoded, names not, an absent value
sent as `_undef_`, a body after an empty line); `mod_event_socket.c` (frames; 16 MiB as largest
body); the recorded conversations in fixtures/esl.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Final, Literal, TypeVar, overload
from urllib.parse import unquote_to_bytes

from callcontrol.errors import WireError

_UNDEFINED: Final = b"_undef_"
_CONTENT_LENGTH: Final = b"\nContent-Length:"
_MAX_KEPT_NAME: Final = 200  # characters; the names we ask for are shorter
_T = TypeVar("_T")


class NeedData(Enum):
    """The type of `NEED_DATA`, so that a type checker can tell it from a Frame."""

    NEED_DATA = "NEED_DATA"


NEED_DATA: Final = NeedData.NEED_DATA
"""What `next_frame()` gives when the bytes received so far hold no further whole frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one peer may make us hold in memory.

    Attributes:
        header_bytes: the largest header block; the reply to `connect` carries all of a
        channel's
            data in one, and 31 kB were seen.
        headers: the largest number of lines in a header block.
        body_bytes: the largest body; events of 14 kB were seen, and a list of channels is about
            1 kB a channel. The switch itself refuses more than 16 MiB.
    """

    header_bytes: int = 1 << 20
    headers: int = 4096
    body_bytes: int = 16 << 20


@lru_cache(maxsize=1024)
def _needle(name: str) -> bytes:
    """Give a header's line up to its value, after a line feed; never found if no name."""
    needle = name.encode("utf-8", "surrogatepass")
    if not name or b": " in needle or b"\n" in needle:
        return b"\n\n\n"  # what no block holds
    return b"\n" + needle + b": "


def decoded(value: bytes) -> str:
    """Decode one header value: percent escapes, then UTF-8; total, see the module's *Text*."""
    if b"%" in value:
        value = unquote_to_bytes(value)
    text = value.decode("utf-8", "replace")
    return text.replace("\0", "\ufffd") if "\0" in text else text


class Headers(Mapping[str, str]):
    """The headers of one block: a read-only view that searches and decodes only when asked.

    Names are case-sensitive, as the switch writes them. Where a name occurs twice the first one
    counts, as in the switch's own `switch_event_get_header`. A value of `_undef_` is absent. A
    line without ": " is no header.

    Args:
        block: the lines, with a line feed before the first and after each.
    """

    __slots__ = ("_block",)

    def __init__(self, block: bytes) -> None:
        # The line feed in front lets one search find every header, the first one too.
        self._block = block

    @property
    def block(self) -> bytes:
        """The lines as they came: of them the same headers can be made elsewhere."""
        return self._block

    def raw(self, name: str) -> bytes | None:
        """Give the bytes of a value as they came, undecoded; None when the header is absent."""
        # A peer can make up names of a megabyte: those are not kept.
        needle = _needle(name) if len(name) <= _MAX_KEPT_NAME else _needle.__wrapped__(name)
        start = self._block.find(needle)
        if start < 0:
            return None
        start += len(needle)
        value = self._block[start : self._block.find(b"\n", start)]
        return None if value == _UNDEFINED else value

    @overload
    def get(self, key: str, /) -> str | None: ...
    @overload
    def get(self, key: str, /, default: str | _T) -> str | _T: ...
    def get(self, key: str, /, default: object = None) -> object:
        """Give one decoded value, or the default when the header is absent."""
        value = self.raw(key)
        return default if value is None else decoded(value)

    def __getitem__(self, name: str) -> str:
        """Give one decoded value.

        Raises:
            KeyError: the header is absent.
        """
        value = self.raw(name)
        if value is None:
            raise KeyError(name)
        return decoded(value)

    def __contains__(self, name: object) -> bool:
        """Say whether a header is there and defined."""
        return isinstance(name, str) and self.raw(name) is not None

    def __iter__(self) -> Iterator[str]:
        """Give the names in the order they came, each once."""
        seen: dict[bytes, bytes] = {}
        for line in self._block.split(b"\n"):
            name, separator, value = line.partition(b": ")
            if separator and name:
                seen.setdefault(name, value)
        for name, value in seen.items():
            # A name is never encoded; bytes that are no UTF-8 are no name one could ask for.
            with suppress(UnicodeDecodeError):
                if value != _UNDEFINED:
                    yield name.decode()

    def __len__(self) -> int:
        """Count the headers that are there and defined."""
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        """Show all of them, for failing tests."""
        return f"Headers({dict(self)!r})"


class Frame:
    """One message of the switch: a header block and, when it announced one, a body.

    Attributes:
        headers: the outer headers.
        body: exactly Content-Length bytes, undecoded; empty when there was no such header.
    """

    __slots__ = ("body", "headers")

    def __init__(self, headers: Headers, body: bytes = b"") -> None:
        self.headers = headers
        self.body = body

    @property
    def content_type(self) -> str | None:
        """The kind of frame (`command/reply`, `text/event-plain`, ...), None when not named."""
        return self.headers.get("Content-Type")

    def __repr__(self) -> str:
        """Name its kind and size, for failing tests."""
        return f"Frame({self.content_type}, {len(self.body)} bytes)"


class FrameDecoder:
    """Cuts the bytes of one connection into frames.

    Args:
        limits: how large a frame may be.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._buffer = bytearray()
        self._searched = 0  # bytes of the buffer known to hold no end of a header block
        self._headers: Headers | None = None  # those of a frame whose body is still arriving
        self._body_bytes = 0
        self._fault: str | None = None

    @property
    def pending_bytes(self) -> int:
        """How many bytes of an unfinished frame are held."""
        return len(self._buffer)

    @property
    def is_mid_frame(self) -> bool:
        """Whether a frame has begun and is not whole: at the end of a connection, a loss."""
        return bool(self._buffer) or self._headers is not None

    def receive_data(self, data: bytes) -> None:
        """Take the next bytes of the connection, cut anywhere; after a fault, drop them."""
        if self._fault is None:
            self._buffer += data

    def next_frame(self) -> Frame | Literal[NeedData.NEED_DATA]:
        """Give the next whole frame, or NEED_DATA.

        Raises:
            WireError: what came is no event-socket protocol; the frames before it were given
                first, and every later call raises again.
        """
        if self._fault is not None:
            raise WireError(self._fault)
        headers = self._headers
        if headers is None:
            headers = self._take_headers()
        size = self._body_bytes
        buffer = self._buffer
        if headers is None or len(buffer) < size:
            return NEED_DATA
        self._headers = None
        if not size:
            return Frame(headers)
        body = bytes(buffer[:size])
        del buffer[:size]
        return Frame(headers, body)

    def _take_headers(self) -> Headers | None:
        """Cut a header block off the buffer and keep it; None when its end has not come yet."""
        buffer = self._buffer
        end = buffer.find(b"\n\n", self._searched)
        limit = self._limits.header_bytes
        if end > limit or (end < 0 and len(buffer) > limit + 1):
            raise self._broken(f"a header block of more than {limit} bytes")
        if buffer[:1] == b"\n":
            raise self._broken("an empty line where a frame should start")
        if end < 0:
            self._searched = max(0, len(buffer) - 1)
            return None
        block = b"\n" + buffer[: end + 1]
        del buffer[: end + 2]
        self._searched = 0
        if block.count(b"\n") > self._limits.headers + 1:
            raise self._broken(f"more than {self._limits.headers} headers")
        self._body_bytes = self._content_length(block)
        self._headers = Headers(block)
        return self._headers

    def _content_length(self, block: bytes) -> int:
        """Read the size of the body that a header block announces; 0 when it announces none."""
        start = block.find(_CONTENT_LENGTH)
        if start < 0:
            return 0
        value_at = start + len(_CONTENT_LENGTH)
        value = block[value_at : block.find(b"\n", value_at)]
        digits = value[1:]
        # Nine digits are more than any limit and cheap; of bytes, isdigit() is ASCII only.
        is_plain = value[:1] == b" " and digits.isdigit() and len(digits) <= 9
        if not is_plain or block.find(_CONTENT_LENGTH, value_at) >= 0:
            raise self._broken("a Content-Length that is no single plain number")
        size = int(digits)
        if size > self._limits.body_bytes:
            raise self._broken(f"a body of {size} bytes, over {self._limits.body_bytes}")
        return size

    def _broken(self, fault: str) -> WireError:
        self._fault = fault
        self._buffer.clear()
        return WireError(fault)
