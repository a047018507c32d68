"""Which peers are within the networks allowed."""

from __future__ import annotations

import ipaddress

import pytest

from callcontrol.esl.listener import is_within

NETWORKS = (ipaddress.ip_network("192.0.2.0/24"), ipaddress.ip_network("2001:db8::/32"))


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("192.0.2.7", True),
        ("::ffff:192.0.2.7", True),
        ("192.0.3.7", False),
        ("2001:db8::1", True),
        ("2001:db8::1%eth0", True),
        ("2001:db9::1", False),
        ("127.0.0.1", False),
    ],
)
def test_a_peer_is_within_or_not(host, expected):
    """Both families, an IPv4 address also in its IPv6 form, with or without a zone."""
    assert is_within(host, NETWORKS) is expected
