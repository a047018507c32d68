"""Operators: whose network a call came from, and when that is not to be concluded."""

from __future__ import annotations

import pytest

from dialplan import E164, Caller, InvalidOperator, Operator, Operators, shared_faults

LAKE = Operator(
    code="lake",
    networks=frozenset({"192.0.2.0/24", "2001:db8::/32"}),
    prefixes=frozenset({"+4179"}),
)
ALP = Operator(
    code="alp", networks=frozenset({"192.0.2.128/25"}), prefixes=frozenset({"+41795"})
)
OPERATORS = Operators((LAKE, ALP))


def make_caller(number: str | None = "+41790000001", *, withheld: bool = False) -> Caller:
    """Make a caller."""
    known = None if number is None else E164(number)
    return Caller(raw=number or "", number=known, withheld=withheld)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.5", LAKE),
        ("192.0.2.200", ALP),
        ("2001:db8::7", LAKE),
        ("198.51.100.1", None),
        ("", None),
        ("trunk.example", None),
    ],
)
def test_the_narrowest_network_tells(address: str, expected: Operator | None) -> None:
    """A trunk's address is one operator's, whatever number calls."""
    assert OPERATORS.at(address) is expected


@pytest.mark.parametrize(
    ("number", "expected"),
    [("+41790000001", LAKE), ("+41795550001", ALP), ("+41445550101", None), (None, None)],
)
def test_over_other_trunks_the_longest_prefix_tells(
    number: str | None, expected: Operator | None
) -> None:
    """A transit network brings everybody's callers."""
    assert OPERATORS.of("198.51.100.1", make_caller(number), is_asserted=True) is expected


def test_the_trunk_tells_more_than_the_number() -> None:
    """A number ported to the operator of the trunk is still in another one's range."""
    caller = make_caller("+41795550001")

    assert OPERATORS.of("192.0.2.5", caller, is_asserted=True) is LAKE


@pytest.mark.parametrize(("withheld", "is_asserted"), [(True, True), (False, False)])
def test_a_number_withheld_or_only_claimed_tells_nothing(
    withheld: bool, is_asserted: bool
) -> None:
    """Nobody is told a withheld number for its range, or billed for one anybody may claim."""
    caller = make_caller(withheld=withheld)

    assert OPERATORS.of("198.51.100.1", caller, is_asserted=is_asserted) is None
    assert OPERATORS.of("192.0.2.5", caller, is_asserted=is_asserted) is LAKE


def test_without_operators_nothing_is_known() -> None:
    """Which is how it is until somebody configures them."""
    assert Operators().of("192.0.2.5", make_caller(), is_asserted=True) is None


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"code": "a b"}, "code: not letters, digits, dots, hyphens, underscores"),
        ({"code": "unknown"}, "code: unknown is the name of those not told here"),
        (
            {"networks": frozenset({"192.0.2.1/24"})},
            "networks: '192.0.2.1/24' is not a network such as 192.0.2.0/24",
        ),
        (
            {"prefixes": frozenset({"079"})},
            "prefixes: '079' is not a prefix such as +4179",
        ),
    ],
)
def test_faults(fields: dict[str, object], sentence: str) -> None:
    """Each is told with the field it is in."""
    with pytest.raises(InvalidOperator) as refusal:
        Operator(**({"code": "lake"} | fields))  # type: ignore[arg-type]

    assert [str(fault) for fault in refusal.value.faults] == [sentence]


def test_a_claim_of_two_operators_is_a_fault() -> None:
    """A call would be either's."""
    other = Operator(code="other", prefixes=frozenset({"+4179"}))

    assert [str(fault) for fault in shared_faults([LAKE, other])] == [
        "other.prefixes: +4179 is an entry of lake, too"
    ]
