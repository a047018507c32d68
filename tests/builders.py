"""Valid objects with sane defaults, each of which a test may vary."""

from __future__ import annotations

from urllib.parse import quote

from callcontrol.esl.event import Event
from callcontrol.esl.wire import Headers

CREATED_US = 1_795_515_474_239_098


def make_event(name: str, **headers: str | int | None) -> Event:
    """Make an event; header names are written with `_` for `-`, variables as they are."""
    lines = {"Event-Name": name}
    for key, value in headers.items():
        if value is not None:
            lines[key if key.startswith("variable_") else key.replace("_", "-")] = str(value)
    block = "".join(f"\n{key}: {quote(value)}" for key, value in lines.items())
    return Event(Headers(f"{block}\n".encode()))


def make_channel(
    *,
    uuid: str = "9c98ec22-683e-49a4-9c8f-0455dbdab255",
    caller: str | None = "+41795550001",
    called: str = "0900123456",
    from_user: str | None = "+41795550001",
    hide_number: bool = False,
    created_us: int = CREATED_US,
    **variables: str,
) -> Event:
    """Make the channel data that answer `connect`."""
    told = {"sip_network_ip": "127.0.0.1", "sip_from_host": "127.0.0.1", **variables}
    if from_user is not None:
        told["sip_from_user"] = from_user
    return make_event(
        "CHANNEL_DATA",
        Unique_ID=uuid,
        FreeSWITCH_Switchname="switch",
        Caller_Caller_ID_Number=caller,
        Caller_Destination_Number=called,
        Caller_Channel_Created_Time=created_us,
        Caller_Privacy_Hide_Number="true" if hide_number else "false",
        **{f"variable_{name}": value for name, value in told.items()},
    )
