"""What differs between two references, entry by entry: for people, and for what is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

from callcontrol.reference_file.model import BlacklistLine, ReferenceFile
from callcontrol.reference_file.scalars import plain
from dialplan import E164, printed

SECTIONS = ("gateways", "operators", "customers", "tariffs", "numbers", "blacklist")


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One entry that is added, removed or changed.

    Attributes:
        section: such as `numbers`.
        name: of the entry within its section, as a person reads it.
        key: of the entry within its section.
        details: what changed inside, such as `level: 1 -> 2`; empty when added or removed.
    """

    section: str
    name: str
    key: Any
    kind: Literal["added", "removed", "changed"]
    details: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Write it as one line, and a further one for each detail."""
        head = f"{self.section}.{self.name}: {self.kind}"
        return "\n".join((head, *(f"    {detail}" for detail in self.details)))


def differences(before: ReferenceFile, after: ReferenceFile) -> list[Difference]:
    """Compare two references, both canonical."""
    return [
        difference
        for section in SECTIONS
        for difference in _section(section, _entries(before, section), _entries(after, section))
    ]


def _entries(file: ReferenceFile, section: str) -> Mapping[Any, Any]:
    if section == "blacklist":
        return {line.key: line for line in file.blacklist}
    entries: Mapping[Any, Any] = getattr(file, section)
    return entries


def _section(
    section: str, before: Mapping[Any, Any], after: Mapping[Any, Any]
) -> Iterator[Difference]:
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        name = _name(key, new or old)
        if old is None or new is None:
            kind: Literal["added", "removed"] = "added" if old is None else "removed"
            yield Difference(section=section, name=name, key=key, kind=kind)
        else:
            details = tuple(_details("", _contents(old), _contents(new)))
            yield Difference(
                section=section, name=name, key=key, kind="changed", details=details
            )


def _name(key: Any, entry: object) -> str:  # noqa: ANN401  the key of any section
    if isinstance(entry, BlacklistLine):
        scope = entry.customer or (entry.number and printed(entry.number)) or "platform"
        return f"{entry.pattern} ({entry.action}, {scope})"
    return printed(E164(key)) if str(key).startswith("+") else str(key)


def _contents(entry: object) -> Any:  # noqa: ANN401  whatever an entry holds
    if isinstance(entry, BaseModel):
        return plain(entry.model_dump())
    if isinstance(entry, tuple):
        return [_contents(item) for item in entry]
    return plain(entry)


def _details(path: str, old: Any, new: Any) -> Iterator[str]:  # noqa: ANN401  plain values
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from _details(f"{path}.{key}".lstrip("."), old.get(key), new.get(key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _details(f"{path}.{index}".lstrip("."), one, other)
    else:
        yield f"{path}: {_shown(old)} -> {_shown(new)}"


def _shown(value: object) -> str:
    if isinstance(value, list):
        return f"{len(value)} entries" if value else "none"
    if isinstance(value, dict):
        return "an entry"
    return "none" if value is None else str(value)
