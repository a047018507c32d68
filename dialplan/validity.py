"""From when until when something holds: the start is included, the end is not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from dialplan.errors import Fault


def is_within(at: datetime, since: datetime | None, until: datetime | None) -> bool:
    """Say whether an instant lies in a stretch; None: from always, for ever."""
    return (since is None or since <= at) and (until is None or at < until)


def validity_faults(
    since: datetime | None, until: datetime | None, *, since_path: str, until_path: str
) -> Iterator[Fault]:
    """Find what is wrong with a stretch: no time zone, or an end not after the start."""
    stretch = ((since_path, since), (until_path, until))
    naive = [path for path, at in stretch if at is not None and at.tzinfo is None]
    if naive:
        for path in naive:
            yield Fault(path=path, message="has no time zone")
    elif since is not None and until is not None and until <= since:
        yield Fault(path=until_path, message=f"is not after {since_path}")
