"""What a limit or a blacklist entry speaks of: one number, a customer, or the platform."""

from __future__ import annotations

from typing import Literal, NamedTuple

ScopeKind = Literal["number", "customer", "platform"]


class Scope(NamedTuple):
    """One number, one customer with its sub-accounts, or the platform.

    Attributes:
        kind: which of the three.
        id: the number in E.164, the customer's id, or empty for the platform.
    """

    kind: ScopeKind
    id: str = ""


PLATFORM = Scope("platform")
