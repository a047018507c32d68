"""Which number the destination's phone shows."""

from __future__ import annotations

from enum import StrEnum


class Presentation(StrEnum):
    """Which number the destination is shown.

    `caller` the caller's own (nothing when withheld), `number` the service number called,
    `fixed` a number the customer has proved to own, `withheld` none.
    """

    CALLER = "caller"
    NUMBER = "number"
    FIXED = "fixed"
    WITHHELD = "withheld"
