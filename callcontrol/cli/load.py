"""`callcontrol load`: validates a reference file and writes it to Postgres."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from callcontrol.clock import SystemClock, at_of
from callcontrol.config import settings
from callcontrol.reference_file import read_reference_file
from callcontrol.reference_file.differences import Difference
from callcontrol.store.reference_load import load_reference

_MOST_SHOWN = 500


def load(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The reference file (YAML).")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only print what would change.")
    ] = False,
) -> None:
    """Validate a reference file and make Postgres say the same, in one transaction.

    What the file does not contain is removed. Engines that run take the change at once; calls
    in progress keep what they began with.
    """
    chosen = settings()
    now = at_of(SystemClock().now_us())
    entries, _ = read_reference_file(file, at=now, prefixes=chosen.number_prefixes)
    found = load_reference(chosen.dsn, entries, is_trial=dry_run)
    for difference in found[:_MOST_SHOWN]:
        print(difference)
    if len(found) > _MOST_SHOWN:
        print(f"... and {len(found) - _MOST_SHOWN} more")
    print(_sum(found, dry_run))


def _sum(found: list[Difference], dry_run: bool) -> str:
    if not found:
        return "nothing differs"
    counts = dict.fromkeys(("added", "changed", "removed"), 0)
    for difference in found:
        counts[difference.kind] += 1
    told = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
    return f"{told}; nothing was written" if dry_run else told
