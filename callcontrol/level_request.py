"""A row that asks for another level in running calls, and what came of it in a call.

Who asks knows Postgres and no engine; an engine's calls know no Postgres. This is what passes
between the two.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelRequest:
    """A row that asks for another level in running calls.

    Attributes:
        id: of the row.
        level: the number asked for.
        by: who asks, for the record.
        asked_us: when the row was made; `*_us` are microseconds since the epoch.
        effective_us: from when it shall hold; None: at once.
        call_id: the call, or
        number: the service number, in E.164, of all its calls.
    """

    id: int
    level: int
    by: str
    asked_us: int
    effective_us: int | None = None
    call_id: str | None = None
    number: str | None = None

    @property
    def due_us(self) -> int:
        """The instant at which it is dealt with."""
        return self.asked_us if self.effective_us is None else self.effective_us


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelOutcome:
    """What came of a request in one call.

    Attributes:
        request: the number of the row.
        call_id: the call.
        in_force_us: from when it holds, microseconds since the epoch; None: it was refused.
        refused: why; None: it was not.
    """

    request: int
    call_id: str
    in_force_us: int | None
    refused: str | None
