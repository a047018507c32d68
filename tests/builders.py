"""Valid objects with sane defaults, each of which a test may vary."""

from __future__ import annotations

from decimal import Decimal
from ipaddress import ip_network
from typing import Any
from urllib.parse import quote

import structlog
from structlog.testing import CapturingLogger

from callcontrol.calls.engine import Engine
from callcontrol.calls.live_calls import LiveCalls
from callcontrol.config import Settings
from callcontrol.esl.event import Event
from callcontrol.esl.wire import Headers
from callcontrol.metering.ticker import Ticker
from callcontrol.metrics import Metrics
from callcontrol.reference import Reference
from dialplan import (
    E164,
    Blacklist,
    Customer,
    Directory,
    Gateway,
    Route,
    ServiceNumber,
    Step,
    Target,
    Timeline,
)
from tariffs import Level, Rounding, Settlement, Tariff
from tests.fakes.clock import FakeClock
from tests.fakes.journal import MemoryJournal

CREATED_US = 1_795_515_474_239_098
ANSWERED_US = CREATED_US + 3_000_000
LEG = "9c98ec22-683e-49a4-9c8f-0455dbdab255"


def at(seconds: float) -> int:
    """Give an instant of a call, from its answer."""
    return ANSWERED_US + round(seconds * 1_000_000)


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
    uuid: str = LEG,
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


def make_tariff(**changed: Any) -> Tariff:
    """Make a table: level 1 is 3.00 a minute, level 2 is 20.00 and 4.50 a minute."""
    fields: dict[str, Any] = {
        "name": "hotline",
        "version": "1",
        "category": "0900",
        "rounding": Rounding(to=Decimal("0.10")),
        "max_charge": Decimal("400.00"),
        "levels": {
            1: Level(per_minute=Decimal("3.00")),
            2: Level(per_call=Decimal("20.00"), per_minute=Decimal("4.50")),
        },
    }
    return Tariff(**{**fields, **changed})


def make_step(*addresses: str, ring_s: int = 25, **changed: Any) -> Step:
    """Make a step whose targets ring together through the gateway `trunk`, then `spare`."""
    targets = tuple(
        Target(kind="sip", address=address)
        if address.startswith("sip:")
        else Target(kind="pstn", address=address, gateways=("trunk", "spare"))
        for address in addresses
    )
    return Step(targets=targets, ring_s=ring_s, **changed)


def make_reference(
    *steps: Step,
    tariff: Tariff | None = None,
    blacklist: Blacklist | None = None,
    **number: Any,
) -> Reference:
    """Make a reference with one number, 0900 123 456, whose route has these steps."""
    table = tariff or make_tariff()
    route = Route(name="all", steps=steps or (make_step("+41445550190"),))
    service_number = ServiceNumber(
        number=E164("+41900123456"),
        category="0900",
        customer_id="acme",
        routes={"all": Timeline(route)},
        default_route=number.pop("default_route", Timeline("all")),
        tariff=Timeline(table.name),
        level=Timeline(number.pop("level", 1)),
        **number,
    )
    return Reference(
        directory=Directory(
            gateways={
                "trunk": Gateway(name="trunk", host="127.0.0.1", port=5090),
                "spare": Gateway(name="spare", host="127.0.0.1", port=5091),
            },
            customers={"acme": Customer(id="acme")},
            numbers={service_number.number: service_number},
            blacklist=blacklist or Blacklist(()),
        ),
        tariffs={table.name: (table,)},
        settlements={
            service_number.number: Settlement(
                share=Decimal("0.60"),
                transport_per_minute={
                    "voip": Decimal("0.01"),
                    "fixed": Decimal("0.02"),
                    "mobile": Decimal("0.12"),
                    "international": Decimal("0.25"),
                },
            )
        },
    )


def make_engine(reference: Reference, **settings: Any) -> Engine:
    """Make an engine on fakes: a clock that stands still, a journal and a link in memory.

    Prices are spoken elsewhere unless a test says that they are spoken here.
    """
    from tests.fakes.switch import FakeLink  # it is made of what is here

    live_calls = LiveCalls()
    clock = FakeClock(CREATED_US)
    log = structlog.wrap_logger(CapturingLogger())
    return Engine(
        settings=Settings(engine="engine-1", **{"announce_prices": "elsewhere", **settings}),
        clock=clock,
        reference=lambda: reference,
        journal=MemoryJournal(),
        link=FakeLink(live_calls),
        live_calls=live_calls,
        ticker=Ticker(clock, log),
        metrics=Metrics(),
        log=log,
        trunks=[ip_network("127.0.0.0/8")],
    )
