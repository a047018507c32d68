"""Takes over the calls of engines beside this one that have died.

Each engine process holds the lock of its journal as long as it lives. A journal that nobody
holds is that of a dead one, or of one that is being restarted: after two looks it is taken
over. Should its engine come back meanwhile, the lock decides whose it is. Once for each death
the switch is asked, too: it may have a call that had not reached the disk.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import gevent

from callcontrol.calls.engine import Engine
from callcontrol.cdr import OpenCall
from callcontrol.cdr.absorb import holds_any, peers_of
from callcontrol.cdr.journal_file import holder_of, owner_of
from callcontrol.errors import CallControlError

_LOOK_S = 1.0


def look_after(
    engine: Engine,
    take_over: Callable[[Path], list[OpenCall]],
    adopt: Callable[[Sequence[OpenCall], str], object],
) -> None:
    """See to the calls of dead peers, for ever.

    Args:
        engine: for its settings and its link: without it nothing is taken over.
        take_over: moves what a journal holds into ours.
        adopt: takes over the calls that were open there; is told the dead engine's name.

    Switches: always.
    """
    journal, patterns = engine.settings.journal, engine.settings.peers
    free_before: set[Path] = set()
    seen_to: set[Path] = set()
    while patterns:
        gevent.sleep(_LOOK_S)
        free = {path for path in peers_of(journal, patterns) if holder_of(path) is None}
        seen_to &= free
        for path in sorted(free & free_before):
            if not engine.link.is_up:
                continue
            is_full = _is_full(path, engine)
            owner = owner_of(path)
            is_news = path not in seen_to and owner
            if is_full is None or not (is_full or is_news):
                continue
            try:
                open_calls = take_over(path) if is_full else []
                adopt(open_calls, owner)
            except CallControlError as exc:
                engine.log.warning("peer_left_alone", journal=str(path), reason=str(exc))
                continue
            seen_to.add(path)
            engine.log.info("peer_taken_over", journal=str(path), calls=len(open_calls))
        free_before = free


def _is_full(path: Path, engine: Engine) -> bool | None:
    """Say whether a journal holds anything; None, with a warning, when it cannot be read."""
    try:
        return holds_any(path)
    except CallControlError as exc:
        engine.log.warning("peer_unreadable", journal=str(path), reason=str(exc))
        return None
