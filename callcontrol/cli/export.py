"""`callcontrol export`: writes the reference in Postgres back out as a reference file."""

from __future__ import annotations

from typing import Annotated

import typer

from callcontrol.config import settings
from callcontrol.reference_file import text_of
from callcontrol.routing import instant_from
from callcontrol.store.reference_load import export_reference
from callcontrol.store.reference_past import export_reference_at


def export(
    at: Annotated[
        str | None,
        typer.Option(
            metavar="INSTANT",
            help="What was configured then; without an offset it is local time in Switzerland."
            " [now]",
        ),
    ] = None,
) -> None:
    """Write the reference in Postgres to standard output, as a reference file.

    `callcontrol load` of what this prints changes nothing. Entries are in order of their names,
    and what is as it is by default is left out.
    """
    dsn = settings().dsn
    if at is None:
        print(text_of(export_reference(dsn)), end="")
    else:
        print(text_of(export_reference_at(dsn, at=instant_from(at))), end="")
