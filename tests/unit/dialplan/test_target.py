"""Targets, steps and routes: what can be rung."""

from __future__ import annotations

import pytest

from dialplan import (
    InvalidRoute,
    InvalidTarget,
    Outcome,
    Route,
    Step,
    Target,
    kind_of_line,
    parse_target,
)
from dialplan.target import sip_parts
from tests.dialplan_builders import make_route, make_step, make_target


@pytest.mark.parametrize(
    ("text", "kind", "address"),
    [
        ("044 555 01 01", "pstn", "+41445550101"),
        ("0041 79 555 00 01", "pstn", "+41795550001"),
        ("sip:desk@pbx.example.net", "sip", "sip:desk@pbx.example.net"),
        (" SIP:desk@192.0.2.7:5080 ", "sip", "sip:desk@192.0.2.7:5080"),
        ("sips:pbx.example.net;transport=tls", "sip", "sips:pbx.example.net;transport=tls"),
        ("sip:+41445550101@[2001:db8::1]", "sip", "sip:+41445550101@[2001:db8::1]"),
    ],
)
def test_a_target_is_read_as_people_write_it(text: str, kind: str, address: str) -> None:
    """Numbers in any dialled form, SIP URIs as they are."""
    target = parse_target(text, gateways=("a",))

    assert (kind, address) == (target.kind, target.address)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("117", "117 is an emergency number"),
        ("+41 144", "is an emergency number"),
        ("1811", "1811 is a short number"),
        ("office", "'office' is neither a number nor a SIP URI"),
        ("sip:", "is not a SIP URI"),
        ("sip:a b@example.net", "is not a SIP URI"),
        ("sip:a@example.net,sofia/external/1", "is not a SIP URI"),
        ("sip:${x}@example.net", "is not a SIP URI"),
        ("sip:a@example.net?Header=1", "is not a SIP URI"),
        ("sip:a@example.net;transport=x", "is not a SIP URI"),
    ],
)
def test_what_no_target_can_be(text: str, sentence: str) -> None:
    """Emergency and short numbers, and whatever a dial string would misread."""
    with pytest.raises(InvalidTarget) as refusal:
        parse_target(text, gateways=("a",))

    assert sentence in str(refusal.value)


def test_a_number_needs_a_gateway_and_each_only_once() -> None:
    """Without a gateway there is no way to the telephone network."""
    with pytest.raises(InvalidTarget, match="names no gateway"):
        Target(kind="pstn", address="+41445550101")
    with pytest.raises(InvalidTarget, match="names a twice"):
        make_target("+41445550101", "a", "b", "a")
    with pytest.raises(InvalidTarget, match="'0445550101' is not in E"):
        make_target("0445550101")


def test_a_sip_uri_is_taken_apart() -> None:
    """User, host and port, with the port of its scheme; a number has none of them."""
    assert sip_parts(parse_target("sip:pbx.example.net")) == ("", "pbx.example.net", 5060)
    assert sip_parts(parse_target("sips:a@[::1]")) == ("a", "[::1]", 5061)
    assert sip_parts(parse_target("sip:a@b:5070")) == ("a", "b", 5070)
    with pytest.raises(InvalidTarget, match="is not a SIP URI"):
        sip_parts(make_target())


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("sip:desk@pbx.example.net", "voip"),
        ("044 555 01 01", "fixed"),
        ("079 555 00 01", "mobile"),
        ("+49 170 1234567", "international"),
    ],
)
def test_what_a_target_is_settled_as(text: str, kind: str) -> None:
    """The transport price depends on the kind of line."""
    assert kind_of_line(parse_target(text, gateways=("a",))) == kind


@pytest.mark.parametrize(
    ("targets", "ring_s", "path"),
    [
        ((), 25, "targets"),
        ((make_target(),) * 2, 25, "targets"),
        ((make_target(),), 0, "ring_s"),
        ((make_target(),), 301, "ring_s"),
        (tuple(make_target(f"+4144555{n:04}") for n in range(21)), 25, "targets"),
    ],
)
def test_a_step_rings_something_for_a_while(
    targets: tuple[Target, ...], ring_s: int, path: str
) -> None:
    """One to twenty different targets, 1 to 300 seconds."""
    with pytest.raises(InvalidRoute) as refusal:
        Step(targets=targets, ring_s=ring_s)

    assert [fault.path for fault in refusal.value.faults] == [path]


def test_the_ends_of_the_ranges_are_allowed() -> None:
    """Twenty targets, one second or three hundred; a route of half an hour."""
    targets = tuple(make_target(f"+4144555{n:04}") for n in range(20))

    assert [make_step(*targets, ring_s=ring_s).ring_s for ring_s in (1, 300)] == [1, 300]
    assert make_route(limit_s=1800).limit_s == 1800


def test_what_is_not_said_is_as_usual() -> None:
    """A step rings 25 seconds and every outcome moves on; a route rings two minutes."""
    step = Step(targets=(make_target(),))

    assert (step.ring_s, step.next_on) == (25, frozenset(Outcome))
    assert Route(name="office", steps=(step,)).limit_s == 120


def test_a_route_has_steps_and_a_limit() -> None:
    """Both faults are told at once."""
    with pytest.raises(InvalidRoute) as refusal:
        Route(name="office", steps=(), limit_s=0)

    assert str(refusal.value) == "steps: has no step; limit_s: is not from 1 to 1800 seconds"
    assert make_route(make_step(), limit_s=1).limit_s == 1
