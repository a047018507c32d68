"""Callers refused or let through: exact numbers and prefixes, the longest match wins.

Strategy: one index per scope, from pattern to its terms. A lookup probes, in each of the few
scopes a call falls under, the number itself and then only those prefix lengths that the scope
has. What entries have in common (action, validity, cause, reason) is kept once and shared, so
that a list of a million numbers costs little more than its numbers.

The length of a match is the number of digits that agree: an exact number and a prefix of all
its digits are equally long, `+*` and `anonymous` have length 0. At equal length allow beats
block; then the narrower scope wins: the number, its customer, the accounts above, the platform.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from dialplan.causes import is_known_cause
from dialplan.errors import Fault, InvalidEntry
from dialplan.numbers import E164, Caller, is_e164
from dialplan.scope import PLATFORM, Scope
from dialplan.validity import is_within, validity_faults

ANONYMOUS_PATTERN = "anonymous"

_PREFIX = re.compile(r"\+([1-9][0-9]{0,14})?\*")


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

    Raises:
        InvalidEntry: the pattern, the scope, the validity or the cause cannot be.
    """

    pattern: str
    scope: Scope = PLATFORM
    action: Literal["block", "allow"] = "block"
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    cause: str = "CALL_REJECTED"
    reason: str = ""

    def __post_init__(self) -> None:
        """Refuse an entry that could never match, or not as meant."""
        faults = tuple(_faults(self))
        if faults:
            raise InvalidEntry(*faults)


def _faults(entry: BlacklistEntry) -> Iterator[Fault]:
    pattern = entry.pattern
    if not (pattern == ANONYMOUS_PATTERN or is_e164(pattern) or _PREFIX.fullmatch(pattern)):
        wanted = "a number such as +41795550001, a prefix such as +4179*, nor anonymous"
        yield Fault(path="pattern", message=f"{pattern[:64]!r} is neither {wanted}")
    if (entry.scope.kind == "platform") != (not entry.scope.id):
        yield Fault(path="scope", message="a number or a customer must be named, no platform")
    yield from validity_faults(
        entry.valid_from, entry.valid_until, since_path="valid_from", until_path="valid_until"
    )
    if not is_known_cause(entry.cause):
        yield Fault(path="cause", message=f"{entry.cause[:64]!r} is not a hangup cause")


class _Terms(NamedTuple):
    """Everything of an entry but its scope and pattern, in the order of the entry's fields."""

    action: Literal["block", "allow"]
    valid_from: datetime | None
    valid_until: datetime | None
    cause: str
    reason: str


class _ScopeIndex:
    """The entries of one scope, by pattern.

    A pattern has one tuple of terms for each time it was entered, nearly always one.
    """

    __slots__ = ("by_pattern", "prefix_lengths")

    def __init__(self) -> None:
        self.by_pattern: dict[str, tuple[_Terms, ...]] = {}
        self.prefix_lengths: tuple[int, ...] = ()  # in digits, longest first

    def add(self, pattern: str, terms: tuple[_Terms, ...]) -> None:
        known = self.by_pattern.get(pattern)
        self.by_pattern[pattern] = terms if known is None else known + terms
        length = len(pattern) - len("+*")
        if pattern.endswith("*") and length not in self.prefix_lengths:
            self.prefix_lengths = tuple(sorted((*self.prefix_lengths, length), reverse=True))

    def longest(self, caller: Caller, at: datetime) -> tuple[int, str, _Terms] | None:
        """Find the longest pattern in force: its length in digits, itself, its terms."""
        best: tuple[int, str, _Terms] | None = None
        for length, pattern in self._patterns(caller):
            if best is not None and length < best[0]:
                break
            for terms in self.by_pattern.get(pattern, ()):
                if not is_within(at, terms.valid_from, terms.valid_until):
                    continue
                if best is None or (terms.action == "allow" != best[2].action):
                    best = length, pattern, terms
        return best

    def _patterns(self, caller: Caller) -> Iterator[tuple[int, str]]:
        """Give what could match, longest first."""
        number = caller.number
        if number is not None:
            digits = len(number) - len("+")
            yield digits, number
            for length in self.prefix_lengths:
                if length <= digits:
                    yield length, f"{number[: length + 1]}*"
        if caller.withheld or number is None:
            yield 0, ANONYMOUS_PATTERN


class Blacklist:
    """All entries, indexed.

    Args:
        entries: in any order; read once. Of two entries that differ in neither scope, pattern
            nor action, the one given first decides while both are in force.
    """

    __slots__ = ("_by_scope", "_length")

    def __init__(self, entries: Iterable[BlacklistEntry] = ()) -> None:
        self._by_scope: dict[Scope, _ScopeIndex] = {}
        self._length = 0
        shared: dict[_Terms, tuple[_Terms, ...]] = {}
        for entry in entries:
            terms = _Terms(
                entry.action, entry.valid_from, entry.valid_until, entry.cause, entry.reason
            )
            index = self._by_scope.setdefault(entry.scope, _ScopeIndex())
            index.add(entry.pattern, shared.setdefault(terms, (terms,)))
            self._length += 1

    def __len__(self) -> int:
        """Give the number of entries."""
        return self._length

    def match(
        self, caller: Caller, *, number: E164, customers: Sequence[str], at: datetime
    ) -> BlacklistEntry | None:
        """Give the entry that decides about a caller, or None when none speaks of them.

        Args:
            caller: who calls.
            number: the service number called.
            customers: the ids of its customer and of the accounts above, nearest first.
            at: the aware instant of the call.

        Returns:
            The entry, of either action: only a `block` refuses the caller.
        """
        best: tuple[tuple[int, bool], Scope, str, _Terms] | None = None
        reach = (
            Scope("number", number),
            *(Scope("customer", customer) for customer in customers),
            PLATFORM,
        )
        for scope in reach:
            index = self._by_scope.get(scope)
            found = index.longest(caller, at) if index is not None else None
            if found is None:
                continue
            length, pattern, terms = found
            weight = length, terms.action == "allow"
            if best is None or weight > best[0]:
                best = weight, scope, pattern, terms
        return _entry(*best[1:]) if best is not None else None


def _entry(scope: Scope, pattern: str, terms: _Terms) -> BlacklistEntry:
    return BlacklistEntry(
        pattern=pattern,
        scope=scope,
        action=terms.action,
        valid_from=terms.valid_from,
        valid_until=terms.valid_until,
        cause=terms.cause,
        reason=terms.reason,
    )
