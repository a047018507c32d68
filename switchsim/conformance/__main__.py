"""`python -m switchsim.conformance`: the table scenario x same/left out."""

import argparse
import sys
from pathlib import Path

from switchsim import quiet
from switchsim.conformance.compare import Comparison, compare
from switchsim.conformance.recording import load
from switchsim.conformance.replay import replay

SCENARIOS = frozenset({"01", "02", "03", "04", "05", "06", "10", "18", "21"})


def main(arguments: list[str] | None = None) -> int:
    """Replays and compares; exits 1 when any case differs."""
    parser = argparse.ArgumentParser(prog="switchsim.conformance", description=__doc__)
    parser.add_argument("--recordings", type=Path, default=Path("fixtures/esl"))
    parser.add_argument("--case", default="", help="only cases whose name contains this")
    parser.add_argument("--all", action="store_true", help="every scenario that is recorded")
    parser.add_argument("--verbose", "-v", action="store_true", help="every difference")
    options = parser.parse_args(arguments)
    scenarios = None if options.all else SCENARIOS
    cases = [case for case in load(options.recordings, scenarios) if options.case in case.name]
    if not cases:
        sys.stderr.write(f"no recorded case in {options.recordings}\n")
        return 2
    quiet.hush()
    replayed = replay(cases)
    compared = [compare(replayed[case.name]) for case in cases]
    for line in table(compared, verbose=options.verbose):
        sys.stdout.write(f"{line}\n")
    return 1 if any(comparison.differences for comparison in compared) else 0


def table(compared: list[Comparison], *, verbose: bool = False) -> list[str]:
    """One line per case, and one for the whole."""
    width = max(len(comparison.case) for comparison in compared)
    lines = [f"{'case':{width}}  result     values the same  left out"]
    for comparison in compared:
        result = "DIFFERENT" if comparison.differences else "same"
        counts = f"{comparison.compared:15}  {comparison.left_out:8}"
        lines.append(f"{comparison.case:{width}}  {result:9}  {counts}")
        if verbose:
            lines += [f"    {difference}" for difference in comparison.differences]
    same = sum(not comparison.differences for comparison in compared)
    lines.append(f"{same} of {len(compared)} cases the same")
    return lines


if __name__ == "__main__":
    sys.exit(main())
