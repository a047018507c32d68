"""What to dial next: gateway after gateway, step after step, until something says stop.

The engine's loop is

    attempts = []
    while isinstance(plan := next_attempt(route, attempts, elapsed_s), Dial):
        ... bridge plan.branches, wait ...
        attempts.append(Attempt(dial=plan, cause=..., causes=...))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dialplan.causes import Disposition, is_final, is_gateway_failure, outcome_of, release_cause
from dialplan.presentation import Presentation
from dialplan.target import Route, Target


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


def next_attempt(route: Route, attempts: Sequence[Attempt], elapsed_s: float) -> Dial | Stop:
    """Say what to dial next, or that the caller is to be released.

    A gateway failure tries the next gateway of the same target, inside the step, until each
    has been tried once; then the step's `next_on` decides about the next step.

    Args:
        route: as the decision gave it; the same for all attempts of a call.
        attempts: what was dialled so far, in order, each as an earlier answer of this function.
        elapsed_s: seconds since the first attempt began.

    Returns:
        Dial, never the same target through the same gateway twice in a step; or Stop.
    """
    if not attempts:
        branches = _first_branches(route, 0)
        return _dial(route, 0, branches, elapsed_s) or _stopped("NO_ANSWER")
    last = attempts[-1]
    if last.is_answered:
        return Stop(cause="NORMAL_CLEARING", disposition=Disposition.ANSWERED)
    if last.is_abandoned:
        return Stop(cause="ORIGINATOR_CANCEL", disposition=Disposition.ABANDONED)
    step, branches = _next_branches(route, attempts)
    return _dial(route, step, branches, elapsed_s) or _stopped(last.cause)


def _next_branches(route: Route, attempts: Sequence[Attempt]) -> tuple[int, tuple[Branch, ...]]:
    last = attempts[-1]
    step = last.dial.step
    if is_final(last.cause):
        return step, ()
    other_ways = _other_ways(attempts)
    if other_ways:
        return step, other_ways
    moves_on = outcome_of(last.cause) in route.steps[step].next_on
    return step + 1, _first_branches(route, step + 1) if moves_on else ()


def _first_branches(route: Route, step: int) -> tuple[Branch, ...]:
    if step >= len(route.steps):
        return ()
    return tuple(
        Branch(target=target, gateway=target.gateways[0] if target.gateways else None)
        for target in route.steps[step].targets
    )


def _other_ways(attempts: Sequence[Attempt]) -> tuple[Branch, ...]:
    """Give the targets that the last attempt's gateways failed, each by its next gateway."""
    last = attempts[-1]
    tried = {
        branch
        for attempt in attempts
        if attempt.dial.step == last.dial.step
        for branch in attempt.dial.branches
    }
    ways = []
    for branch, cause in zip(last.dial.branches, _causes(last), strict=True):
        if is_gateway_failure(cause):
            every = (
                Branch(target=branch.target, gateway=name) for name in branch.target.gateways
            )
            ways.extend([way for way in every if way not in tried][:1])
    return tuple(ways)


def _causes(attempt: Attempt) -> tuple[str, ...]:
    """Give the cause of each branch: its own where it is known, else that of the whole."""
    if len(attempt.causes) != len(attempt.dial.branches):
        return (attempt.cause,) * len(attempt.dial.branches)
    return tuple(cause or attempt.cause for cause in attempt.causes)


def _dial(
    route: Route, step: int, branches: tuple[Branch, ...], elapsed_s: float
) -> Dial | None:
    """Ring the branches for as long as the step wants and the route's limit allows."""
    if not branches:
        return None
    left_s = int(route.limit_s - max(elapsed_s, 0))
    if left_s < 1:
        return None
    chosen = route.steps[step]
    return Dial(
        step=step,
        branches=branches,
        ring_s=min(chosen.ring_s, left_s),
        presentation=chosen.presentation,
    )


def _stopped(cause: str) -> Stop:
    return Stop(cause=release_cause(cause), disposition=Disposition(outcome_of(cause)))
