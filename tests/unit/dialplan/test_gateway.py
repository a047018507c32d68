"""Gateways: how each writes numbers, and what cannot be dialled."""

from __future__ import annotations

import pytest

from dialplan import E164, Gateway, InvalidGateway, written_for
from dialplan.gateway import NumberFormat


@pytest.mark.parametrize(
    ("number_format", "swiss", "german"),
    [
        ("e164", "+41445550101", "+491701234567"),
        ("international", "0041445550101", "00491701234567"),
        ("national", "0445550101", "00491701234567"),
        ("digits", "41445550101", "491701234567"),
    ],
)
def test_each_trunk_writes_numbers_its_way(
    number_format: NumberFormat, swiss: str, german: str
) -> None:
    """The format is the trunk's; numbers abroad have no national form."""
    gateway = Gateway(name="a", host="trunk.example", number_format=number_format)

    assert gateway.written(E164("+41445550101")) == swiss
    assert gateway.written(E164("+491701234567")) == german


def test_the_prefix_is_for_dialling_only() -> None:
    """A caller's number is written without it."""
    gateway = Gateway(name="a", host="192.0.2.1", prefix="99#", number_format="digits")

    assert written_for(gateway, E164("+41445550101")) == "99#41445550101"
    assert gateway.written(E164("+41445550101")) == "41445550101"


@pytest.mark.parametrize("host", ["trunk-1.example.net", "127.0.0.1", "[2001:db8::1]", "a"])
def test_hosts(host: str) -> None:
    """Names and both kinds of address are hosts."""
    assert Gateway(name="a", host=host).host == host


@pytest.mark.parametrize(
    "host", ["", "-a", "a-", "a b", "a,b", "a|b", "${x}", "a\n", "[::1", "a;b", "a" * 300]
)
def test_what_a_dial_string_would_misread_is_no_host(host: str) -> None:
    """No character that the switch gives a meaning gets in."""
    with pytest.raises(InvalidGateway, match="host: "):
        Gateway(name="a", host=host)


def test_all_faults_are_told_at_once() -> None:
    """Name, port and prefix are checked together."""
    with pytest.raises(InvalidGateway) as refusal:
        Gateway(name="a,b", host="a", port=65536, prefix="{x}")

    assert [fault.path for fault in refusal.value.faults] == ["name", "port", "prefix"]
