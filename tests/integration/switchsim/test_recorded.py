"""The stand-in switch says what FreeSWITCH said."""

from pathlib import Path

import pytest

from switchsim import quiet
from switchsim.conformance.left_out import CASES, why_left_out
from switchsim.conformance.recording import load
from switchsim.conformance.run import run

_RECORDED = load(Path(__file__).parents[3] / "fixtures" / "esl")
_CASES = [case for case in _RECORDED if why_left_out(case.name) is None]


@pytest.fixture(scope="module")
def compared():
    """Every recorded case, replayed; their seconds pass as fast as the work is done."""
    quiet.hush()
    return {comparison.case: comparison for comparison in run(_CASES)}


@pytest.mark.parametrize("name", [case.name for case in _CASES])
def test_a_recorded_case_is_repeated(name, compared):
    """Same events in the same order, same headers and values, same SIP on both sides."""
    comparison = compared[name]

    assert comparison.differences == ()
    assert comparison.compared > comparison.left_out


def test_what_is_left_out_is_recorded():
    """The list of cases left out names nothing that is not there."""
    left_out = [case for case in _RECORDED if why_left_out(case.name)]

    assert len(left_out) == len(CASES)
