"""Callers refused or let through: exact numbers and prefixes, the longest match wins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from dialplan.numbers import E164, Caller
from dialplan.scope import PLATFORM, Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class BlacklistEntry:
    """One line of the blacklist.

    Attributes:
        pattern: a number in E.164, a prefix such as `+4179*` (`+*` is every number), or
            `anonymous`: a caller who withholds the number or has none.
        scope: whose calls it speaks of.
        action: refuse the caller, or let through what a shorter pattern refuses.
        valid_from: aware instant, included; None: from always.
        valid_until: aware instant, not included; None: for ever.
        cause: the name of the hangup cause that a refused caller gets.
        reason: why it was entered, for people.
    """

    pattern: str
    scope: Scope = PLATFORM
    action: Literal["block", "allow"] = "block"
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    cause: str = "CALL_REJECTED"
    reason: str = ""


class Blacklist:
    """All entries, indexed by pattern.

    Args:
        entries: in any order; read once.
    """

    def __init__(self, entries: Iterable[BlacklistEntry] = ()) -> None:
        self._entries = tuple(entries)

    def __len__(self) -> int:
        """Give the number of entries."""
        return len(self._entries)

    def match(
        self, caller: Caller, *, number: E164, customers: Sequence[str], at: datetime
    ) -> BlacklistEntry | None:
        """Give the entry that decides about a caller, or None when none speaks of them.

        Args:
            caller: who calls.
            number: the service number called.
            customers: the ids of its customer and of the accounts above, nearest first.
            at: the aware instant of the call.
        """
        return None
