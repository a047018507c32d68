"""Where a call may be sent: targets, the steps that ring them, the route of steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dialplan.causes import Outcome
from dialplan.presentation import Presentation

EVERY_OUTCOME = frozenset(Outcome)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One place to send a call: a number through gateways, or a SIP URI.

    Attributes:
        kind: `pstn` or `sip`.
        address: E.164, or a `sip:`/`sips:` URI.
        gateways: names, tried in this order; at least one for `pstn`. A `sip` target without
            any is dialled directly.
    """

    kind: Literal["pstn", "sip"]
    address: str
    gateways: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Targets that ring together; the first to answer has the call.

    Attributes:
        targets: one or more.
        ring_s: how long they ring, in seconds.
        next_on: the outcomes after which the next step is tried.
        presentation: what they are shown; None: what the number says.
    """

    targets: tuple[Target, ...]
    ring_s: int = 25
    next_on: frozenset[Outcome] = EVERY_OUTCOME
    presentation: Presentation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Steps, tried in order.

    Attributes:
        name: how slots, special dates and overrides of the same number refer to it.
        steps: one or more.
        limit_s: seconds of ringing after which nothing more is tried.
    """

    name: str
    steps: tuple[Step, ...]
    limit_s: int = 120
