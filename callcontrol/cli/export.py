"""`callcontrol export`: writes the reference in Postgres back out as a reference file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from callcontrol.config import settings
from callcontrol.reference_file import text_of
from callcontrol.routing import instant_from
from callcontrol.store.reference_load import export_reference
from callcontrol.store.reference_past import export_reference_at

_LEAST_URGENT = 19


def export(
    at: Annotated[
        str | None,
        typer.Option(
            metavar="INSTANT",
            help="What was configured then; without an offset it is local time in Switzerland."
            " [now]",
        ),
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option(
            hidden=True, help="Keep it in this file, as an engine does, with no haste."
        ),
    ] = None,
) -> None:
    """Write the reference in Postgres to standard output, as a reference file.

    `callcontrol load` of what this prints changes nothing. Entries are in order of their names,
    and what is as it is by default is left out.
    """
    dsn = settings().dsn
    if keep is not None:
        from callcontrol.store.reference_keep import keep_once

        os.nice(_LEAST_URGENT)
        keep_once(dsn, keep)
    elif at is None:
        print(text_of(export_reference(dsn)), end="")
    else:
        print(text_of(export_reference_at(dsn, at=instant_from(at))), end="")
