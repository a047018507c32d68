"""Commands out of bytes."""

import pytest

from switchsim.frames import MAX_BODY, BadFrame, RequestReader

_TWO = b"connect\n\nsendmsg\ncall-command: execute\ncontent-length: 3\n\nabc"


def _requests(*pieces):
    reader = RequestReader()
    found = []
    for piece in pieces:
        reader.feed(piece)
        while request := reader.next_request():
            found.append(request)
    return found


def test_several_commands_in_one_piece():
    """Commands may come in one segment."""
    assert [request.line for request in _requests(_TWO)] == ["connect", "sendmsg"]


def test_a_command_byte_by_byte():
    """Commands may come in as many pieces as they have bytes."""
    pieces = [bytes([byte]) for byte in _TWO]

    assert _requests(*pieces) == _requests(_TWO)


def test_a_body_is_counted_in_bytes():
    """The body has the length its header says."""
    assert _requests(_TWO)[1].body == "abc"


def test_names_of_headers_are_known_in_any_case():
    """Headers are kept as sent and found by lower case name."""
    request = _requests(b"sendmsg\nEvent-UUID: 4711\n\n")[0]

    assert request.fields == {"event-uuid": "4711"}
    assert request.headers == (("Event-UUID", "4711"),)


def test_carriage_returns_and_blank_lines_are_skipped():
    """CRLF and blank lines before a command do not matter."""
    assert [r.line for r in _requests(b"\r\n\n\nauth x\r\n\r\n\n\nexit\n\n")] == [
        "auth x",
        "exit",
    ]


@pytest.mark.parametrize("length", [b"-1", str(MAX_BODY + 1).encode(), b"9" * 30])
def test_an_impossible_length_closes(length):
    """A negative or enormous length is refused."""
    with pytest.raises(BadFrame):
        _requests(b"sendmsg\ncontent-length: " + length + b"\n\n")


def test_a_head_without_end_is_refused():
    """Memory stays bounded when the end of a head never comes."""
    with pytest.raises(BadFrame):
        _requests(b"x" * (5 << 20))
