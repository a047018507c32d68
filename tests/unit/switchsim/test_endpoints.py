"""Endpoints of bridge strings."""

import pytest

from switchsim.dialplan import service_numbers
from switchsim.endpoints import Place, resolve
from switchsim.settings import Gateway, Settings, address

_SETTINGS = Settings(
    sip=("127.0.0.1", 0),
    event_socket=("127.0.0.1", 0),
    password="secret",
    dialplan=service_numbers("127.0.0.1:1"),
    gateways={"gw": Gateway(name="gw", host="10.0.0.1", port=5080)},
)


def test_a_user_at_a_host():
    """An endpoint of the profile is rung where it says."""
    assert resolve(_SETTINGS, "sofia/external/+4144@127.0.0.1:5090") == Place(
        uri="sip:+4144@127.0.0.1:5090", target=("127.0.0.1", 5090), user="+4144"
    )


def test_a_number_through_a_gateway():
    """A gateway's address comes from the settings."""
    assert resolve(_SETTINGS, "sofia/gateway/gw/+4144") == Place(
        uri="sip:+4144@10.0.0.1:5080", target=("10.0.0.1", 5080), user="+4144"
    )


@pytest.mark.parametrize(
    ("endpoint", "cause"),
    [
        ("sofia/internal/1@h", "INVALID_PROFILE"),
        ("sofia/gateway/other/1", "INVALID_GATEWAY"),
        ("loopback/1", "CHAN_NOT_IMPLEMENTED"),
        ("sofia/external/1", "DESTINATION_OUT_OF_ORDER"),
    ],
)
def test_what_makes_no_sense_has_a_cause(endpoint, cause):
    """A malformed endpoint fails with the cause the switch gives."""
    assert resolve(_SETTINGS, endpoint) == cause


@pytest.mark.parametrize("text", ["", "h", "h:", ":1", "h:99999", "h:x"])
def test_what_is_no_address_is_refused(text):
    """Host and port must both be there."""
    with pytest.raises(ValueError, match="host:port"):
        address(text)
