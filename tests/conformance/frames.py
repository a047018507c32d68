"""What the switch writes on an event socket, as bytes; needs the standard library only."""

from __future__ import annotations

from urllib.parse import quote


def reply(text: str = "+OK") -> bytes:
    """Write the reply to a command."""
    return f"Content-Type: command/reply\nReply-Text: {text}\n\n".encode()


def api_response(text: str) -> bytes:
    """Write the result of an `api` command."""
    body = text.encode()
    return b"Content-Type: api/response\nContent-Length: %d\n\n%b" % (len(body), body)


def event(name: str, /, *, body: bytes = b"", **headers: str) -> bytes:
    """Write an event as the switch does; `_` in a header's name, no variable's, means `-`."""
    lines = {"Event-Name": name}
    for key, value in headers.items():
        is_variable = key.startswith("variable_")
        lines[key if is_variable else key.replace("_", "-")] = value
    block = "".join(f"{key}: {quote(v, safe='/:, ')}\n" for key, v in lines.items()).encode()
    if body:
        block += b"Content-Length: %d\n" % len(body)
    return raw_event(block + b"\n" + body)


def raw_event(content: bytes) -> bytes:
    """Write the frame of an event whose block is given as it is."""
    return b"Content-Length: %d\nContent-Type: text/event-plain\n\n%b" % (len(content), content)


def channel_data(uuid: str = "leg-a", **headers: str) -> bytes:
    """Write the reply to `connect`: all of a channel's data in the header block."""
    lines = {"Event-Name": "CHANNEL_DATA", "Unique-ID": uuid, **headers}
    block = "".join(f"{key}: {quote(value)}\n" for key, value in lines.items())
    return (
        f"{block}Content-Type: command/reply\nReply-Text: %2BOK%0A\n"
        "Socket-Mode: async\nControl: full\n\n"
    ).encode()


def notice(disposition: str = "disconnect") -> bytes:
    """Write a disconnect notice as the switch does: with a text, or to say that it lingers."""
    text = b"" if disposition == "linger" else b"Disconnected, goodbye.\n"
    return (
        f"Content-Type: text/disconnect-notice\nContent-Disposition: {disposition}\n"
        f"Content-Length: {len(text)}\n\n"
    ).encode() + text
