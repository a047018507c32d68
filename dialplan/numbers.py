"""Telephone numbers: from any dialled form to E.164, and what kind of number one is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NewType

E164 = NewType("E164", str)
"""A number in canonical form: `+`, country code, national number; digits only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls, as the trunk told it.

    Attributes:
        raw: the number as received, of any content.
        number: its canonical form; None when there is none.
        withheld: privacy was asked for. The number then routes and matches the blacklist,
            but is shown to nobody (ordinance on telecommunications services, art. 84).
    """

    raw: str
    number: E164 | None
    withheld: bool = False
