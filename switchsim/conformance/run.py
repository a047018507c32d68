"""Replays cases and compares them."""

from switchsim.conformance.compare import Comparison, compare
from switchsim.conformance.recording import Case
from switchsim.conformance.replay import replay


def run(cases: list[Case]) -> list[Comparison]:
    """The comparisons of all cases, in order."""
    replayed = replay(cases)
    return [compare(replayed[case.name]) for case in cases]
