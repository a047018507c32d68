"""The small SIP parties."""

import pytest

from switchsim.phones.destination import Behaviour, parse_behaviour, parse_rule
from switchsim.phones.message import build, parse, reply, session, uri_of

_SOURCE = ("127.0.0.1", 5060)


def _invite(extra=""):
    text = (
        "INVITE sip:+4144@127.0.0.1:5090 SIP/2.0\r\n"
        "Via: SIP/2.0/UDP 127.0.0.1:5080;branch=z9hG4bKa\r\n"
        "From: <sip:1@h>;tag=f\r\nTo: <sip:2@h>\r\nCall-ID: c\r\nCSeq: 7 INVITE\r\n"
        f"{extra}Content-Length: 0\r\n\r\n"
    )
    return parse(text.encode(), _SOURCE)


class TestMessage:
    """Reading and writing."""

    def test_a_request_is_taken_apart(self):
        """Method, user, branch and Call-ID are found."""
        invite = _invite()

        assert (invite.method, invite.user, invite.branch, invite.call_id, invite.code) == (
            "INVITE", "+4144", "z9hG4bKa", "c", 0,
        )  # fmt: skip

    def test_an_answer_repeats_what_it_must(self):
        """Via, From, To with our tag, Call-ID and CSeq come back."""
        answer = parse(reply(_invite(), 200, "OK", tag="t", body=session(4000)), _SOURCE)

        assert (answer.code, answer.method, answer.header("to"), answer.header("cseq")) == (
            200, "INVITE", "<sip:2@h>;tag=t", "7 INVITE",
        )  # fmt: skip

    @pytest.mark.parametrize("data", [b"", b"\r\n\r\n", b"SIP/2.0 xx\r\n\r\n", b"\xff\x00"])
    def test_what_is_no_message_is_none(self, data):
        """Anything else on the socket is ignored."""
        assert parse(data, _SOURCE) is None

    def test_empty_headers_are_left_out(self):
        """A header without a value is not sent."""
        assert b"Privacy" not in build("X sip:h SIP/2.0", [("Privacy", "")])

    def test_the_uri_of_a_contact(self):
        """A URI is found with and without brackets."""
        assert (uri_of("<sip:a@h:1>;q=1"), uri_of("sip:a@h")) == ("sip:a@h:1", "sip:a@h")


class TestRules:
    """What a destination does."""

    def test_words_make_a_behaviour(self):
        """Words are joined by commas."""
        assert parse_behaviour("ring:50,answer:200,hangup:3") == Behaviour(
            ring_ms=50, answer_ms=200, hang_up_s=3.0
        )

    def test_a_refusal_comes_at_once(self):
        """A code without a time refuses immediately."""
        assert parse_behaviour("busy") == Behaviour(code=486, answer_ms=0)

    def test_a_rule_matches_the_whole_user(self):
        """The pattern must fit the called user from end to end."""
        rule = parse_rule(r"\+4144.*=silent")

        assert rule.behaviour.is_silent
        assert rule.pattern.fullmatch("+41445550190")
        assert not rule.pattern.fullmatch("0041445550190")

    @pytest.mark.parametrize("text", ["", "x", "x=dance", "x=answer:soon"])
    def test_what_is_no_rule_is_refused(self, text):
        """A rule that cannot be understood is named."""
        with pytest.raises(ValueError, match=r"."):
            parse_rule(text)
