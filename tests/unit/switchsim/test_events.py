"""Events on the wire."""

import json

from switchsim.events import Event, EventBus


class _Collector:
    def __init__(self, *names):
        self.names = names
        self.got = []

    def wants(self, name, uuid):
        return name in self.names

    def notify(self, event):
        self.got.append(event)


def _bus():
    return EventBus(core_uuid="core", hostname="h", ipv4="127.0.0.1")


def test_a_plain_event_has_an_inner_block():
    """The outer block tells length and type, the inner one is encoded value by value."""
    frame = Event("DTMF", [("Event-Name", "DTMF"), ("DTMF-Digit", "#")]).frame("plain")

    head, inner = frame.split(b"\n\n", 1)
    assert head == b"Content-Length: 34\nContent-Type: text/event-plain"
    assert inner == b"Event-Name: DTMF\nDTMF-Digit: %23\n\n"


def test_a_body_follows_its_own_length():
    """An event with a body has a second Content-Length and the body after the blank line."""
    event = Event("BACKGROUND_JOB", [("Event-Name", "BACKGROUND_JOB")], "true")

    assert event.plain() == b"Event-Name: BACKGROUND_JOB\nContent-Length: 4\n\ntrue"


def test_json_is_not_encoded():
    """JSON holds values as they are, arrays as arrays, and the body in `_body`."""
    event = Event("X", [("Event-Name", "X"), ("a", "1 2"), ("b", "ARRAY::p|:q")], "text")

    held = json.loads(event.frame("json").split(b"\n\n", 1)[1])

    assert held == {
        "Event-Name": "X", "a": "1 2", "b": ["p", "q"], "Content-Length": "4", "_body": "text",
    }  # fmt: skip


def test_bytes_of_a_caller_make_json_that_is_none():
    """Invalid UTF-8 goes through raw."""
    assert b"\xff" in Event("X", [("a", "\xff")]).frame("json")


def test_only_listeners_that_want_an_event_get_it():
    """An event is handed to those that subscribed to its name."""
    bus = _bus()
    wants, does_not = _Collector("DTMF"), _Collector("CHANNEL_ANSWER")
    bus.listeners += [wants, does_not]

    bus.publish(Event("DTMF", []), "4711")

    assert (len(wants.got), len(does_not.got)) == (1, 0)


def test_events_are_numbered_even_when_nobody_wants_them():
    """The sequence counts every event the switch makes."""
    bus = _bus()
    bus.wanted("DTMF", None)
    bus.wanted("DTMF", None)

    assert dict(bus.head("DTMF", 0))["Event-Sequence"] == "2"
