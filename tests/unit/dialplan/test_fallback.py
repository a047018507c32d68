"""What is dialled next: gateways, steps, limits, and when to stop."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dialplan import (
    Attempt,
    Dial,
    Disposition,
    Outcome,
    Presentation,
    Route,
    Step,
    Stop,
    Target,
    next_attempt,
)
from tests.dialplan_builders import make_route, make_step, make_target

_ONE = make_target("+41215550101", "a", "b")
_TWO = make_target("+41215550102", "b", "c")
_SIP = Target(kind="sip", address="sip:desk@example.net")


def _dialled(plan: Dial | Stop) -> list[tuple[str, str | None]]:
    assert isinstance(plan, Dial)
    return [(branch.target.address, branch.gateway) for branch in plan.branches]


def _run(route: Route, *causes: str) -> Dial | Stop:
    """Dial until every cause is used up, and give the answer after the last."""
    attempts: list[Attempt] = []
    for cause in causes:
        plan = next_attempt(route, attempts, 0)
        assert isinstance(plan, Dial)
        attempts.append(Attempt(dial=plan, cause=cause))
    return next_attempt(route, attempts, 0)


def test_the_first_step_rings_all_its_targets_together() -> None:
    """Each through its first gateway, a SIP URI directly."""
    route = make_route(
        Step(targets=(_ONE, _TWO, _SIP), ring_s=20, presentation=Presentation.NUMBER)
    )
    plan = next_attempt(route, [], 0)

    assert _dialled(plan) == [(_ONE.address, "a"), (_TWO.address, "b"), (_SIP.address, None)]
    assert isinstance(plan, Dial)
    assert (plan.step, plan.ring_s, plan.presentation) == (0, 20, Presentation.NUMBER)


@pytest.mark.parametrize("cause", ["NORMAL_TEMPORARY_FAILURE", "PROGRESS_TIMEOUT"])
def test_a_gateway_failure_tries_the_next_gateway_of_the_same_target(cause: str) -> None:
    """Inside the step, each gateway once; then the next step."""
    route = make_route(make_step(_ONE), make_step(_TWO))

    assert _dialled(_run(route, cause)) == [(_ONE.address, "b")]
    assert _dialled(_run(route, cause, cause)) == [(_TWO.address, "b")]
    assert _dialled(_run(route, cause, cause, cause)) == [(_TWO.address, "c")]
    assert _run(route, cause, cause, cause, cause) == Stop(
        cause="NETWORK_OUT_OF_ORDER", disposition=Disposition.UNREACHABLE
    )


def test_a_busy_target_is_not_tried_through_another_gateway() -> None:
    """Busy is the destination's word: the next step follows."""
    assert _dialled(_run(make_route(make_step(_ONE), make_step(_TWO)), "USER_BUSY")) == [
        (_TWO.address, "b")
    ]


def test_ringing_together_only_the_failed_gateways_are_replaced() -> None:
    """With the cause of each branch known, who did not answer is left in peace."""
    route = make_route(make_step(_ONE, _TWO, _SIP))
    plan = next_attempt(route, [], 0)
    assert isinstance(plan, Dial)
    attempt = Attempt(
        dial=plan,
        cause="ALLOTTED_TIMEOUT",
        causes=("NORMAL_TEMPORARY_FAILURE", "ALLOTTED_TIMEOUT", "GATEWAY_DOWN"),
    )

    assert _dialled(next_attempt(route, [attempt], 5)) == [(_ONE.address, "b")]


@pytest.mark.parametrize("causes", [(), (None, None), ("GATEWAY_DOWN",)])
def test_without_the_cause_of_each_branch_the_common_one_counts(
    causes: tuple[str | None, ...],
) -> None:
    """Nothing told, or not of these branches: the cause of the whole is everybody's."""
    route = make_route(make_step(_ONE, _TWO))
    plan = next_attempt(route, [], 0)
    assert isinstance(plan, Dial)
    attempt = Attempt(dial=plan, cause="NETWORK_OUT_OF_ORDER", causes=causes)

    assert _dialled(next_attempt(route, [attempt], 0)) == [
        (_ONE.address, "b"),
        (_TWO.address, "c"),
    ]


def test_the_same_target_in_another_step_starts_afresh() -> None:
    """Gateways are counted within a step."""
    route = make_route(make_step(_ONE), make_step(_ONE))

    assert _dialled(_run(route, "USER_BUSY")) == [(_ONE.address, "a")]


@pytest.mark.parametrize(
    ("cause", "stop"),
    [
        ("USER_BUSY", Stop(cause="USER_BUSY", disposition=Disposition.BUSY)),
        ("ALLOTTED_TIMEOUT", Stop(cause="NO_ANSWER", disposition=Disposition.NO_ANSWER)),
        ("CALL_REJECTED", Stop(cause="CALL_REJECTED", disposition=Disposition.REJECTED)),
        (
            "UNALLOCATED_NUMBER",
            Stop(cause="UNALLOCATED_NUMBER", disposition=Disposition.FAILED),
        ),
    ],
)
def test_after_the_last_step_the_last_cause_decides(cause: str, stop: Stop) -> None:
    """The caller is released as a carrier expects."""
    assert _run(make_route(make_step(_ONE), make_step(_TWO)), "NO_ANSWER", cause) == stop


def test_an_outcome_that_does_not_move_on_stops() -> None:
    """A step may end the route when the destination refuses."""
    patient = replace(make_step(_ONE), next_on=frozenset({Outcome.NO_ANSWER, Outcome.BUSY}))
    route = make_route(patient, make_step(_TWO))

    assert _run(route, "CALL_REJECTED") == Stop(
        cause="CALL_REJECTED", disposition=Disposition.REJECTED
    )
    assert _dialled(_run(route, "USER_BUSY")) == [(_TWO.address, "b")]


@pytest.mark.parametrize("cause", ["LOSE_RACE", "MANAGER_REQUEST", "SYSTEM_SHUTDOWN"])
def test_a_final_cause_stops(cause: str) -> None:
    """Nothing is dialled after the call was answered elsewhere or ended on purpose."""
    assert isinstance(_run(make_route(make_step(_ONE), make_step(_TWO)), cause), Stop)


@pytest.mark.parametrize(
    ("ended", "stop"),
    [
        (
            {"is_answered": True},
            Stop(cause="NORMAL_CLEARING", disposition=Disposition.ANSWERED),
        ),
        (
            {"is_abandoned": True},
            Stop(cause="ORIGINATOR_CANCEL", disposition=Disposition.ABANDONED),
        ),
    ],
)
def test_nothing_is_tried_after_an_answer_or_without_a_caller(
    ended: dict[str, bool], stop: Stop
) -> None:
    """Whatever the cause says."""
    route = make_route(make_step(_ONE), make_step(_TWO))
    plan = next_attempt(route, [], 0)
    assert isinstance(plan, Dial)

    assert next_attempt(route, [Attempt(dial=plan, cause="USER_BUSY", **ended)], 0) == stop


@pytest.mark.parametrize(
    ("elapsed_s", "ring_s"),
    [(-5, 25), (0, 25), (35, 25), (35.1, 24), (58.9, 1), (59, 1), (59.01, None), (1e9, None)],
)
def test_ringing_never_passes_the_limit_of_the_route(
    elapsed_s: float, ring_s: int | None
) -> None:
    """Whole seconds, at least one; less than one left is the end."""
    route = make_route(make_step(_ONE), make_step(_TWO), limit_s=60)
    plan = next_attempt(route, [], 0)
    assert isinstance(plan, Dial)
    after = next_attempt(route, [Attempt(dial=plan, cause="NO_ANSWER")], elapsed_s)

    assert (after.ring_s if isinstance(after, Dial) else None) == ring_s


def test_a_limit_that_passed_before_the_first_ring() -> None:
    """Nobody answered in time."""
    assert next_attempt(make_route(), [], 120) == Stop(
        cause="NO_ANSWER", disposition=Disposition.NO_ANSWER
    )
