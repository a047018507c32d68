"""Replays cases and compares them; a case that differs gets a second chance.

A busy machine can stall for seconds, and then lengths of time differ. What differs is replayed
once more with only its like beside it, and differs for good when it differs again.
"""

from switchsim.conformance.compare import Comparison, compare
from switchsim.conformance.recording import Case
from switchsim.conformance.replay import replay


def run(cases: list[Case]) -> tuple[list[Comparison], int]:
    """The comparisons of all cases, in order, and how many were replayed twice."""
    replayed = replay(cases)
    outcome = {case.name: compare(replayed[case.name]) for case in cases}
    again = [case for case in cases if outcome[case.name].differences]
    if again:
        replayed = replay(again)
        outcome |= {case.name: compare(replayed[case.name]) for case in again}
    return list(outcome.values()), len(again)
