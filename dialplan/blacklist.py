"""Callers refused or let through: exact numbers and prefixes, the longest match wins.

Strategy: one index, from scope and pattern to the terms. A lookup probes, in each of the few
scopes a call falls under, the number itself and then only those prefix lengths that the scope
has. What entries have in common (action, validity, cause, reason) is kept once and shared, so
that a list of a million numbers costs little more than its numbers. The index lies in a
thousand parts: the next blacklist shares all parts but those in which something changed.

The length of a match is the number of digits that agree: an exact number and a prefix of all
its digits are equally long, `+*` and `anonymous` have length 0. At equal length allow beats
block; then the narrower scope wins: the number, its customer, the accounts above, the platform.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple, TypeAlias

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
    if not is_pattern(pattern):
        yield _no_pattern(pattern)
    if (entry.scope.kind == "platform") != (not entry.scope.id):
        yield Fault(path="scope", message="a number or a customer must be named, no platform")
    yield from validity_faults(
        entry.valid_from, entry.valid_until, since_path="valid_from", until_path="valid_until"
    )
    if not is_known_cause(entry.cause):
        yield Fault(path="cause", message=f"{entry.cause[:64]!r} is not a hangup cause")


def is_pattern(text: str) -> bool:
    """Say whether text can be a pattern: a number in E.164, a prefix, `anonymous`."""
    return is_e164(text) or text == ANONYMOUS_PATTERN or _PREFIX.fullmatch(text) is not None


def _no_pattern(text: str) -> Fault:
    wanted = "a number such as +41795550001, a prefix such as +4179*, nor anonymous"
    return Fault(path="pattern", message=f"{text[:64]!r} is neither {wanted}")


class _Terms(NamedTuple):
    """Everything of an entry but its scope and pattern, in the order of the entry's fields."""

    action: Literal["block", "allow"]
    valid_from: datetime | None
    valid_until: datetime | None
    cause: str
    reason: str


_Index: TypeAlias = dict[str, tuple[_Terms, ...]]
"""Terms by key: one tuple for each time a pattern was entered in a scope, nearly always one."""

_PARTS = 1024


def _prefix_of_keys(scope: Scope) -> str:
    return "" if scope.kind == "platform" else f"{scope.kind}:{scope.id} "


class Blacklist:
    """All entries, indexed.

    Args:
        entries: in any order; read once. Of two entries that differ in neither scope, pattern
            nor action, the one given first decides while both are in force.
    """

    __slots__ = ("_length", "_parts", "_prefix_lengths")

    def __init__(self, entries: Iterable[BlacklistEntry] = ()) -> None:
        # An empty part is the same one everywhere: none is ever changed here.
        self._parts: tuple[_Index, ...] = ({},) * _PARTS
        # By what a scope's keys begin with: in digits, longest first. A scope without lines is
        # not there.
        self._prefix_lengths: Mapping[str, tuple[int, ...]] = {}
        self._length = 0
        draft = BlacklistDraft(self)
        for entry in entries:
            draft.add((entry.pattern,), entry)
        filled = draft.done()
        self._parts, self._prefix_lengths = filled._parts, filled._prefix_lengths
        self._length = filled._length

    def __len__(self) -> int:
        """Give the number of entries."""
        return self._length

    def draft(self) -> BlacklistDraft:
        """Begin the next blacklist; this one stays as it is."""
        return BlacklistDraft(self)

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
            start = _prefix_of_keys(scope)
            lengths = self._prefix_lengths.get(start)
            if lengths is None:
                continue
            found = self._longest(start, lengths, caller, at)
            if found is None:
                continue
            length, pattern, terms = found
            weight = length, terms.action == "allow"
            if best is None or weight > best[0]:
                best = weight, scope, pattern, terms
        return _entry(*best[1:]) if best is not None else None

    def _longest(
        self, start: str, lengths: tuple[int, ...], caller: Caller, at: datetime
    ) -> tuple[int, str, _Terms] | None:
        """Find a scope's longest pattern in force: its length in digits, itself, its terms."""
        best: tuple[int, str, _Terms] | None = None
        for length, pattern in _patterns(lengths, caller):
            if best is not None and length < best[0]:
                break
            key = start + pattern
            for terms in self._parts[hash(key) % _PARTS].get(key, ()):
                if not is_within(at, terms.valid_from, terms.valid_until):
                    continue
                if best is None or (terms.action == "allow" != best[2].action):
                    best = length, pattern, terms
        return best


def _patterns(lengths: tuple[int, ...], caller: Caller) -> list[tuple[int, str]]:
    """Give what could match, longest first; lengths are those of the prefixes there are."""
    found = []
    number = caller.number
    if number is not None:
        digits = len(number) - len("+")
        found.append((digits, str(number)))
        found += [(n, number[: n + 1] + "*") for n in lengths if n <= digits]
    if caller.withheld or number is None:
        found.append((0, ANONYMOUS_PATTERN))
    return found


class BlacklistDraft:
    """The next blacklist: what does not change is shared with the last one.

    Args:
        last: stays as it is.
    """

    def __init__(self, last: Blacklist) -> None:
        self._parts = list(last._parts)
        self._own: set[int] = set()  # parts that are copies
        self._prefix_lengths = dict(last._prefix_lengths)
        self._length = last._length
        self._shared: dict[_Terms, tuple[_Terms, ...]] = {}

    def add(self, patterns: Iterable[str], like: BlacklistEntry) -> None:
        """Add entries that differ in their patterns alone.

        Raises:
            InvalidEntry: a pattern is none; those before it are in.
        """
        own = _Terms(like.action, like.valid_from, like.valid_until, like.cause, like.reason)
        terms = self._shared.setdefault(own, (own,))
        start = _prefix_of_keys(like.scope)
        self._prefix_lengths.setdefault(start, ())
        for pattern in patterns:
            if not is_e164(pattern):
                if not is_pattern(pattern):
                    raise InvalidEntry(_no_pattern(pattern))
                self._note_prefix(start, pattern)
            key = start + pattern
            part = self._part_of(key)
            known = part.get(key)
            part[key] = terms if known is None else known + terms
            self._length += 1

    def remove(self, pattern: str, scope: Scope) -> None:
        """Remove all entries of a pattern and a scope; harmless when there are none."""
        key = _prefix_of_keys(scope) + pattern
        if key in self._parts[hash(key) % _PARTS]:
            self._length -= len(self._part_of(key).pop(key))

    def done(self) -> Blacklist:
        """Give the new blacklist; the draft is then at its end."""
        made = object.__new__(Blacklist)
        made._parts = tuple(self._parts)
        made._prefix_lengths = self._prefix_lengths
        made._length = self._length
        return made

    def _part_of(self, key: str) -> _Index:
        """Give the part a key lies in, to change it."""
        index = hash(key) % _PARTS
        if index not in self._own:
            self._own.add(index)
            self._parts[index] = dict(self._parts[index])
        return self._parts[index]

    def _note_prefix(self, start: str, pattern: str) -> None:
        """Note that prefixes of a length are to be probed; they are not forgotten again."""
        length = len(pattern) - len("+*")
        known = self._prefix_lengths[start]
        if pattern.endswith("*") and length not in known:
            self._prefix_lengths[start] = tuple(sorted((*known, length), reverse=True))


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
