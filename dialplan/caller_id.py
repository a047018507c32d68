"""What each gateway is told of the caller: the one number shown, and the real one if trusted.

The switch copies a caller's number and name into every outgoing leg unless told otherwise, so
a `CallerId` always says everything, and its reader sends what it says and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

from dialplan.gateway import DiversionHeader, Gateway, IdentityHeader
from dialplan.numbers import E164, Caller
from dialplan.presentation import Presentation
from dialplan.service_number import ServiceNumber

ANONYMOUS = "Anonymous"


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


# A SIP URI dialled without a gateway goes to a stranger: untrusted, nothing but a From.
_DIRECT = Gateway(name="direct", host="localhost", identity_header="none")


def present(
    presentation: Presentation,
    caller: Caller,
    number: ServiceNumber,
    gateway: Gateway | None,
) -> CallerId:
    """Say what a gateway is told of a caller.

    Args:
        presentation: of the step, or of the number when the step has none.
        caller: who calls.
        number: the service number called.
        gateway: through which the call goes; None: a SIP URI dialled directly.

    Returns:
        A withheld number appears in `asserted` towards a trusted gateway, with
        `is_private`, and nowhere else (RFC 3323, RFC 3325).
    """
    trunk = gateway or _DIRECT
    shown = _shown(presentation, caller, number)
    asserted = _asserted(caller, shown, trunk)
    is_hidden = presentation is Presentation.WITHHELD or caller.withheld
    written = trunk.written(shown) if shown is not None else None
    diverts = trunk.diversion_header != "none"
    return CallerId(
        from_number=written,
        display=written or ANONYMOUS,
        asserted=trunk.written(asserted) if asserted is not None else None,
        identity_header=trunk.identity_header,
        is_private=is_hidden and (shown is None or asserted not in (None, shown)),
        diverted_from=trunk.written(number.number) if diverts else None,
        diversion_header=trunk.diversion_header,
    )


def _shown(presentation: Presentation, caller: Caller, number: ServiceNumber) -> E164 | None:
    if presentation is Presentation.NUMBER:
        return number.number
    if presentation is Presentation.FIXED:
        return number.fixed_number
    is_shown = presentation is Presentation.CALLER and not caller.withheld
    return caller.number if is_shown else None


def _asserted(caller: Caller, shown: E164 | None, trunk: Gateway) -> E164 | None:
    if trunk.identity_header == "none":
        return None
    if trunk.trusted and trunk.asserts == "caller":
        return caller.number
    return shown
