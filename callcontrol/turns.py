"""Turns: one who has much to do lets all others go on in between, sockets included.

`gevent.sleep(0)` does not: gevent runs fifty of those (CALLBACK_CHECK_COUNT of its loop) before
it looks at sockets and timers again, so that a hundred pieces of work of two milliseconds keep
a call that arrives waiting for a tenth of a second.
"""

from __future__ import annotations

from typing import Final

import gevent

_NEXT_S: Final = 1e-6  # more than nothing, so that it is a timer


def give_turn() -> None:
    """Go on when all that had come for others has been handed to them.

    Switches: for one turn of everybody else who is ready.
    """
    for _ in range(2):  # a timer comes before the sockets of its own turn
        gevent.sleep(_NEXT_S)
