"""What to dial next: gateway after gateway, step after step, until something says stop.

The engine's loop is

    attempts = []
    while isinstance(plan := next_attempt(route, attempts, elapsed_s), Dial):
        ... bridge plan.branches, wait ...
        attempts.append(Attempt(dial=plan, cause=..., causes=...))
"""

from __future__ import annotations

from dataclasses import dataclass

from dialplan.causes import Disposition
from dialplan.presentation import Presentation
from dialplan.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """One target dialled through one gateway (the SIP word for one of several forks).

    Attributes:
        target: whom.
        gateway: the gateway's name; None: the SIP URI is dialled directly.
    """

    target: Target
    gateway: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dial:
    """Ring these together.

    Attributes:
        step: the index of the step in the route, from 0.
        branches: one or more.
        ring_s: how long, in whole seconds, at least 1; never past the route's limit.
        presentation: what the step shows; None: what the number says.
    """

    step: int
    branches: tuple[Branch, ...]
    ring_s: int
    presentation: Presentation | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Nothing more to dial: release the caller.

    Attributes:
        cause: the name of the hangup cause, as a carrier expects it.
        disposition: what the record says.
    """

    cause: str
    disposition: Disposition


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What was dialled and how it ended.

    Attributes:
        dial: what was dialled.
        cause: the name of the cause of the whole.
        causes: the cause of each branch, in the order of `dial.branches`, where the switch
            told them; None for a branch it said nothing of. Empty: only `cause` is known.
        is_answered: the call was connected.
        is_abandoned: the caller left meanwhile.
    """

    dial: Dial
    cause: str
    causes: tuple[str | None, ...] = ()
    is_answered: bool = False
    is_abandoned: bool = False
