"""A trunk towards the telephone network: where it is, how it wants numbers, what it may see."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import phonenumbers

from dialplan.errors import Fault, InvalidGateway
from dialplan.numbers import E164, HOME_REGION

NumberFormat = Literal["e164", "international", "national", "digits"]
"""How a trunk writes a number: +41445550101, 0041445550101, 0445550101 or 41445550101."""

IdentityHeader = Literal["pai", "rpid", "none"]
DiversionHeader = Literal["diversion", "history-info", "none"]
Asserts = Literal["caller", "shown"]

_HOME_CODE = str(phonenumbers.country_code_for_region(HOME_REGION))

# All of it ends in a dial string of the switch, where commas, braces, pipes and `$` mean
# something: only what a name, a host and a dialled prefix need is let in.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?|\[[0-9A-Fa-f:.]{2,45}\]")
_PREFIX = re.compile(r"[0-9+*#]{0,16}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    """One trunk.

    Attributes:
        name: how targets refer to it.
        host: name, IPv4 address, or IPv6 address in square brackets.
        port: 1-65535.
        transport: of its signalling.
        prefix: digits it wants before every number.
        number_format: how it writes numbers.
        trusted: it belongs to our trust domain (RFC 3325) and may be told a withheld number.
        identity_header: the header in which it takes the asserted identity.
        asserts: whose number is asserted: the real caller's (only towards a trusted one),
            or the one shown.
        diversion_header: the header that tells it which service number was called.

    Raises:
        InvalidGateway: a name, host, port or prefix that cannot stand in a dial string.
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

    def __post_init__(self) -> None:
        """Refuse what cannot be dialled."""
        checks = {
            "name": (_NAME.fullmatch(self.name), "letters, digits, dots, hyphens, underscores"),
            "host": (_HOST.fullmatch(self.host), "a host name, or an address"),
            "port": (1 <= self.port <= 65535, "a port from 1 to 65535"),
            "prefix": (_PREFIX.fullmatch(self.prefix), "at most 16 digits, +, * or #"),
        }
        faults = [
            Fault(path=path, message=f"{getattr(self, path)!r} is not {wanted}")
            for path, (holds, wanted) in checks.items()
            if not holds
        ]
        if faults:
            raise InvalidGateway(*faults)

    def written(self, number: E164) -> str:
        """Write a number the way this trunk does, without its prefix."""
        digits = number.removeprefix("+")
        if self.number_format == "e164":
            return number
        if self.number_format == "digits":
            return digits
        if self.number_format == "national" and digits.startswith(_HOME_CODE):
            return f"0{digits.removeprefix(_HOME_CODE)}"
        return f"00{digits}"


def written_for(gateway: Gateway, number: E164) -> str:
    """Write a number to be dialled through a trunk: its prefix, then the number its way."""
    return gateway.prefix + gateway.written(number)
