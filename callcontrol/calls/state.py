"""The states of a call and the table of legal moves between them."""

from __future__ import annotations

from enum import StrEnum


class CallState(StrEnum):
    """Where a call is in its life."""

    RECEIVED = "received"
    ROUTED = "routed"
    DIALLING = "dialling"
    ANSWERED = "answered"
    RELEASED = "released"
    RECORDED = "recorded"


# A call may be released from anywhere: the caller can leave at any moment.
MOVES: dict[CallState, frozenset[CallState]] = {
    CallState.RECEIVED: frozenset({CallState.ROUTED, CallState.RELEASED}),
    CallState.ROUTED: frozenset({CallState.DIALLING, CallState.RELEASED}),
    CallState.DIALLING: frozenset({CallState.ANSWERED, CallState.RELEASED}),
    CallState.ANSWERED: frozenset({CallState.RELEASED}),
    CallState.RELEASED: frozenset({CallState.RECORDED}),
    CallState.RECORDED: frozenset(),
}


def is_legal(before: CallState, after: CallState) -> bool:
    """Say whether a call may go from one state to the other."""
    return after in MOVES[before]
