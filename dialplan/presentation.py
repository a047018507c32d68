"""What the destination's phone may show of the caller."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from dialplan.gateway import DiversionHeader, IdentityHeader


class Presentation(StrEnum):
    """Which number the destination is shown.

    `caller` the caller's own (nothing when withheld), `number` the service number called,
    `fixed` a number the customer has proved to own, `withheld` none.
    """

    CALLER = "caller"
    NUMBER = "number"
    FIXED = "fixed"
    WITHHELD = "withheld"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerId:
    """What one gateway is told of the caller; everything else must not be sent.

    Attributes:
        from_number: for the From header, written as the gateway wants it; None: anonymous.
        display: for the From header's display name; never empty, because the switch would
            put the caller's own name into an empty one.
        asserted: for the header of the asserted identity; None: leave the header out.
        identity_header: which header that is: P-Asserted-Identity or Remote-Party-ID.
        is_private: send `Privacy: id` (or its like in Remote-Party-ID).
        diverted_from: the service number called, for the diversion header; None: leave it out.
        diversion_header: which header that is.
    """

    from_number: str | None
    display: str
    asserted: str | None
    identity_header: IdentityHeader
    is_private: bool
    diverted_from: str | None
    diversion_header: DiversionHeader
