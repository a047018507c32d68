"""What the meter of a call was told, read from its record: whoever prices it again needs it.

Automatic steps that came by themselves follow from the table, and free time from the
announcements (`free_time.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from callcontrol.cdr.record import Cdr, CdrAnnouncement, CdrChange
from tariffs import STEP, Withheld


def charged_from_us(announcements: Iterable[CdrAnnouncement], answered_us: int) -> int:
    """Say when charging starts: at the answer, but never before the wait after the price."""
    waits = (one.charged_from_us for one in announcements)
    return max(answered_us, *(until_us for until_us in waits if until_us is not None), 0)


def told_changes(record: Cdr, end_us: int) -> Iterator[tuple[int, CdrChange]]:
    """List the changes that were in force before the end, but for those the table brings.

    Yields:
        from when, microseconds since the epoch, and the change.
    """
    for change in record.changes:
        at_us = change.in_force_us
        if at_us is not None and at_us < end_us and not change.came_by_itself:
            yield at_us, change


def withheld_in(record: Cdr) -> Iterator[Withheld]:
    """List what the table brought by itself and the record says was withheld.

    A fixed charge is a line of nothing then. A step is a change that is not in force from the
    instant it was due: it came later, when it had been told, or was refused.
    """
    for line in record.lines:
        if line.kind == "fixed" and not line.amount and line.at_us is not None:
            yield Withheld(at_us=line.at_us, kind="fixed")
    for change in record.changes:
        if change.by == STEP and not change.came_by_itself:
            yield Withheld(at_us=change.asked_us, kind="step", level=change.level)
