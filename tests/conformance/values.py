"""Cases: headers, bodies and framing."""

from __future__ import annotations

from tests.conformance.case import Case, headers_of, names_told
from tests.conformance.frames import api_response, channel_data, event, raw_event
from tests.conformance.stage import Stage

XML = '<?xml version="1.0"?>\n<sci note="rate: 3">100%25</sci>\n\n'


def forged_header(stage: Stage) -> object:
    """A caller's display name spells a line feed and another header."""
    channel = stage.leg().open(
        "listen",
        variable_account_id="42",
        variable_sip_from_display="Bob\nvariable_account_id: 999",
    )
    return channel and channel["variable_account_id"]


def invented_header(stage: Stage) -> object:
    """The same in an event, with a header that was not there."""
    leg = stage.leg()
    leg.open("listen")
    leg.send(event("E", Caller_Caller_ID_Name="Bob\nvariable_tariff: 0"))
    return headers_of(leg, "variable_tariff", "Caller-Caller-ID-Name")


def other_line_breaks(stage: Stage) -> object:
    """Characters that only some call line breaks, and a last header without a value."""
    leg = stage.leg()
    leg.open("listen")
    leg.send(
        event("E", variable_account_id="42", note="a\u0085variable_account_id: 7"),
        event("E", variable_account_id="42", note="a\u2028variable_account_id: 7"),
        raw_event(b"Event-Name: E\nFirst: a\nLast: \n\n"),
    )
    return [headers_of(leg, name) for name in ("variable_account_id",) * 2 + ("First",)]


def escapes(stage: Stage) -> object:
    """A percent sign that starts no escape, blanks at both ends, a plus."""
    leg = stage.leg()
    leg.open("listen")
    leg.send(raw_event(b"Event-Name: E\nNote: 100%zz%41%\nBlank: %20a \nPlus: +41%2B\n\n"))
    return headers_of(leg, "Note", "Blank", "Plus")


def undefined(stage: Stage) -> object:
    """A header without a value, which the switch writes as `_undef_`."""
    leg = stage.leg()
    leg.open("listen")
    leg.send(event("E", Caller_Caller_ID_Name="_undef_"))
    return headers_of(leg, "Caller-Caller-ID-Name")


def event_body(stage: Stage) -> object:
    """An event carries XML, with percent signs and an empty line in it."""
    leg = stage.leg()
    leg.open("listen")
    leg.send(event("RECV_INFO", body=XML.encode()))
    told = leg.told("event")
    return told and told["body"] == XML


def length_in_bytes(stage: Stage) -> object:
    """A body of three characters and eight bytes; another event follows at once."""
    leg = stage.leg()
    leg.open("listen")
    leg.send(event("WIDE", body="é€☎".encode()), event("NEXT"))
    return names_told(leg, 2)


def plain_reply(stage: Stage) -> object:
    """The result of an API command looks like headers, is encoded, and ends with blanks."""
    leg = stage.leg()
    leg.open("command")
    leg.command()
    leg.send(api_response("a: b%20c\n\nContent-Length: 7\n \n"))
    told = leg.told("reply", "error")
    return told and told.get("reply")


def each_byte_alone(stage: Stage) -> object:
    """The channel and two events come byte by byte."""
    leg = stage.leg()
    leg.answer_connect_with(b"")
    data = channel_data(leg.uuid, variable_scenario="listen", note="a b")
    leg.send_in_pieces(data, 1)
    channel = leg.channel()
    leg.send_in_pieces(event("ONE", body=XML.encode()) + event("TWO"), 1)
    return [channel and channel["note"], *names_told(leg, 2)]


def cut_anywhere(stage: Stage) -> object:
    """The same two events, cut at each of their bytes in turn."""
    leg = stage.leg()
    leg.open("listen")
    data = event("ONE", body=XML.encode()) + event("TWO", note="é: ü")
    for at in range(len(data) + 1):
        leg.send(data[:at])
        leg.send(data[at:])
    return names_told(leg, 2 * (len(data) + 1)) == ["ONE", "TWO"] * (len(data) + 1)


def large_frames(stage: Stage) -> object:
    """A header of 20 kB in the channel's data, and an event of 200 kB."""
    leg = stage.leg()
    channel = leg.open("listen", variable_long="x" * 20_000)
    leg.send(event("BIG", variable_long="y" * 200_000))
    given = headers_of(leg, "variable_long") or [None]
    return [len((channel or {}).get("variable_long", "")), len(given[0] or "")]


def bytes_that_are_no_text(stage: Stage) -> object:
    """One event has a byte in it that is not UTF-8, another event follows."""
    leg = stage.leg()
    leg.open("listen")
    leg.send(raw_event(b"Event-Name: ODD\nNote: a\xffb\n\n"), event("GOOD"))
    return names_told(leg, 2)


def spelt_bytes_that_are_no_text(stage: Stage) -> object:
    """The same, spelt: %FF, half of a character, and %00."""
    leg = stage.leg()
    leg.open("listen")
    leg.send(raw_event(b"Event-Name: ODD\nNote: a%FF%C3\nEnd: a%00b\n\n"), event("GOOD"))
    return names_told(leg, 2)


def notice_with_a_text(stage: Stage) -> object:
    """A notice that the switch lingers has a body, and the last event follows."""
    leg = stage.leg()
    leg.open("listen")
    leg.send(
        b"Content-Type: text/disconnect-notice\nContent-Disposition: linger\n"
        b"Content-Length: 14\n\nStay a while.\n",
        event("LAST"),
    )
    while (told := leg.told("event")) is not None:
        if told["event"] == "LAST":
            return True
    return False


def event_between(stage: Stage) -> object:
    """An event stands between a command and its reply."""
    leg = stage.leg()
    leg.open("command")
    leg.command()
    leg.send(event("BETWEEN"), api_response("UP"), event("AFTER"))
    told = leg.told("reply", "error")
    return [told and told.get("reply"), sorted(names_told(leg, 2))]


def odd_frame(stage: Stage) -> object:
    """A kind of frame that nobody asked for, with a body that looks like an event."""
    leg = stage.leg()
    leg.open("command")
    leg.command()
    body = b"Event-Name: FORGED\n\n"
    leg.send(
        b"Content-Type: log/data\nContent-Length: %d\n\n%b" % (len(body), body),
        api_response("UP"),
        event("AFTER"),
    )
    told = leg.told("reply", "error")
    return [told and told.get("reply"), names_told(leg, 1)]


CASES = (
    Case(
        name="a value cannot overwrite a header",
        play=forged_header,
        right="42",
        greenswitch="999",
    ),
    Case(
        name="a value cannot invent a header",
        play=invented_header,
        right=[None, "Bob\nvariable_tariff: 0"],
        greenswitch=["0", "Bob"],
    ),
    Case(
        name="only a line feed ends a line",
        play=other_line_breaks,
        right=[["42"], ["42"], ["a"]],
        greenswitch=[["7"], ["7"], ["a\nLast:"]],
    ),
    Case(
        name="a value is decoded, and otherwise as it is",
        play=escapes,
        right=["100%zzA%", " a ", "+41+"],
        greenswitch=["100%zzA%", "a", "+41+"],
    ),
    Case(
        name="an undefined value is none",
        play=undefined,
        right=[None],
        greenswitch=["_undef_"],
    ),
    Case(
        name="bytes that are no text end nothing",
        play=bytes_that_are_no_text,
        right=["ODD", "GOOD"],
        greenswitch=[],
    ),
    Case(
        name="nor do they when they are spelt",
        play=spelt_bytes_that_are_no_text,
        right=["ODD", "GOOD"],
        greenswitch=["ODD", "GOOD"],
    ),
    Case(
        name="an event's body stays as it is",
        play=event_body,
        right=True,
        greenswitch=False,
    ),
    Case(
        name="a length counts bytes",
        play=length_in_bytes,
        right=["WIDE", "NEXT"],
        greenswitch=["WIDE", "NEXT"],
    ),
    Case(
        name="a result stays as it is",
        play=plain_reply,
        right="a: b%20c\n\nContent-Length: 7\n \n",
        greenswitch="a: b%20c\n\nContent-Length: 7\n \n",
    ),
    Case(
        name="bytes may come one by one",
        play=each_byte_alone,
        right=["a b", "ONE", "TWO"],
        greenswitch=["a b", "ONE", "TWO"],
    ),
    Case(
        name="frames may be cut anywhere",
        play=cut_anywhere,
        right=True,
        greenswitch=True,
    ),
    Case(
        name="a header may be 20 kB, an event 200 kB",
        play=large_frames,
        right=[20_000, 200_000],
        greenswitch=[20_000, 200_000],
    ),
    Case(
        name="the text of a notice is not the next frame",
        play=notice_with_a_text,
        right=True,
        greenswitch=False,
    ),
    Case(
        name="an event may stand before a reply",
        play=event_between,
        right=["UP", ["AFTER", "BETWEEN"]],
        greenswitch=["UP", ["AFTER", "BETWEEN"]],
    ),
    Case(
        name="a frame nobody asked for is passed over",
        play=odd_frame,
        right=["UP", ["AFTER"]],
        greenswitch=["UP", [None]],
    ),
)
