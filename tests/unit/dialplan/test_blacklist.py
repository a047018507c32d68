"""The blacklist: longest match, then allow, then the narrower scope."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dialplan import Blacklist, BlacklistEntry, Caller, InvalidEntry, Scope
from tests.dialplan_builders import MOBILE, MONDAY_NOON, NUMBER, make_caller

_HOUR = timedelta(hours=1)
_THIS_NUMBER = Scope("number", NUMBER)
_CUSTOMER = Scope("customer", "acme")
_PARENT = Scope("customer", "holding")


def _match(*entries: BlacklistEntry, caller: Caller | None = None) -> BlacklistEntry | None:
    return Blacklist(entries).match(
        caller or make_caller(), number=NUMBER, customers=("acme", "holding"), at=MONDAY_NOON
    )


def _entry(pattern: str, action: str = "block", scope: Scope | None = None) -> BlacklistEntry:
    return BlacklistEntry(
        pattern=pattern,
        action="allow" if action == "allow" else "block",
        scope=scope or Scope("platform"),
    )


@pytest.mark.parametrize("pattern", [MOBILE, "+4179*", "+*", f"{MOBILE}*"])
def test_patterns_that_match(pattern: str) -> None:
    """The number itself and every beginning of it."""
    assert _match(_entry(pattern)) == _entry(pattern)


@pytest.mark.parametrize("pattern", ["+41795550002", "+4178*", f"{MOBILE}0*", "anonymous"])
def test_patterns_that_do_not_match(pattern: str) -> None:
    """Other numbers, other or longer prefixes, and anonymity when the number is shown."""
    assert _match(_entry(pattern)) is None


@pytest.mark.parametrize(
    "caller",
    [
        make_caller(withheld=True),
        make_caller(None),
        Caller(raw="garbage", number=None),
    ],
)
def test_anonymous_callers(caller: Caller) -> None:
    """Who withholds the number, or has none, is anonymous."""
    assert _match(_entry("anonymous"), caller=caller) == _entry("anonymous")


def test_a_withheld_number_still_matches() -> None:
    """Withholding does not get round a block, and any digits are longer than anonymity."""
    withheld = make_caller(withheld=True)

    assert _match(_entry("+4179*"), caller=withheld) == _entry("+4179*")
    assert _match(_entry("anonymous", "allow"), _entry("+4*"), caller=withheld) == _entry("+4*")


def test_the_longest_pattern_wins_over_action_and_scope() -> None:
    """A block of the platform beats a shorter allowance of the number."""
    longer = _entry("+41795*")
    shorter = _entry("+4179*", "allow", _THIS_NUMBER)

    assert _match(shorter, longer) == longer
    assert _match(longer, shorter) == longer


def test_at_equal_length_allow_beats_block_before_the_narrower_scope() -> None:
    """An allowance of the platform beats a block of the number; exact and prefix are equal."""
    block = _entry("+4179*", "block", _THIS_NUMBER)
    allow = _entry("+4179*", "allow")

    assert _match(block, allow) == allow
    assert _match(_entry(MOBILE), _entry(f"{MOBILE}*", "allow")) == _entry(
        f"{MOBILE}*", "allow"
    )


def test_then_the_narrower_scope_wins() -> None:
    """Number before customer before the account above before the platform."""
    scopes = (_THIS_NUMBER, _CUSTOMER, _PARENT, Scope("platform"))
    entries = [_entry("+4179*", scope=scope) for scope in scopes]

    for index, narrowest in enumerate(entries):
        assert _match(*reversed(entries[index:])) == narrowest


@pytest.mark.parametrize(
    "scope",
    [Scope("number", "+41900123457"), Scope("customer", "other"), Scope("customer", NUMBER)],
)
def test_entries_of_others_do_not_count(scope: Scope) -> None:
    """Another number, another customer, a customer who is called like a number."""
    assert _match(_entry("+4179*", scope=scope)) is None


@pytest.mark.parametrize(
    ("since", "until", "holds"),
    [(0, None, True), (1, None, False), (None, 0, False), (None, 1, True), (-1, 1, True)],
)
def test_validity(since: int | None, until: int | None, holds: bool) -> None:
    """From its first instant until just before its last; the shorter one then decides."""
    timed = BlacklistEntry(
        pattern=MOBILE,
        valid_from=MONDAY_NOON + since * _HOUR if since is not None else None,
        valid_until=MONDAY_NOON + until * _HOUR if until is not None else None,
        reason="for a while",
    )

    assert _match(timed, _entry("+4179*")) == (timed if holds else _entry("+4179*"))


def test_one_pattern_may_be_entered_twice() -> None:
    """While both are in force allow beats block, and of two blocks the first given decides."""
    first, second = (
        BlacklistEntry(pattern=MOBILE, reason=reason) for reason in ("first", "second")
    )
    allow = _entry(MOBILE, "allow")

    assert _match(first, second) == first
    assert _match(first, allow, second) == allow
    assert _match(allow, first) == allow


def test_the_entry_comes_back_whole() -> None:
    """Cause and reason are those that were entered."""
    entry = BlacklistEntry(pattern="+4179*", scope=_CUSTOMER, cause="USER_BUSY", reason="noise")

    assert _match(entry) == entry


def test_it_counts_its_entries() -> None:
    """Also those that share a pattern."""
    assert len(Blacklist([_entry("+4179*"), _entry("+4179*"), _entry("anonymous")])) == 3


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"pattern": ""}, "pattern"),
        ({"pattern": "0795550001"}, "pattern"),
        ({"pattern": "+4179"}, "pattern"),
        ({"pattern": "+41*79"}, "pattern"),
        ({"pattern": "*"}, "pattern"),
        ({"pattern": "+" + "1" * 16 + "*"}, "pattern"),
        ({"pattern": "Anonymous"}, "pattern"),
        ({"scope": Scope("number")}, "scope"),
        ({"scope": Scope("platform", "acme")}, "scope"),
        ({"cause": "GO_AWAY"}, "cause"),
        ({"valid_from": MONDAY_NOON, "valid_until": MONDAY_NOON}, "valid_until"),
        ({"valid_from": MONDAY_NOON.replace(tzinfo=None)}, "valid_from"),
    ],
)
def test_entries_that_could_never_match_are_refused(
    changes: dict[str, object], path: str
) -> None:
    """Each with the path of the field."""
    with pytest.raises(InvalidEntry) as refusal:
        BlacklistEntry(**({"pattern": MOBILE} | changes))  # type: ignore[arg-type]

    assert [fault.path for fault in refusal.value.faults] == [path]


def test_a_draft_is_the_next_blacklist_and_leaves_the_last_one_alone() -> None:
    """Entries are added and removed without building the rest again."""
    last = Blacklist((_entry(MOBILE), _entry("+4144*")))

    draft = last.draft()
    draft.add(("+4143*", "+4122*"), _entry("+4143*"))
    draft.remove("+4144*", Scope("platform"))
    draft.remove("+4199*", Scope("platform"))
    following = draft.done()

    zurich = make_caller("+41445550101")
    found = [
        blacklist.match(zurich, number=NUMBER, customers=(), at=MONDAY_NOON)
        for blacklist in (last, following)
    ]
    assert [entry and entry.pattern for entry in found] == ["+4144*", None]
    assert (len(last), len(following)) == (2, 3)


def test_a_draft_refuses_what_is_no_pattern() -> None:
    """Also in a list of patterns that share their terms."""
    with pytest.raises(InvalidEntry):
        Blacklist(()).draft().add(("+41*", "79*"), _entry("+41*"))
