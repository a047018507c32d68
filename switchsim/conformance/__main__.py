"""`python -m switchsim.conformance`: the table scenario x same/left out."""

import argparse
import sys
from pathlib import Path

from switchsim import quiet
from switchsim.conformance.compare import Comparison
from switchsim.conformance.left_out import why_left_out
from switchsim.conformance.recording import load
from switchsim.conformance.run import run


def main(arguments: list[str] | None = None) -> int:
    """Replays and compares; exits 1 when any case differs."""
    parser = argparse.ArgumentParser(prog="switchsim.conformance", description=__doc__)
    parser.add_argument("--recordings", type=Path, default=Path("fixtures/esl"))
    parser.add_argument("--case", default="", help="only cases whose name contains this")
    parser.add_argument("--verbose", "-v", action="store_true", help="every difference")
    options = parser.parse_args(arguments)
    cases = [case for case in load(options.recordings) if options.case in case.name]
    if not cases:
        sys.stderr.write(f"no recorded case in {options.recordings}\n")
        return 2
    left_out = {case.name: why for case in cases if (why := why_left_out(case.name))}
    quiet.hush()
    compared = run([case for case in cases if case.name not in left_out])
    for line in table(compared, left_out, verbose=options.verbose):
        sys.stdout.write(f"{line}\n")
    return 1 if any(comparison.differences for comparison in compared) else 0


def table(
    compared: list[Comparison], left_out: dict[str, str], *, verbose: bool = False
) -> list[str]:
    """One line per case, and one for the whole."""
    width = max(len(name) for name in (*left_out, *(c.case for c in compared)))
    lines = {name: [f"{name:{width}}  left out: {why}"] for name, why in left_out.items()}
    for comparison in compared:
        result = "DIFFERENT" if comparison.differences else "same"
        counts = f"{comparison.compared:15}  {comparison.left_out:8}"
        lines[comparison.case] = [f"{comparison.case:{width}}  {result:9}  {counts}"]
        if verbose:
            lines[comparison.case] += [f"    {text}" for text in comparison.differences]
    same = sum(not comparison.differences for comparison in compared)
    return [
        f"{'case':{width}}  result     values the same  left out",
        *(line for name in sorted(lines) for line in lines[name]),
        f"{same} of {len(compared)} cases the same, {len(left_out)} left out",
    ]


if __name__ == "__main__":
    sys.exit(main())
