"""Laws of the fallback: it ends, repeats nothing, and never goes on when it must not."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dialplan import (
    CAUSES,
    Attempt,
    Branch,
    Dial,
    Disposition,
    Outcome,
    Route,
    Step,
    Stop,
    Target,
    is_final,
    is_gateway_failure,
    next_attempt,
    outcome_of,
    q850_of,
)

_GATEWAYS = st.lists(st.sampled_from("abcd"), min_size=1, max_size=4, unique=True).map(tuple)
_NUMBERS = st.integers(0, 4).map(lambda digit: f"+4144555010{digit}")
_TARGETS = st.builds(
    Target, kind=st.just("pstn"), address=_NUMBERS, gateways=_GATEWAYS
) | st.builds(
    Target,
    kind=st.just("sip"),
    address=st.integers(0, 4).map(lambda digit: f"sip:desk{digit}@example.net"),
    gateways=st.just(()) | _GATEWAYS,
)


def _routes(most_targets: int) -> st.SearchStrategy[Route]:
    steps = st.builds(
        Step,
        targets=st.lists(
            _TARGETS, min_size=1, max_size=most_targets, unique_by=lambda target: target.address
        ).map(tuple),
        ring_s=st.integers(1, 60),
        next_on=st.frozensets(st.sampled_from(Outcome)),
    )
    return st.builds(
        Route,
        name=st.just("office"),
        steps=st.lists(steps, min_size=1, max_size=4).map(tuple),
        limit_s=st.integers(1, 300),
    )


_CAUSES = st.sampled_from([*CAUSES, "a cause of next year"])
# Causes that lead on, so that long walks are common.
_LEADING_ON = st.sampled_from(["USER_BUSY", "NORMAL_TEMPORARY_FAILURE", "PROGRESS_TIMEOUT"])


@st.composite
def _ended(draw: st.DrawFn, dial: Dial) -> Attempt:
    """End an attempt in some way, with or without the cause of each branch."""
    count = len(dial.branches)
    each = st.lists(st.none() | _CAUSES, min_size=count, max_size=count).map(tuple)
    return Attempt(
        dial=dial,
        cause=draw(_LEADING_ON | _CAUSES),
        causes=draw(st.just(()) | each),
        is_answered=draw(st.integers(0, 19)) == 0,
        is_abandoned=draw(st.integers(0, 19)) == 0,
    )


def _walk(route: Route, data: st.DataObject) -> tuple[list[Attempt], Stop]:
    """Dial until the dialplan says stop, each attempt ringing for as long as it may."""
    attempts: list[Attempt] = []
    rung_s = 0
    plan = next_attempt(route, attempts, rung_s)
    while isinstance(plan, Dial):
        attempts.append(data.draw(_ended(plan)))
        rung_s += plan.ring_s
        plan = next_attempt(route, attempts, rung_s)
    return attempts, plan


@given(route=_routes(4), data=st.data())
def test_it_ends_and_dials_nothing_twice(route: Route, data: st.DataObject) -> None:
    """No target through the same gateway twice in a step, no step twice, none skipped."""
    attempts, _ = _walk(route, data)
    dialled = [
        (attempt.dial.step, branch) for attempt in attempts for branch in attempt.dial.branches
    ]
    steps = list(dict.fromkeys(attempt.dial.step for attempt in attempts))

    assert len(dialled) == len(set(dialled))
    assert steps == list(range(len(steps)))
    assert all(
        branch.gateway in branch.target.gateways or not branch.target.gateways
        for _, branch in dialled
    )


@given(route=_routes(4), data=st.data())
def test_it_never_rings_past_the_limit(route: Route, data: st.DataObject) -> None:
    """If every attempt rings to its end, all of them end within the route's limit."""
    attempts, _ = _walk(route, data)

    assert sum(attempt.dial.ring_s for attempt in attempts) <= route.limit_s
    assert all(
        1 <= attempt.dial.ring_s <= route.steps[attempt.dial.step].ring_s
        for attempt in attempts
    )


@given(route=_routes(4), data=st.data())
def test_it_never_goes_on_when_it_must_not(route: Route, data: st.DataObject) -> None:
    """Not after an answer, without a caller, after a final cause, or against next_on."""
    attempts, stop = _walk(route, data)

    for attempt, after in pairwise(attempts):
        assert not attempt.is_answered
        assert not attempt.is_abandoned
        assert not is_final(attempt.cause)
        if after.dial.step > attempt.dial.step:
            assert outcome_of(attempt.cause) in route.steps[attempt.dial.step].next_on
    if attempts and attempts[-1].is_answered:
        assert stop.disposition is Disposition.ANSWERED
    elif attempts and attempts[-1].is_abandoned:
        assert stop.disposition is Disposition.ABANDONED
    else:
        assert q850_of(stop.cause) is not None


def _by_hand(route: Route, causes: Iterator[str]) -> Iterator[tuple[int, Branch]]:
    """Walk steps and gateways in two plain loops; steps of one target, no limit."""
    for index, step in enumerate(route.steps):
        (target,) = step.targets
        cause = ""
        for gateway in target.gateways or (None,):
            yield index, Branch(target=target, gateway=gateway)
            cause = next(causes)
            if is_final(cause):
                return
            if not is_gateway_failure(cause):
                break
        if outcome_of(cause) not in step.next_on:
            return


@given(route=_routes(1), causes=st.lists(_LEADING_ON | _CAUSES, min_size=16, max_size=16))
def test_it_dials_what_two_plain_loops_dial(route: Route, causes: list[str]) -> None:
    """For steps of one target the order is steps outside, gateways inside."""
    attempts: list[Attempt] = []
    plan = next_attempt(route, attempts, 0)
    while isinstance(plan, Dial):
        attempts.append(Attempt(dial=plan, cause=causes[len(attempts)]))
        plan = next_attempt(route, attempts, 0)
    dialled = [(attempt.dial.step, *attempt.dial.branches) for attempt in attempts]

    assert dialled == list(_by_hand(route, iter(causes)))
