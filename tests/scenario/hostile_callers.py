"""What hostile callers send, and what the switch answers: data for test_hostile_sip.

Answers, numbers and texts are those of a real FreeSWITCH 1.11.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.scenario.parties import CALLER

FROM = b"<sip:+41795550001@127.0.0.1>"
ANONYMOUS = b'"Anonymous" <sip:anonymous@anonymous.invalid>'
ASSERTED = b"P-Asserted-Identity: <sip:+41795550001@127.0.0.1>"


@dataclass(frozen=True)
class Hostile:
    """What a caller says of himself.

    Attributes:
        sender: the From header, without tag.
        headers: more lines of the INVITE.
        answer: the final answer; all but 200 are the switch's own: the engine hears of none.
        raw: the record's text of the caller.
        number: the number in it; None: none.
        is_withheld: it must be shown to nobody.
    """

    sender: bytes
    headers: tuple[bytes, ...] = ()
    answer: int | None = 200
    raw: str = CALLER
    number: str | None = CALLER
    is_withheld: bool = False


CALLERS = {
    "newline-in-name": Hostile(
        b'"Evil%0AX-Injected: 1%0D%0AX-Injected: 2" <sip:+41795550001@127.0.0.1>'
    ),
    "newline-in-user": Hostile(
        b"<sip:evil%0AX-Injected:%201%0D%0Avariable_injected:%201@127.0.0.1>", answer=400
    ),
    "newline-in-number": Hostile(
        b"<sip:+41795550001%0Avariable_injected:%201@127.0.0.1>",
        raw="+41795550001\nvariable_injected",
        number=None,
    ),
    "escaped-quotes": Hostile(b'"A \\"quoted\\" \\\\ name" <sip:+41795550001@127.0.0.1>'),
    "backslash-at-the-end": Hostile(b'"injected\\\\" <sip:+41795550001@127.0.0.1>'),
    "unescaped-quotes": Hostile(
        b'"A "injected" name" <sip:+41795550001@127.0.0.1>', answer=400
    ),
    "variable-in-name": Hostile(b'"${injected}$${injected}" <sip:+41795550001@127.0.0.1>'),
    "command-in-name": Hostile(
        b'"${hupall(normal_clearing)}${system(touch injected)}" <sip:+41795550001@127.0.0.1>'
    ),
    "variable-in-user": Hostile(
        b"<sip:$%7Binjected%7D@127.0.0.1>", raw="%{injected}", number=None
    ),
    "command-in-user-raw": Hostile(
        b"<sip:${hupall()}@127.0.0.1>", raw="%{hupall()}", number=None
    ),
    "separators-in-name": Hostile(b'"a:_:b,c|d;e=f^^:g" <sip:+41795550001@127.0.0.1>'),
    "brackets-in-name": Hostile(
        b'"{injected=1}[injected=2]<injected=3>(4)" <sip:+41795550001@127.0.0.1>'
    ),
    "apostrophe-in-name": Hostile(b'"\'}]{" <sip:+41795550001@127.0.0.1>'),
    "separators-in-user": Hostile(
        b"<sip:a%3A_%3Ab%2C%7Binjected%3D1%7D%7Cd@127.0.0.1>",
        raw="a:_:b,{injected=1}|d",
        number=None,
    ),
    "nul-raw-in-name": Hostile(b'"a\x00injected" <sip:+41795550001@127.0.0.1>', answer=400),
    "nul-escaped-in-name": Hostile(b'"a%00injected" <sip:+41795550001@127.0.0.1>'),
    "controls-in-name": Hostile(b'"a\x07b\x1bc\x08d\x0be\x7f" <sip:+41795550001@127.0.0.1>'),
    "cr-in-name": Hostile(b'"a\rX-Injected: 1" <sip:+41795550001@127.0.0.1>', answer=400),
    "lf-in-name": Hostile(b'"a\nX-Injected: 1" <sip:+41795550001@127.0.0.1>', answer=400),
    "folded-name": Hostile(b'"a\r\n X-Injected: 1" <sip:+41795550001@127.0.0.1>'),
    "two-kilobytes-name": Hostile(b'"' + b"n" * 2048 + b'" <sip:+41795550001@127.0.0.1>'),
    "two-kilobytes-user": Hostile(
        b"<sip:" + b"9" * 2048 + b"@127.0.0.1>", raw="9" * 2048, number=None
    ),
    "invalid-utf8-name": Hostile(b'"\xff\xfe\xc3(" <sip:+41795550001@127.0.0.1>'),
    "invalid-utf8-user": Hostile(
        b"<sip:%FF%C3%28@127.0.0.1>", raw="\ufffd\ufffd(", number=None
    ),
    "surrogate-utf8-name": Hostile(b'"\xed\xa0\x80" <sip:+41795550001@127.0.0.1>'),
    "emoji-name": Hostile(
        '"\N{GRINNING FACE} Bob \N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}" '.encode() + FROM
    ),
    "line-separator-name": Hostile(
        b'"a\xe2\x80\xa8X-Injected: 1\xc2\x85b" <sip:+41795550001@127.0.0.1>'
    ),
    "right-to-left-name": Hostile(b'"\xe2\x80\xae1000555971+" <sip:+41795550001@127.0.0.1>'),
    "no-user": Hostile(b"<sip:127.0.0.1>", raw="", number=None),
    "empty-user": Hostile(b"<sip:@127.0.0.1>", raw="", number=None),
    "empty-name": Hostile(b'"" <sip:+41795550001@127.0.0.1>'),
    "tel": Hostile(b"<tel:+41795550001>"),
    "tel-with-parameters": Hostile(
        b"<tel:+41-79-555-00-01;phone-context=injected>", raw="+41-79-555-00-01"
    ),
    "password": Hostile(b"<sip:+41795550001:secret@127.0.0.1>"),
    "user-parameters": Hostile(b"<sip:+41795550001;injected=1@127.0.0.1>"),
    "letters-for-digits": Hostile(
        b"<sip:+4179555000l@127.0.0.1>", raw="+4179555000l", number=None
    ),
    "arabic-digits": Hostile(
        b"<sip:+\xd9\xa4\xd9\xa1\xd9\xa7\xd9\xa9\xd9\xa5\xd9\xa5\xd9\xa5\xd9\xa0\xd9\xa0\xd9\xa0\xd9\xa1@127.0.0.1>",
        raw="+\u0664\u0661\u0667\u0669\u0665\u0665\u0665\u0660\u0660\u0660\u0661",
        number=None,
    ),
    "pai-newline": Hostile(
        FROM,
        (
            b'P-Asserted-Identity: "x%0AX-Injected: 1" '
            b"<sip:+41795550002%0Avariable_injected:1@127.0.0.1>",
        ),
        raw="+41795550002\nvariable_injected",
        number=None,
    ),
    "pai-variable": Hostile(
        FROM,
        (b'P-Asserted-Identity: "${injected}" <sip:$%7Binjected%7D@127.0.0.1>',),
        raw="%{injected}",
        number=None,
    ),
    "pai-without-user": Hostile(FROM, (b"P-Asserted-Identity: <sip:127.0.0.1>",)),
    "pai-empty": Hostile(FROM, (b"P-Asserted-Identity:",)),
    "pai-garbage": Hostile(FROM, (b'P-Asserted-Identity: <<<>>>;;,,"',)),
    "pai-two-in-one": Hostile(
        FROM,
        (b"P-Asserted-Identity: <sip:+41795550002@127.0.0.1>, <tel:+41795550003>",),
        raw="+41795550002",
        number="+41795550002",
    ),
    "pai-two": Hostile(
        FROM,
        (
            b"P-Asserted-Identity: <sip:+41795550002@127.0.0.1>",
            b"P-Asserted-Identity: <tel:+41795550003>",
        ),
        raw="+41795550002",
        number="+41795550002",
    ),
    "pai-tel": Hostile(
        FROM,
        (b"P-Asserted-Identity: <tel:+41795550002>",),
        raw="+41795550002",
        number="+41795550002",
    ),
    "pai-five": Hostile(
        FROM,
        (
            b"P-Asserted-Identity: <sip:+41795550002@127.0.0.1>",
            b"P-Asserted-Identity: <sip:+41795550003@127.0.0.1>",
            b"P-Asserted-Identity: <sip:+41795550004@127.0.0.1>",
            b"P-Asserted-Identity: <sip:+41795550005@127.0.0.1>",
            b"P-Asserted-Identity: <sip:+41795550006@127.0.0.1>",
        ),
        raw="+41795550002",
        number="+41795550002",
    ),
    "ppi": Hostile(
        FROM,
        (b"P-Preferred-Identity: <sip:+41795550002@127.0.0.1>",),
        raw="+41795550002",
        number="+41795550002",
    ),
    "rpid-newline": Hostile(
        FROM,
        (
            b'Remote-Party-ID: "x%0AX-Injected: 1" '
            b"<sip:+41795550002%0Avariable_injected:1@127.0.0.1>;party=calling;privacy=off",
        ),
        raw="+41795550002\nvariable_injected",
        number=None,
    ),
    "rpid-bad-privacy": Hostile(
        FROM, (b"Remote-Party-ID: <sip:+41795550002@127.0.0.1>;privacy=${injected};screen=%0A",)
    ),
    "diversion": Hostile(
        FROM, (b'Diversion: "%0AX-Injected: 1" <sip:${injected}@127.0.0.1>;reason=a:_:b',)
    ),
    "diversion-many": Hostile(
        FROM,
        tuple(b"Diversion: <sip:+4144555%04d@127.0.0.1>;reason=unknown" % n for n in range(30)),
    ),
    "history-info": Hostile(
        FROM,
        (
            b"History-Info: <sip:+41445550999@127.0.0.1?Reason=SIP%3Bcause%3D302&X-Injected=1>"
            b";index=1, <sip:${injected}@x>;index=1.1",
        ),
    ),
    "x-headers": Hostile(
        FROM,
        (
            b"X-Injected: 1",
            b"X-FS-Support: update_display,send_info",
            b"X-sip_auto_answer: true",
        ),
    ),
    "p-headers": Hostile(
        FROM,
        (
            b"P-Injected: 1",
            b"P-Charging-Vector: icid-value=injected",
            b"P-Key-Flags: keys=injected",
        ),
    ),
    "call-info": Hostile(
        FROM,
        (
            b"Call-Info: <sip:injected>;answer-after=0",
            b"Alert-Info: <http://127.0.0.1/injected>",
            b"Replaces: a@b;to-tag=1;from-tag=2",
        ),
    ),
    "referred-by": Hostile(
        FROM,
        (
            b"Referred-By: <sip:injected@127.0.0.1>",
            b"Join: a@b;to-tag=1;from-tag=2",
            b"Replaces: nothing;to-tag=a;from-tag=b",
        ),
    ),
    "presence-id": Hostile(
        FROM,
        (
            b"Subject: ${injected}%0Avariable_injected: 1",
            b"User-Agent: ${injected}%0Avariable_injected: 1",
        ),
    ),
    "privacy-id": Hostile(
        ANONYMOUS,
        (
            ASSERTED,
            b"Privacy: id",
        ),
        is_withheld=True,
    ),
    "anonymous-by-from-only-pai": Hostile(ANONYMOUS, (ASSERTED,), is_withheld=True),
    "anonymous-by-from-only": Hostile(
        ANONYMOUS, raw="anonymous", number=None, is_withheld=True
    ),
    "privacy-user": Hostile(FROM, (b"Privacy: user",), is_withheld=True),
    "privacy-header": Hostile(FROM, (b"Privacy: header",), is_withheld=True),
    "privacy-session": Hostile(FROM, (b"Privacy: session",)),
    "privacy-critical": Hostile(FROM, (b"Privacy: id;critical",), is_withheld=True),
    "privacy-upper": Hostile(FROM, (b"PRIVACY: ID",), is_withheld=True),
    "privacy-blanks": Hostile(FROM, (b"Privacy:  user ;  header ",), is_withheld=True),
    "privacy-comma": Hostile(FROM, (b"Privacy: none, id",), is_withheld=True),
    "privacy-none": Hostile(FROM, (b"Privacy: none",)),
    "privacy-two": Hostile(
        FROM,
        (
            b"Privacy: none",
            b"Privacy: id",
        ),
    ),
    "privacy-two-user": Hostile(
        FROM,
        (
            b"Privacy: header",
            b"Privacy: user",
        ),
        is_withheld=True,
    ),
    "privacy-two-none-user": Hostile(
        FROM,
        (
            b"Privacy: none",
            b"Privacy: user",
        ),
    ),
    "privacy-two-session-user": Hostile(
        FROM,
        (
            b"Privacy: session",
            b"Privacy: user",
        ),
    ),
    "privacy-folded": Hostile(FROM, (b"Privacy:\r\n user",), is_withheld=True),
    "privacy-garbage": Hostile(FROM, (b"Privacy: ${injected}%0A",)),
    "privacy-empty": Hostile(FROM, (b"Privacy:",)),
    "privacy-quoted": Hostile(FROM, (b'Privacy: "id"',)),
    "anonymous-by-user-mixed-case": Hostile(
        b"<sip:AnonyMous@127.0.0.1>", (ASSERTED,), is_withheld=True
    ),
    "anonymous-by-host-mixed-case": Hostile(
        b"<sip:someone@ANONYMOUS.invalid>", (ASSERTED,), is_withheld=True
    ),
    "anonymous-by-host-dot": Hostile(
        b"<sip:someone@anonymous.invalid.>", (ASSERTED,), is_withheld=True
    ),
    "anonymous-by-host-port": Hostile(
        b"<sip:someone@anonymous.invalid:5060>", (ASSERTED,), is_withheld=True
    ),
    "anonymous-by-user-escaped": Hostile(
        b"<sip:%61nonymous@127.0.0.1>", (ASSERTED,), is_withheld=True
    ),
    "anonymous-by-user-params": Hostile(
        b"<sip:anonymous;x=1@127.0.0.1>", (ASSERTED,), is_withheld=True
    ),
    "anonymous-by-user-password": Hostile(
        b"<sip:anonymous:x@127.0.0.1>", (ASSERTED,), is_withheld=True
    ),
    "anonymous-by-name-only": Hostile(b'"Anonymous" <sip:+41795550001@127.0.0.1>'),
    "anonymous-by-restricted": Hostile(
        b"<sip:restricted@127.0.0.1>", (ASSERTED,), is_withheld=True
    ),
    "anonymous-by-unavailable": Hostile(
        b'"Unavailable" <sip:unavailable@unknown.invalid>', (ASSERTED,)
    ),
    "anonymous-by-unknown": Hostile(b"<sip:unknown@unknown.invalid>", (ASSERTED,)),
    "anonymous-by-private": Hostile(b"<sip:private@127.0.0.1>", (ASSERTED,)),
    "anonymous-by-sips": Hostile(
        b"<sips:anonymous@anonymous.invalid>", (ASSERTED,), is_withheld=True
    ),
    "anonymous-by-no-brackets": Hostile(
        b"sip:anonymous@anonymous.invalid", (ASSERTED,), is_withheld=True
    ),
    "anonymous-by-no-user-host": Hostile(
        b"<sip:anonymous.invalid>", (ASSERTED,), is_withheld=True
    ),
    "rpid-full": Hostile(
        FROM,
        (b"Remote-Party-ID: <sip:+41795550001@127.0.0.1>;party=calling;privacy=full",),
        is_withheld=True,
    ),
    "rpid-uri": Hostile(
        FROM,
        (b"Remote-Party-ID: <sip:+41795550001@127.0.0.1>;party=calling;privacy=uri",),
        is_withheld=True,
    ),
    "rpid-name": Hostile(
        FROM, (b"Remote-Party-ID: <sip:+41795550001@127.0.0.1>;party=calling;privacy=name",)
    ),
    "rpid-upper": Hostile(
        FROM,
        (b"Remote-Party-ID: <sip:+41795550001@127.0.0.1>;party=calling;privacy=FULL",),
        is_withheld=True,
    ),
    "rpid-quoted": Hostile(
        FROM,
        (b'Remote-Party-ID: <sip:+41795550001@127.0.0.1>;party=calling;privacy="full"',),
        is_withheld=True,
    ),
    "rpid-beside-pai": Hostile(
        FROM,
        (
            ASSERTED,
            b"Remote-Party-ID: <sip:+41795550001@127.0.0.1>;party=calling;privacy=full",
        ),
        is_withheld=True,
    ),
    "rpid-ipi": Hostile(
        FROM,
        (b"Remote-Party-ID: <sip:+41795550001@127.0.0.1>;party=calling;privacy=uri-network",),
        is_withheld=True,
    ),
    "rpid-id-type": Hostile(
        FROM,
        (
            b"Remote-Party-ID: <sip:+41795550001@127.0.0.1>;party=calling;privacy=off",
            b"Remote-Party-ID: <sip:+41795550001@127.0.0.1>;party=calling;privacy=full",
        ),
    ),
}

# Dialled -> the final answer, and the record's text of it (None: the engine heard of no call).
CALLED: dict[str, tuple[bytes, int | None, str | None]] = {
    "newline": (b"0900500001%0AX-Injected:%201", 404, "0900500001\nX-Injected"),
    "newline-end": (b"0900500001%0A", 200, "0900500001\n"),
    "newline-first": (b"%0A0900500001", 200, "\n0900500001"),
    "variable": (b"0900500001${injected}", 404, "0900500001%{injected}"),
    "variable-escaped": (b"$%7Binjected%7D", 404, "%{injected}"),
    "command": (b"${hupall()}", 404, "%{hupall()}"),
    "braces": (b"%7Binjected=1%7D0900500001", 404, "{injected=1}0900500001"),
    "pipe-raw": (b"0900500001|0900500002", 404, "0900500001|0900500002"),
    "pipe": (b"0900500001%7C0900500002", 404, "0900500001|0900500002"),
    "semicolon": (b"0900500001;injected=1", 404, "0900500001;injected=1"),
    "comma": (b"0900500001,0900500002", 404, "0900500001,0900500002"),
    "underscore": (b"0900500001:_:0900500002", 200, "0900500001"),
    "quotes": (b"0900500001%22%27%5C", 404, "'\\"),
    "nul": (b"0900500001%00injected", 200, "0900500001"),
    "nul-raw": (b"0900500001\x00injected", None, None),
    "utf8": (b"0900500001\xc3\xa9", 404, "0900500001\xe9"),
    "invalid-utf8": (b"0900500001%FF", 404, "0900500001\ufffd"),
    "2kb": (b"0900500001" + b"9" * 2048, 404, "0900500001" + "9" * 2048),
    "empty": (b"", 404, ""),
    "blank": (b"0900%20500%20001", 200, "0900 500 001"),
    "plus": (b"+41-900.50/00(01)", 200, "+41-900.50/00(01)"),
    "percent": (b"0900500001%", None, None),
    "emoji": (b"0900500001\xf0\x9f\x98\x80", 404, "0900500001\U0001f600"),
    "arabic": (
        b"\xd9\xa0\xd9\xa9\xd9\xa0\xd9\xa0\xd9\xa5\xd9\xa0\xd9\xa0\xd9\xa0\xd9\xa0\xd9\xa1",
        404,
        "\u0660\u0669\u0660\u0660\u0665\u0660\u0660\u0660\u0660\u0661",
    ),
    "at": (b"0900500001%40evil.example", 404, "0900500001@evil.example"),
    "password": (b"0900500001:secret", 200, "0900500001"),
    "hash": (b"0900500001%23", 404, "0900500001#"),
    "star": (b"*31#0900500001", 404, "*31#0900500001"),
}

# A file of fixtures/sip-torture -> the final answer; None: there must be none.
TORTURE_ANSWERS = {
    "accept-of-something-else": 406,
    "answer-code-too-large": None,
    "answer-from-broadcast": None,
    "answer-to-nothing": None,
    "answer-values-too-large": None,
    "answer-without-words": None,
    "blank-in-request-uri": None,
    "blanks-after-request-line": 200,
    "blanks-in-address": 200,
    "blanks-in-from-address": 200,
    "blanks-in-request-line": 200,
    "brackets-round-request-uri": 400,
    "branch-without-identifier": 200,
    "contact-without-brackets": 400,
    "date-without-zone": 200,
    "display-name-not-quoted": 400,
    "escape-that-is-none": 200,
    "escaped-nul": 200,
    "escaped": 200,
    "headers-in-request-uri": 200,
    "headers-missing": 400,
    "length-negative": 400,
    "length-too-large": 400,
    "long-values": 200,
    "many-transports": 200,
    "max-forwards-zero": 483,
    "method-not-that-of-cseq": 400,
    "multipart-with-binary": 200,
    "no-space-before-bracket": 200,
    "old-syntax": 400,
    "quote-not-closed-in-from": 400,
    "quote-not-closed": 400,
    "requires-the-unknown": 420,
    "semicolon-in-user": 404,
    "separators-without-values": None,
    "single-headers-twice": 400,
    "telephone-scheme": 200,
    "tortuous": 200,
    "two-content-lengths": 400,
    "two-in-one-datagram": 200,
    "unknown-authorization": 200,
    "unknown-body": 415,
    "unknown-method-not-that-of-cseq": 400,
    "unknown-method": None,
    "unknown-scheme": 416,
    "unknown-schemes-in-headers": 200,
    "unknown-version": 505,
    "values-too-large": 400,
}

# Where it has another text of the called number.
STAND_IN_TEXTS = {"quotes": "0900500001\"'\\"}
