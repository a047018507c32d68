"""What a call was spared, because nobody told its caller in time; read from its record."""

from __future__ import annotations

from collections.abc import Iterator

from callcontrol.cdr.record import Cdr
from tariffs import STEP, Withheld


def withheld_in(record: Cdr) -> Iterator[Withheld]:
    """List what the table brought by itself and the record says was withheld.

    A fixed charge is a line of nothing then. A step is a change that is not in force from the
    instant it was due: it came later, when it had been told, or was refused.
    """
    for line in record.lines:
        if line.kind == "fixed" and not line.amount and line.at_us is not None:
            yield Withheld(at_us=line.at_us, kind="fixed")
    for change in record.changes:
        if change.by == STEP and change.in_force_us != change.asked_us:
            yield Withheld(at_us=change.asked_us, kind="step", level=change.level)
