"""Tests of callcontrol.calls.caller."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from callcontrol.calls.caller import caller_of, is_withheld
from tests.builders import make_channel

TRUNKS = [ip_network("127.0.0.0/8")]


class TestCallerOf:
    def test_believes_a_trusted_trunk(self):
        """The asserted identity, which the switch puts into the caller ID, goes before From."""
        channel = make_channel(caller="+41445550100", from_user="+41795550001")

        caller = caller_of(channel, TRUNKS)

        assert (caller.raw, caller.number) == ("+41445550100", "+41445550100")

    def test_takes_from_of_a_trunk_that_is_not_trusted(self):
        """Anybody can write a P-Asserted-Identity."""
        channel = make_channel(
            caller="+41445550100", from_user="+41795550001", sip_network_ip="192.0.2.7"
        )

        assert caller_of(channel, TRUNKS).number == "+41795550001"

    def test_keeps_raw_what_is_no_number(self):
        """A caller without a number is still told apart by what was sent."""
        channel = make_channel(caller="alice", from_user="alice")

        caller = caller_of(channel, TRUNKS)

        assert (caller.raw, caller.number, caller.withheld) == ("alice", None, False)

    def test_copes_with_nothing_at_all(self):
        """The switch leaves the headers out when a caller sent no user."""
        channel = make_channel(caller=None, from_user=None)

        assert caller_of(channel, TRUNKS).raw == ""


class TestIsWithheld:
    @pytest.mark.parametrize(
        "asked",
        [
            {"hide_number": True},
            {"sip_Privacy": "id"},
            {"sip_Privacy": "user"},
            {"sip_Privacy": "header;session"},
            {"sip_Privacy": "Critical; ID"},
            {"from_user": "anonymous"},
            {"from_user": "Anonymous"},
            {"from_user": "anonymous;x=1"},
            {"sip_from_host": "anonymous.invalid"},
            {"sip_from_host": "Anonymous.invalid."},
            {"sip_Remote-Party-ID": "<sip:+41795550001@127.0.0.1>;party=calling;privacy=uri"},
            {"sip_Remote-Party-ID": '<sip:+41795550001@127.0.0.1>; Privacy = "full"'},
            {"sip_Remote-Party-ID": "<sip:+41795550001@127.0.0.1>;privacy=uri-network"},
        ],
    )
    def test_knows_every_way_to_ask(self, asked):
        """Each way to withhold a number counts, though the switch's own flag knows but some."""
        assert is_withheld(make_channel(**asked))

    @pytest.mark.parametrize(
        "asked",
        [
            {},
            {"sip_Privacy": "none"},
            {"sip_Privacy": ""},
            {"sip_Remote-Party-ID": "<sip:+41795550001@127.0.0.1>;party=calling;privacy=off"},
            {"sip_Remote-Party-ID": "<sip:+41795550001@127.0.0.1>;privacy=name;screen=yes"},
        ],
    )
    def test_shows_who_does_not_ask(self, asked):
        """Nothing is hidden that nobody wanted hidden."""
        assert not is_withheld(make_channel(**asked))
