"""`python -m tests.chaos`: load while everything is killed at random; what was lost?"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

import structlog

from tests.chaos.run import chaos


def main() -> int:
    """Run; 0 when nothing was lost."""
    parser = argparse.ArgumentParser(prog="tests.chaos", description=__doc__)
    add = parser.add_argument
    add("--minutes", type=float, default=10)
    add("--rate", type=float, default=20, help="calls a second")
    add("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    add("--no-switch", action="store_true", help="the switch is not killed")
    add("--folder", type=Path, help="where logs and journals are left")
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    folder = options.folder or Path(tempfile.mkdtemp(prefix="callcontrol-chaos-"))
    folder.mkdir(exist_ok=True)
    print(f"seed {options.seed}, logs and journals in {folder}", flush=True)  # noqa: T201
    verdict = chaos(
        folder,
        seconds=options.minutes * 60,
        rate=options.rate,
        seed=options.seed,
        kills_switch=not options.no_switch,
        tell=lambda line: print(line, flush=True),  # noqa: T201
    )
    print("\n".join(verdict.lines()))  # noqa: T201
    print(f"seed {options.seed}: {'nothing lost' if verdict.is_good else 'LOST'}")  # noqa: T201
    return 0 if verdict.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
