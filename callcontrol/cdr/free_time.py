"""When a call was free because its caller heard a price; read from its announcements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from callcontrol.cdr.record import CdrAnnouncement
from tariffs import FreeTime


def free_times(announcements: Iterable[CdrAnnouncement], start_us: int) -> Iterator[FreeTime]:
    """List the stretches of a call's metered time in which a price was spoken.

    Args:
        announcements: of the call, in order.
        start_us: when charging started; what was said before is no part of it.
    """
    for one in announcements:
        if one.level is None or (one.ended_us is not None and one.ended_us <= start_us):
            continue
        yield FreeTime(from_us=max(one.started_us, start_us), until_us=one.ended_us)
