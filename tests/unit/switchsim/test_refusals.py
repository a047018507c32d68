"""What is refused before there is a call: as a FreeSWITCH 1.11 answered the same requests."""

import pytest

from switchsim.refusals import SILENCE, read, refusal, response

BODY = (
    "v=0\r\no=caller 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 49172 RTP/AVP 8 0\r\n"
)
HEADERS = {
    "Via": "SIP/2.0/UDP 127.0.0.1:5999;branch=z9hG4bK1",
    "Max-Forwards": "70",
    "From": "<sip:+41795550001@127.0.0.1>;tag=t",
    "To": "<sip:0900500001@127.0.0.1:5080>",
    "Call-ID": "1@x",
    "Contact": "<sip:caller@127.0.0.1:5999>",
    "Content-Type": "application/sdp",
}


def request(method="INVITE", uri="sip:0900500001@127.0.0.1:5080", body=BODY, more=(), **own):
    """Write a request; `own` replaces headers, None drops one, `more` are further lines."""
    headers = {**HEADERS, "CSeq": f"1 {method}", "Content-Length": str(len(body))}
    headers |= {name.replace("_", "-"): value for name, value in own.items()}
    lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    return "\r\n".join([f"{method} {uri} SIP/2.0", *lines, *more, "", body])


def code(text):
    """Give the code a request is refused with; None when it is taken, 0 when unanswered."""
    parsed = read(text)
    refused = refusal(parsed) if parsed else SILENCE
    return refused.code if refused else None


@pytest.mark.parametrize(
    "user",
    ["a:b:c", "a%0D:b", "a:%20", "a b", "a<b", "a|b", "a{b}", "a[b", "a\\b", "a?b", 'a"b'],
)
def test_odd_users_are_taken(user):
    """Almost anything may stand for a user."""
    assert code(request(From=f"<sip:{user}@127.0.0.1>;tag=t")) is None


@pytest.mark.parametrize("user", ["a%zz", "a%", "a:%201%0D%0Ab:1"])
def test_broken_escapes_are_refused(user):
    """An escape must be one, and a password has no control characters."""
    assert code(request(From=f"<sip:{user}@127.0.0.1>;tag=t")) == 400


@pytest.mark.parametrize(
    ("sender", "expected"),
    [
        ("Bell, A <sip:a@x>;tag=1", 400),
        ("Bell A <sip:a@x>;tag=1", None),
        ("B(x) <sip:a@x>;tag=1", 400),
        ('"A "b" c" <sip:a@x>;tag=1', 400),
        ('"A" b <sip:a@x>;tag=1', 400),
        ('"A\\" <sip:a@x>;tag=1', 400),
        ('"A\\"" <sip:a@x>;tag=1', None),
        ("sip:a@x ;tag=1", None),
        ("<sip:a@x> ;tag=1", None),
        ('<sip:a@x>;tag=1;x="y"', None),
        ("<sip:a@x>;tag=1;;", 400),
        ("<sip:a@x>;tag=", 400),
        ("<sip:a@x", 400),
        ("a@x;tag=1", None),
        ("<>;tag=1", 400),
        ('"x" ;tag=1', 400),
        ("\xe9 <sip:a@x>;tag=1", 400),
        ('"\xe9" <sip:a@x>;tag=1', None),
        ("a.b!%*_+`'~ <sip:a@x>;tag=1", None),
        ("a@b <sip:a@x>;tag=1", 400),
        ("<sip:a@x>tag=1", 400),
        ('"a"<sip:a@x>;tag=1', None),
        ("<sip:a@x>;tag=a b", 400),
        ("<sip:a b@x>;tag=1", None),
        ('"a\0b" <sip:a@x>;tag=1', 400),
        ('"a\rX: 1" <sip:a@x>;tag=1', 400),
        ('"a\nX: 1" <sip:a@x>;tag=1', 400),
        ('"a\r\n X: 1" <sip:a@x>;tag=1', None),
    ],
)
def test_from(sender, expected):
    """A From header is an address with or without brackets, and nothing else."""
    assert code(request(From=sender)) == expected


@pytest.mark.parametrize(
    ("own", "expected"),
    [
        ({"Contact": None}, 400),
        ({"Max_Forwards": None}, None),
        ({"Content_Length": None}, None),
        ({"Content_Type": None}, None),
        ({"To": None}, 400),
        ({"Call_ID": None}, 400),
        ({"CSeq": None}, 400),
        ({"Content_Length": "10"}, 400),
        ({"Content_Length": "9999"}, 400),
        ({"Content_Length": "-999"}, 400),
        ({"Max_Forwards": "300"}, None),
        ({"CSeq": "4294967296 INVITE"}, 400),
        ({"CSeq": "4294967295 INVITE"}, None),
        ({"CSeq": "1 OPTIONS"}, 400),
        ({"Require": "timer, replaces"}, None),
        ({"Require": "100rel"}, 420),
        ({"Proxy_Require": "x"}, None),
        ({"Accept": ""}, 406),
        ({"Accept": "*/*"}, 406),
        ({"Accept": "text/plain, application/sdp"}, None),
        ({"Content_Type": "text/plain"}, 415),
        ({"Content_Type": "multipart/mixed;boundary=x"}, 415),
        ({"Content_Type": "bad"}, 400),
        ({"Content_Type": "APPLICATION/SDP"}, None),
        ({"Contact": "sip:a@127.0.0.1?Route=%3Csip:x%3E"}, 400),
        ({"Contact": "<sip:a@127.0.0.1>,<sip:b@127.0.0.1>"}, None),
        ({"Contact": '"x <sip:a@127.0.0.1>'}, 400),
        ({"Contact": "*"}, None),
        ({"Via": "SIP/2.0/UDP 127.0.0.1:5999;branch=z9hG4bK1;;,;,,"}, 0),
    ],
)
def test_headers(own, expected):
    """What is missing, broken or asks for too much."""
    assert code(request(**own)) == expected


@pytest.mark.parametrize(
    "line",
    ["From: <sip:b@x>;tag=2", "To: <sip:b@x>", "Call-ID: 5", "CSeq: 1 INVITE", "l: 138"],
)
def test_a_single_header_comes_once(line):
    """Of two nobody knows which counts."""
    assert code(request(more=(line,))) == 400


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("sips:a@127.0.0.1", None),
        ("tel:0900500001", None),
        ("http://x", 416),
        ("0900500001", 416),
        ("<sip:a@127.0.0.1>", 400),
        ("sip:127.0.0.1", None),
        ("sip:a%zz@127.0.0.1", 0),
        ("sip:a\0b@127.0.0.1", 0),
        ("sip:a b@127.0.0.1", 0),
    ],
)
def test_request_uri(uri, expected):
    """A URI of an unknown kind is told so, one that cannot be parsed is not answered."""
    assert code(request(uri=uri)) == expected


def test_the_answer_is_to_this_request():
    """Via, From, Call-ID and CSeq come back as they were; To has a tag."""
    parsed = read(request(Require="nobody-knows-this"))

    answer = response(parsed, refusal(parsed), tag="ours", agent="switch", allow="INVITE")

    assert answer.startswith("SIP/2.0 420 Bad Extension\r\nVia: " + HEADERS["Via"] + "\r\n")
    assert f"\r\nTo: {HEADERS['To']};tag=ours\r\n" in answer
    assert "\r\nUnsupported: nobody-knows-this\r\n" in answer
    assert "\r\nCSeq: 1 INVITE\r\n" in answer
