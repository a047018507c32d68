"""`callcontrol export`: writes the reference in Postgres back out as a reference file."""

from __future__ import annotations

from callcontrol.config import settings
from callcontrol.reference_file import text_of
from callcontrol.store.reference_load import export_reference


def export() -> None:
    """Write the reference in Postgres to standard output, as a reference file.

    `callcontrol load` of what this prints changes nothing. Entries are in order of their names,
    and what is as it is by default is left out.
    """
    print(text_of(export_reference(settings().dsn)), end="")
