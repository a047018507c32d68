"""Broken input on either side costs nobody else anything."""

import random
import socket
from urllib.parse import unquote

import pytest

from tests.integration.switchsim.scene import PASSWORD, headers


def _works(scene):
    """A whole call still goes through."""
    destination = scene.destination(".*=answer:20")
    engine = scene.attached(talk_s=0.1, label="works")
    engine.execute("bridge", destination.at("+41"))
    scene.until(lambda: any(call["label"] == "works" for call in scene.calls))
    return next(call for call in scene.calls if call["label"] == "works")["answered"]


def test_without_the_password_nothing_is_done(scene):
    """Commands before the password are unknown; a wrong password closes."""
    side = scene.connect()
    scene.until(lambda: side.frames == ["Content-Type: auth/request\n\n"])

    assert "-ERR command not found" in side.ask("api status")
    assert "-ERR invalid" in side.ask("auth wrong")
    scene.until(lambda: side.is_closed)


_ENGINE_JUNK = [
    b"\x00" * 5000 + b"\n\n",
    b"\xff\xfe\n\n" * 100,
    b"sendmsg\ncontent-length: -5\n\n",
    b"api\n\napi \n\nsendmsg\n\nfilter\n\nexit now please\n\n",
]
_SIP_JUNK = [
    b"x",
    b"\r\n\r\n",
    b"INVITE\r\n\r\n" + b"y" * 50,
    b"INVITE sip:1@h SIP/2.0\r\nVia: x\r\n\r\n",
    b"SIP/2.0 999999 x\r\nVia: SIP/2.0/UDP 1:1;branch=z\r\nFrom: <sip:a@b>;tag=1\r\n"
    b"To: <sip:a@b>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\r\n",
    b"INVITE sip:1@h SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKx\r\n"
    b'From: "\\" <<>>;;tag=1\r\nTo: <>\r\nCall-ID: c2\r\nCSeq: 1 INVITE\r\n'
    b"Content-Length: 99999\r\n\r\n",
]


@pytest.mark.parametrize("junk", _ENGINE_JUNK)
def test_junk_from_an_engine(scene, junk):
    """Whatever an engine sends, other calls are served."""
    scene.attached(cancel_s=0.3).send_raw(junk)

    assert _works(scene)


@pytest.mark.parametrize("data", _SIP_JUNK)
def test_junk_on_the_sip_socket(scene, data):
    """Whatever comes over SIP, calls are served."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(data, scene.switch.sip_address)

        assert _works(scene)


def test_random_bytes_on_the_sip_socket(scene):
    """A thousand random datagrams change nothing."""
    chance = random.Random(7)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for _ in range(1000):
            data = bytes(chance.randrange(256) for _ in range(chance.randrange(200)))
            sender.sendto(data, scene.switch.sip_address)

        assert _works(scene)


@pytest.mark.parametrize(
    ("display", "shown"),
    [
        ("Evil%0AX-Injected: 1", "Evil\nX-Injected: 1"),
        ("a;b|c,d:_:e", "a;b|c,d:_:e"),
        ("${hostname}", "%{hostname}"),
        ("tab\tbell\x07", "tab bell "),
    ],
)
def test_a_display_name_stays_a_value(scene, display, shown):
    """A caller's display name is a value of one header, whatever is in it."""
    engine = scene.attached(display=display, cancel_s=0.2)
    data = headers(engine.replies[0])

    assert data["Caller-Caller-ID-Name"] == shown
    assert not any(name == "X-Injected" for name in data)
    kept = None if "${" in display else unquote(display)
    assert data.get("variable_sip_from_display") == kept


def test_what_sippy_cannot_parse_is_served_all_the_same(scene):
    """An escaped quote in a display name is a caller like any other."""
    engine = scene.attached(display='A \\"quoted\\" \\\\ name', cancel_s=0.2)

    assert headers(engine.replies[0])["Caller-Caller-ID-Name"] == 'A \\"quoted\\" \\\\ name'
    assert scene.ended()["answers"] == [100, 487]


def test_a_name_with_quotes_cannot_be_sent_on(scene):
    """A bridge that would show escaped quotes fails before any INVITE."""
    destination = scene.destination(".*=answer:20")
    engine = scene.attached(display='A \\"q\\"', cancel_s=0.5)
    engine.execute("bridge", destination.at("+41"))

    done = engine.wait("CHANNEL_EXECUTE_COMPLETE bridge")
    assert done["variable_originate_disposition"] == "DESTINATION_OUT_OF_ORDER"
    assert destination.events == []
    scene.ended()


def test_an_anonymous_caller(scene):
    """Privacy and identity are told as the switch tells them."""
    engine = scene.attached(
        sender="anonymous", display="Anonymous", privacy="id",
        identity='"Hans Muster" <sip:+41795550001@127.0.0.1>', cancel_s=0.2,
    )  # fmt: skip
    data = headers(engine.replies[0])

    assert data["Caller-Caller-ID-Number"] == "+41795550001"
    assert data["Caller-Privacy-Hide-Number"] == "true"
    assert data["variable_sip_from_user"] == "anonymous"
    assert data["variable_sip_Privacy"] == "id"


def test_a_peer_that_does_not_read_is_cut_off(scene):
    """A link that never reads costs its own connection, not the switch's memory."""
    link = scene.connect()
    link.ask(f"auth {PASSWORD}")

    assert _works(scene)
