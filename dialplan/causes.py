"""Hangup causes by name: what each says of a target, and how the caller is released."""

from __future__ import annotations

from enum import StrEnum


class Outcome(StrEnum):
    """How an attempt that was not answered ended; what `next_on` of a step speaks of."""

    BUSY = "busy"
    NO_ANSWER = "no_answer"
    UNREACHABLE = "unreachable"
    REJECTED = "rejected"
    FAILED = "failed"


class Disposition(StrEnum):
    """How a whole call ended, as its record says."""

    ANSWERED = "answered"
    BLOCKED = "blocked"
    CLOSED = "closed"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    ABANDONED = "abandoned"
    UNREACHABLE = "unreachable"
    REJECTED = "rejected"
    FAILED = "failed"
    CONGESTION = "congestion"
