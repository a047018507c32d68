"""Event: a typed, read-only view of one event, or of the channel data that answer `connect`.

Nothing is parsed before it is asked for. Every text was decoded alone (see wire.py) and comes
from outside: a caller's name may hold newlines, controls and anything else, also where the
switch says it encodes. Check it before it goes anywhere.

Source: `switch_caller.c` (names and units of the time headers), `switch_event.c` (arrays as
`ARRAY::a|:b`), the recorded conversations in fixtures/esl.
"""

from __future__ import annotations

from typing import Final

from callcontrol.errors import WireError
from callcontrol.esl.wire import Frame, Headers

_MAX_DIGITS: Final = 19  # of a 64-bit number
_ARRAY: Final = "ARRAY::"
_CONTENT_LENGTH: Final = b"\nContent-Length: "


class Event:
    """What the switch says happened, when and to which leg.

    Times are microseconds since the epoch, by the switch's clock; None when it never happened
    (absent or 0). Absent texts are None, or empty where that is said.

    Attributes:
        headers: all headers, decoded one by one on demand.
        body: the event's own body (of BACKGROUND_JOB, RECV_INFO), undecoded; empty for most.
    """

    __slots__ = ("body", "headers")

    def __init__(self, headers: Headers, body: bytes = b"") -> None:
        self.headers = headers
        self.body = body

    @classmethod
    def of_frame(cls, frame: Frame) -> Event:
        """Make an event of a `text/event-plain` frame, or of the reply to `connect`.

        The outer Content-Length alone says where the frame ends. An event has a body of its own
        when its block has a Content-Length; that body is then all that follows the empty line.
        The number in it repeats the size and decides nothing.
        """
        if not frame.body:
            return cls(frame.headers)
        block = b"\n" + frame.body
        if not block.endswith(b"\n"):
            block += b"\n"
        length_at = block.find(_CONTENT_LENGTH)
        end = -1 if length_at < 0 else block.find(b"\n\n", length_at)
        if end < 0:
            return cls(Headers(block))
        return cls(Headers(block[: end + 1]), frame.body[end + 1 :])

    @classmethod
    def of_dump(cls, text: str) -> Event:
        """Make an event of the answer to `uuid_dump` with no format, encoded like any event.

        Its JSON is not: a caller's broken text may spoil it.
        """
        return cls(Headers(f"\n{text.strip()}\n".encode("utf-8", "replace")))

    def __repr__(self) -> str:
        """Name the event and its leg, for logs and failing tests."""
        return f"Event({self.name} {self.uuid})"

    def header(self, name: str) -> str | None:
        """Give one header's decoded value, None when absent."""
        return self.headers.get(name)

    def variable(self, name: str) -> str | None:
        """Give one channel variable's decoded value, None when unset."""
        return self.headers.get("variable_" + name)

    def list_variable(self, name: str) -> tuple[str, ...]:
        """Give all values of a channel variable: of an array each, else the one, or none.

        A value that itself holds "|:" cannot be told from two: the switch does not escape it.
        """
        value = self.variable(name)
        if value is None:
            return ()
        if not value.startswith(_ARRAY):
            return (value,)
        return tuple(value.removeprefix(_ARRAY).split("|:"))

    def number(self, name: str) -> int | None:
        """Give a header that is a whole number of 0 or more, None when absent.

        Raises:
            WireError: the value is something else; guessing at it could change a charge.
        """
        value = self.headers.raw(name)
        if value is None:
            return None
        if not value.isdigit() or len(value) > _MAX_DIGITS:
            raise WireError(f"{name} is no number: {value[:40]!r}", leg_uuid=self.uuid)
        return int(value)

    def instant_us(self, name: str) -> int | None:
        """Give a time header in microseconds since the epoch, None when absent or 0 (never).

        Raises:
            WireError: the value is no number.
        """
        return self.number(name) or None

    @property
    def name(self) -> str:
        """`CHANNEL_ANSWER`, `DTMF`, ...; empty when the switch named none."""
        return self.headers.get("Event-Name", "")

    @property
    def uuid(self) -> str:
        """The leg this happened to; empty for events of no leg."""
        return self.headers.get("Unique-ID", "")

    @property
    def other_leg_uuid(self) -> str | None:
        """The leg at the other end of the bridge."""
        return self.headers.get("Other-Leg-Unique-ID")

    @property
    def application_uuid(self) -> str | None:
        """Which `execute` an EXECUTE or EXECUTE_COMPLETE belongs to: its Event-UUID."""
        return self.headers.get("Application-UUID")

    @property
    def application(self) -> str | None:
        """The name of the application executed."""
        return self.headers.get("Application")

    @property
    def job_uuid(self) -> str | None:
        """Which `bgapi` a BACKGROUND_JOB answers."""
        return self.headers.get("Job-UUID")

    @property
    def core_uuid(self) -> str | None:
        """The switch's own run: another value means it was restarted."""
        return self.headers.get("Core-UUID")

    @property
    def call_direction(self) -> str | None:
        """`inbound` for a leg that called us, `outbound` for one we called."""
        return self.headers.get("Call-Direction")

    @property
    def hangup_cause(self) -> str | None:
        """The name of the cause, from CHANNEL_HANGUP on."""
        return self.headers.get("Hangup-Cause")

    @property
    def answer_state(self) -> str | None:
        """`ringing`, `early`, `answered` or `hangup`."""
        return self.headers.get("Answer-State")

    @property
    def dtmf_digit(self) -> str | None:
        """The digit of a DTMF event."""
        return self.headers.get("DTMF-Digit")

    @property
    def sequence(self) -> int | None:
        """The switch's running number of events, those of nobody's interest included."""
        return self.number("Event-Sequence")

    @property
    def event_us(self) -> int | None:
        """When the switch made this event."""
        return self.instant_us("Event-Date-Timestamp")

    @property
    def created_us(self) -> int | None:
        """When the leg was created."""
        return self.instant_us("Caller-Channel-Created-Time")

    @property
    def progress_us(self) -> int | None:
        """When the leg first rang (180)."""
        return self.instant_us("Caller-Channel-Progress-Time")

    @property
    def progress_media_us(self) -> int | None:
        """When the leg first had early media (183)."""
        return self.instant_us("Caller-Channel-Progress-Media-Time")

    @property
    def answered_us(self) -> int | None:
        """When the leg was answered."""
        return self.instant_us("Caller-Channel-Answered-Time")

    @property
    def bridged_us(self) -> int | None:
        """When the leg was last bridged; with early media this is before the answer."""
        return self.instant_us("Caller-Channel-Bridged-Time")

    @property
    def hangup_us(self) -> int | None:
        """When the leg was hung up."""
        return self.instant_us("Caller-Channel-Hangup-Time")
