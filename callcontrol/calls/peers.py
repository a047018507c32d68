"""Takes over the calls of engines beside this one that have died.

Each engine process holds the lock of its journal as long as it lives. A journal with something
in it and nobody to hold it is that of a dead one, or of one that is being restarted: after two
looks it is taken over. Should its engine come back meanwhile, the lock decides whose it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import gevent

from callcontrol.calls.engine import Engine
from callcontrol.cdr import OpenCall
from callcontrol.cdr.absorb import is_left_alone, peers_of
from callcontrol.cdr.journal_file import owner_of
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
    alone: set[Path] = set()
    while patterns:
        gevent.sleep(_LOOK_S)
        now = {path for path in peers_of(journal, patterns) if _is_alone(path, engine)}
        for path in sorted(now & alone):
            if not engine.link.is_up:
                continue
            owner = owner_of(path)
            try:
                open_calls = take_over(path)
                adopt(open_calls, owner)
            except CallControlError as exc:
                engine.log.warning("peer_left_alone", journal=str(path), reason=str(exc))
            else:
                engine.log.info("peer_taken_over", journal=str(path), calls=len(open_calls))
        alone = now


def _is_alone(path: Path, engine: Engine) -> bool:
    try:
        return is_left_alone(path)
    except CallControlError as exc:
        engine.log.warning("peer_unreadable", journal=str(path), reason=str(exc))
        return False
