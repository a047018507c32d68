"""A trunk towards the telephone network: where it is, how it wants numbers, what it may see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

NumberFormat = Literal["e164", "international", "national", "digits"]
"""How a trunk writes a number: +41445550101, 0041445550101, 0445550101 or 41445550101."""

IdentityHeader = Literal["pai", "rpid", "none"]
DiversionHeader = Literal["diversion", "history-info", "none"]
Asserts = Literal["caller", "shown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """One trunk.

    Attributes:
        name: how targets refer to it.
        host: name or address.
        port: 1-65535.
        transport: of its signalling.
        prefix: digits it wants before every number.
        number_format: how it writes numbers.
        trusted: it belongs to our trust domain (RFC 3325) and may be told a withheld number.
        identity_header: the header in which it takes the asserted identity.
        asserts: whose number is asserted: the real caller's (only towards a trusted one),
            or the one shown.
        diversion_header: the header that tells it which service number was called.
    """

    name: str
    host: str
    port: int = 5060
    transport: Literal["udp", "tcp", "tls"] = "udp"
    prefix: str = ""
    number_format: NumberFormat = "e164"
    trusted: bool = False
    identity_header: IdentityHeader = "pai"
    asserts: Asserts = "caller"
    diversion_header: DiversionHeader = "none"
