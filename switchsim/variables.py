"""Channel variables: set, unset, read without regard to case, expanded in arguments."""

import re
from collections.abc import Callable, Iterator

_REFERENCE = re.compile(r"\$\{([^{}]*)\}|\$\$\{([^{}]*)\}")
Lookup = Callable[[str], str | None]


class Variables:
    """The variables of one channel, in the order in which they were last set."""

    def __init__(self) -> None:
        self._values: dict[str, tuple[str, str]] = {}

    def set(self, name: str, value: str | None, *, checked: bool = True) -> None:
        """Sets `name`; None or an empty value unsets it.

        A value with `${` in it is dropped, as the switch does to keep text of a caller from
        being expanded later; `checked=False` lets it through (`uuid_setvar` does).
        """
        key = name.lower()
        self._values.pop(key, None)
        if value and not (checked and "${" in value):
            self._values[key] = (name, value)

    def keep(self, name: str, value: str) -> None:
        """Sets `name` without moving it to the end when it holds `value` already."""
        if self.get(name) != value:
            self.set(name, value)

    def add(self, name: str, value: str) -> None:
        """Appends to an array variable: one value stays plain, more become `ARRAY::a|:b`."""
        held = self.get(name)
        if held is None:
            self.set(name, value)
        else:
            head = held if held.startswith("ARRAY::") else f"ARRAY::{held}"
            self.set(name, f"{head}|:{value}")

    def get(self, name: str) -> str | None:
        """The value of `name`, or None."""
        held = self._values.get(name.lower())
        return held[1] if held else None

    def is_true(self, name: str) -> bool:
        """Whether `name` holds a word the switch takes for yes."""
        value = (self.get(name) or "").lower()
        return value in {"yes", "on", "true", "t", "enabled", "active", "allow"} or (
            value.isdigit() and int(value) > 0
        )

    def number(self, name: str) -> int | None:
        """The leading digits of `name` as a number; None when unset."""
        value = self.get(name)
        return leading_number(value) if value is not None else None

    def items(self) -> Iterator[tuple[str, str]]:
        """Names and values, oldest setting first."""
        return iter(self._values.values())


def leading_number(text: str) -> int:
    """What C's atoi makes of `text`: its leading number, or 0."""
    match = re.match(r"\s*([+-]?\d+)", text)
    return int(match.group(1)) if match else 0


def expand(text: str, lookup: Lookup) -> str:
    r"""Replaces `${name}` by the value `lookup` gives, nothing when it gives None.

    `\${` is left alone but for its backslash.
    """
    if "${" not in text:
        return text
    guarded = text.replace("\\${", "\0")
    for _ in range(8):  # a value may hold a reference itself; never without end
        expanded = _REFERENCE.sub(
            lambda found: lookup(found.group(1) or found.group(2) or "") or "", guarded
        )
        if expanded == guarded:
            break
        guarded = expanded
    return guarded.replace("\0", "${")
