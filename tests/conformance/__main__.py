"""Prints which cases libraries get right.

    python -m tests.conformance
    python -m tests.conformance --subject 'name=command that starts it' --markdown

Without --subject: ours and plain greenswitch. Ends with 1 when ours fails a case.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Sequence

from tests.conformance.case import Case
from tests.conformance.cases import CASES
from tests.conformance.stage import Stage

OURS = "ours"
SUBJECTS = {
    OURS: [sys.executable, "-m", "tests.conformance.subjects.ours"],
    "greenswitch": [sys.executable, "-m", "tests.conformance.subjects.plain_greenswitch"],
}


def outcome(case: Case, command: Sequence[str]) -> str:
    """Play one case to one subject: `ok`, or what it gave instead."""
    try:
        with Stage(command, limit=case.limit) as stage:
            given = case.play(stage)
    except AssertionError as exc:
        return f"fails: {exc}"
    if given == case.right:
        return "ok"
    return f"fails: {json.dumps(given, ensure_ascii=False)}"


def row(case: Case, outcomes: Sequence[str], *, is_markdown: bool) -> str:
    """Write one line of the table."""
    if is_markdown:
        cells = [
            "ok" if one == "ok" else f"`{one.removeprefix('fails: ')}`".replace("|", "\\|")
            for one in outcomes
        ]
        return f"| {case.name} | " + " | ".join(cells) + " |"
    return f"{case.name:56}" + "".join(f"  {one[:60]:60}" for one in outcomes).rstrip()


def arguments() -> argparse.Namespace:
    """Read which subjects and which cases to play."""
    parser = argparse.ArgumentParser(prog="tests.conformance", description=__doc__)
    parser.add_argument("--subject", action="append", default=[], metavar="NAME=COMMAND")
    parser.add_argument("--case", default="", help="only cases with this in their name")
    parser.add_argument("--markdown", action="store_true")
    return parser.parse_args()


def main() -> None:
    """Play all cases to all subjects."""
    wanted = arguments()
    subjects: dict[str, Sequence[str]] = dict(SUBJECTS)
    for one in wanted.subject:
        name, _, command = one.partition("=")
        subjects[name] = shlex.split(command)
    write = sys.stdout.write
    if wanted.markdown:
        write(
            "| case | " + " | ".join(subjects) + " |\n" + "|---" * (1 + len(subjects)) + "|\n"
        )
    else:
        write(f"{'':56}" + "".join(f"  {name:60}" for name in subjects).rstrip() + "\n")
    right = dict.fromkeys(subjects, 0)
    cases = [case for case in CASES if wanted.case in case.name]
    for case in cases:
        outcomes = [outcome(case, command) for command in subjects.values()]
        write(row(case, outcomes, is_markdown=wanted.markdown) + "\n")
        sys.stdout.flush()
        for name, one in zip(subjects, outcomes, strict=True):
            right[name] += one == "ok"
    write("\n" + ", ".join(f"{name} {n} of {len(cases)}" for name, n in right.items()) + "\n")
    sys.exit(right[OURS] != len(cases))


if __name__ == "__main__":
    main()
