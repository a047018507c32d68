"""What the dialplan says of a call: connect it, or release it; always with the rule."""

from __future__ import annotations

from dataclasses import dataclass

from dialplan.blacklist import BlacklistEntry
from dialplan.causes import Disposition
from dialplan.directory import Customer
from dialplan.presentation import Presentation
from dialplan.scope import Scope
from dialplan.service_number import ServiceNumber
from dialplan.target import Route


@dataclass(frozen=True, slots=True, kw_only=True)
class Connect:
    """Dial the route.

    Attributes:
        rule: what decided, such as `weekly:mon-fri 08:00-18:00`.
        number: the service number called.
        customer: who rents it.
        route: the steps to dial.
        presentation: what the destination is shown, unless the step says otherwise.
        tariff: the name of the tariff in force.
        level: the level the call starts at.
        scopes: what this call counts against while it lasts: the number, its customer and
            the accounts above.
    """

    rule: str
    number: ServiceNumber
    customer: Customer
    route: Route
    presentation: Presentation
    tariff: str
    level: int
    scopes: tuple[Scope, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """End the call, uncharged.

    Attributes:
        rule: what decided, such as `closed`; never shows digits of a withheld number.
        cause: the name of the hangup cause.
        disposition: what the record says.
        number: the service number called; None when there is no such number.
        customer: who rents it; None with `number`.
        message: the name of a prompt to play first; None: none.
        entry: the blacklist entry that blocked; None when something else decided.
    """

    rule: str
    cause: str
    disposition: Disposition
    number: ServiceNumber | None = None
    customer: Customer | None = None
    message: str | None = None
    entry: BlacklistEntry | None = None


Decision = Connect | Release
