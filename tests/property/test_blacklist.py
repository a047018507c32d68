"""Laws of the blacklist: it finds what a plain scan of all entries finds."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from dialplan import E164, Blacklist, BlacklistEntry, Caller, Scope
from tests.dialplan_builders import MONDAY_NOON, NUMBER

_REACH = (
    Scope("number", NUMBER),
    Scope("customer", "acme"),
    Scope("customer", "holding"),
    Scope("platform"),
)
_OTHERS = (Scope("number", "+41900000000"), Scope("customer", "other"))

# Few digits and few lengths, so that entries meet each other and the callers.
_NUMBERS = st.text("12", min_size=7, max_size=9).map(lambda digits: E164(f"+{digits}"))
_PREFIXES = st.text("12", max_size=9).map(lambda digits: f"+{digits}*")
_INSTANTS = st.none() | st.integers(-3, 3).map(
    lambda hours: MONDAY_NOON + timedelta(hours=hours)
)


@st.composite
def _entries(draw: st.DrawFn) -> BlacklistEntry:
    valid_from, valid_until = draw(_INSTANTS), draw(_INSTANTS)
    if valid_from is not None and valid_until is not None and valid_until <= valid_from:
        valid_until = None
    return BlacklistEntry(
        pattern=draw(_NUMBERS | _PREFIXES | st.just("anonymous")),
        scope=draw(st.sampled_from((*_REACH, *_OTHERS))),
        action=draw(st.sampled_from(("block", "allow"))),
        valid_from=valid_from,
        valid_until=valid_until,
        reason=draw(st.sampled_from(("", "noise"))),
    )


_CALLERS = st.builds(Caller, raw=st.text(), number=st.none() | _NUMBERS, withheld=st.booleans())


def _by_scan(entries: list[BlacklistEntry], caller: Caller) -> BlacklistEntry | None:
    """Look at every entry, as the rule is written."""
    best: tuple[int, bool, int] | None = None
    winner = None
    for entry in entries:
        if entry.scope not in _REACH or not _speaks_of(entry, caller):
            continue
        if entry.valid_from is not None and entry.valid_from > MONDAY_NOON:
            continue
        if entry.valid_until is not None and entry.valid_until <= MONDAY_NOON:
            continue
        digits = sum(character.isdigit() for character in entry.pattern)
        weight = (digits, entry.action == "allow", -_REACH.index(entry.scope))
        if best is None or weight > best:
            best, winner = weight, entry
    return winner


def _speaks_of(entry: BlacklistEntry, caller: Caller) -> bool:
    if entry.pattern == "anonymous":
        return caller.withheld or caller.number is None
    if caller.number is None:
        return False
    if entry.pattern.endswith("*"):
        return caller.number.startswith(entry.pattern[:-1])
    return caller.number == entry.pattern


@given(entries=st.lists(_entries(), max_size=30), caller=_CALLERS)
def test_it_finds_what_a_plain_scan_finds(
    entries: list[BlacklistEntry], caller: Caller
) -> None:
    """Longest match, then allow, then the narrower scope, then the first given."""
    blacklist = Blacklist(entries)
    found = blacklist.match(
        caller, number=NUMBER, customers=("acme", "holding"), at=MONDAY_NOON
    )

    assert len(blacklist) == len(entries)
    assert found == _by_scan(entries, caller)
