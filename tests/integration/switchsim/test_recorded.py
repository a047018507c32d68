"""The stand-in switch says what FreeSWITCH said."""

from pathlib import Path

import pytest

from switchsim import quiet
from switchsim.conformance.__main__ import SCENARIOS
from switchsim.conformance.compare import compare
from switchsim.conformance.recording import load
from switchsim.conformance.replay import replay

_CASES = load(Path(__file__).parents[3] / "fixtures" / "esl", SCENARIOS)
_MIN_COMPARED = 300


@pytest.fixture(scope="module")
def replayed():
    """Every recorded case, replayed at the same time: as long as the longest takes."""
    quiet.hush()
    return replay(_CASES)


@pytest.mark.parametrize("name", [case.name for case in _CASES])
def test_a_recorded_case_is_repeated(name, replayed):
    """Same events in the same order, same headers and values, same SIP on both sides."""
    comparison = compare(replayed[name])

    assert comparison.differences == ()
    assert comparison.compared > _MIN_COMPARED


def test_every_scenario_is_recorded():
    """No scenario is missing from what the test compares."""
    assert {case.scenario for case in _CASES} == SCENARIOS
