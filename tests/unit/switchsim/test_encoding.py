"""How the switch writes text."""

import pytest

from switchsim.encoding import from_sippy, show, to_sippy, url_encode


class TestUrlEncode:
    """Values of plain events."""

    @pytest.mark.parametrize(
        ("value", "on_the_wire"),
        [
            ("Muster Hans AG", "Muster%20Hans%20AG"),
            ("+41445550190", "%2B41445550190"),
            ("sip:486", "sip%3A486"),
            ("SIP/2.0/UDP 127.0.0.1:5070", "SIP/2.0/UDP%20127.0.0.1%3A5070"),
            ("Tue, 24 Nov", "Tue,%2024%20Nov"),
            ("ARRAY::a|:b", "ARRAY%3A%3Aa%7C%3Ab"),
            ("a\r\nb", "a%0D%0Ab"),
            ("gr\xc3\xbcezi", "gr%C3%BCezi"),
            ("\xff\xfe", "%FF%FE"),
        ],
    )
    def test_encodes_as_recorded(self, value, on_the_wire):
        """Unsafe characters and every byte outside ASCII are encoded, one by one."""
        assert url_encode(value) == on_the_wire

    def test_never_encodes_twice(self):
        """A literal %XX of a caller goes through as it is, so it cannot be told from ours."""
        assert url_encode("Evil%0AX: 1") == "Evil%0AX%3A%201"

    def test_a_percent_sign_alone_is_encoded(self):
        """Only % followed by two capital hexadecimal digits is left alone."""
        assert url_encode("100% %zz %0a") == "100%25%20%25zz%20%250a"

    def test_an_empty_value_is_undef(self):
        """An empty value is written out."""
        assert url_encode("") == "_undef_"


class TestThroughSippy:
    """Bytes that sippy would trip over."""

    @pytest.mark.parametrize("data", [b"plain", bytes(range(256)), b"\xc2\x85 \xe2\x80\xa8"])
    def test_every_byte_comes_back(self, data):
        """No byte is lost or changed on the way through sippy."""
        assert from_sippy(to_sippy(data)) == data

    def test_nothing_but_line_ends_splits_lines(self):
        """Control characters and U+0085 do not make new header lines."""
        text = to_sippy(b"From: a\x85b\x0bc\x1cd\r\nTo: x")

        assert len(text.splitlines()) == 2

    def test_show_gives_one_character_per_byte(self):
        """What sippy hands out is turned back into latin-1 text."""
        assert show(to_sippy(b"gr\xc3\xbcezi")) == "gr\xc3\xbcezi"
