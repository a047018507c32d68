"""LevelKeys: reads `*NN#` out of the keys pressed on one leg; pure, told the time.

`*` begins anew wherever it comes, `#` ends, one or two digits stand between them. Everything
else is nothing: keys before a `*`, a third digit, letters, a pause that is too long. So a phone
that lost a digit, or a destination that plays with the keys, changes no price, and what is kept
is never more than two digits, however many are pressed.
"""

from __future__ import annotations

_DIGITS = frozenset("0123456789")
_MOST_DIGITS = 2

# Longer than this between two keys, and what was pressed before is forgotten.
PAUSE_US = 5_000_000


class LevelKeys:
    """The keys of one leg, as far as they may yet become a level."""

    __slots__ = ("_digits", "_pressed_us")

    def __init__(self) -> None:
        self._digits: str | None = None  # None: no `*` yet
        self._pressed_us = 0

    def press(self, key: str, at_us: int) -> int | None:
        """Take one key.

        Args:
            key: as the switch names it; anything that is no key of a phone is passed over.
            at_us: when it was pressed, microseconds since the epoch.

        Returns:
            the number asked for, 0 to 99, with the `#` that ends it; else None.
        """
        if key not in _DIGITS and key not in ("*", "#"):
            return None
        is_late = abs(at_us - self._pressed_us) > PAUSE_US
        self._pressed_us = at_us
        digits = self._digits
        if key == "*":
            self._digits = ""
            return None
        self._digits = None
        if digits is None or is_late:
            return None
        if key == "#":
            return int(digits) if digits else None
        if len(digits) < _MOST_DIGITS:
            self._digits = digits + key
        return None
