"""What goes into a journal and what comes out of it: plain values, without a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from callcontrol.cdr.call_id import CallId


@dataclass(frozen=True, slots=True)
class Opened:
    """A call has begun."""

    call_id: CallId
    facts: str


@dataclass(frozen=True, slots=True)
class Noted:
    """Something about an open call that must outlive this process."""

    call_id: CallId
    facts: str


@dataclass(frozen=True, slots=True)
class Seen:
    """These open calls were up at an instant; it takes the place of one noted before."""

    call_ids: tuple[CallId, ...]
    at_us: int


@dataclass(frozen=True, slots=True)
class Recorded:
    """A call has ended: its record, which takes the place of all that was noted."""

    call_id: CallId
    recorded_us: int
    body: str


@dataclass(frozen=True, slots=True)
class Shipped:
    """These records are in Postgres and can go."""

    call_ids: tuple[CallId, ...]


@dataclass(frozen=True, slots=True)
class SetAside:
    """Postgres refuses this record; it stays here with the reason."""

    call_id: CallId
    reason: str


@dataclass(frozen=True, slots=True)
class PutBack:
    """Everything set aside is to be tried again."""


Entry: TypeAlias = Opened | Noted | Seen | Recorded | Shipped | SetAside | PutBack


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingRecord:
    """A record that waits to be shipped.

    Attributes:
        recorded_us: when it was recorded, microseconds since the epoch.
        body: `Cdr.to_json()`.
        reason: why it was set aside; empty for one that simply waits.
    """

    call_id: CallId
    recorded_us: int
    body: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenCall:
    """A call that was opened and never recorded.

    Attributes:
        facts: what was noted, oldest first; the first is what it opened with.
    """

    call_id: CallId
    facts: tuple[dict[str, object], ...]

    @property
    def merged(self) -> dict[str, object]:
        """All facts in one mapping; what was noted later wins."""
        return {name: value for facts in self.facts for name, value in facts.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How much waits.

    Attributes:
        records: records not yet shipped.
        oldest_us: when the oldest of them was recorded; none when nothing waits.
        set_aside: records Postgres refused.
    """

    records: int = 0
    oldest_us: int | None = None
    set_aside: int = 0
