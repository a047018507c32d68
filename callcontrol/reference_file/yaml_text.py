"""YAML text to plain values and back: every scalar a string, every value with its line.

Strategy: built from the parser's events in one pass, in place of a YAML loader. A loader turns
0.10 into a float, 08:30 into 510 and 0800 into whatever its version of YAML says; keeps the
last of two equal keys in silence; and follows aliases that make a small file enormous. Nothing
is ever constructed here but dict, list, str and None.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

import yaml

Plain: TypeAlias = "dict[str, Plain] | list[Plain] | str | None"

_MOST_DEPTH = 16
_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})
_Loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


@dataclass(slots=True)
class Parsed:
    """What a YAML text says.

    Attributes:
        value: its one document; incomplete when there are faults.
        lines: the line, from 1, of each value, by dotted path such as `tariffs.hotline.0`.
        faults: what is wrong with the text, one sentence each.
    """

    value: Plain = None
    lines: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def line_of(self, path: str) -> int | None:
        """Give the line of a path, or of the nearest value around it."""
        while path not in self.lines and "." in path:
            path = path.rpartition(".")[0]
        return self.lines.get(path)


class _Refused(Exception):
    """Raised when the text is YAML of a kind that is not used here."""


def parse_yaml(text: str) -> Parsed:
    """Read a YAML text; faults are collected, nothing is raised."""
    parsed = Parsed()
    try:
        documents = _documents(yaml.parse(text, Loader=_Loader), parsed)
        parsed.value = next(documents, None)
        if next(documents, None) is not None:
            parsed.faults.append("there is more than one document")
    except _Refused as exc:
        parsed.faults.append(str(exc))
    except yaml.MarkedYAMLError as exc:
        where = f"line {exc.problem_mark.line + 1}: " if exc.problem_mark else ""
        parsed.faults.append(f"{where}not YAML: {exc.problem}")
    except (yaml.YAMLError, UnicodeError) as exc:
        parsed.faults.append(f"not YAML: {exc}".replace("\n", " "))
    return parsed


def yaml_of(value: Plain) -> str:
    """Write plain values as YAML that `parse_yaml` reads back equal."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=96)
    return text


def _documents(events: Iterator[yaml.Event], parsed: Parsed) -> Iterator[Plain]:
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            yield _value(next(events), events, parsed, ())


def _value(
    event: yaml.Event, events: Iterator[yaml.Event], parsed: Parsed, path: tuple[str, ...]
) -> Plain:
    line = _line_of(event)
    parsed.lines.setdefault(".".join(path), line)
    if len(path) > _MOST_DEPTH:
        raise _Refused(f"line {line}: nested too deeply")
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
        raise _Refused(f"line {line}: anchors and aliases are not used here")
    if isinstance(event, yaml.MappingStartEvent):
        return _mapping(events, parsed, path)
    if isinstance(event, yaml.SequenceStartEvent):
        return _sequence(events, parsed, path)
    if not isinstance(event, yaml.ScalarEvent):  # no other event begins a value
        raise TypeError(event)
    is_bare = event.style not in ("'", '"', "|", ">")
    return None if is_bare and event.value in _NOTHING else str(event.value)


def _mapping(
    events: Iterator[yaml.Event], parsed: Parsed, path: tuple[str, ...]
) -> dict[str, Plain]:
    mapping: dict[str, Plain] = {}
    while not isinstance(key := next(events), yaml.MappingEndEvent):
        line = _line_of(key)
        if not isinstance(key, yaml.ScalarEvent):
            raise _Refused(f"line {line}: a key is not a plain word")
        here = (*path, key.value)
        if key.value in mapping:
            parsed.faults.append(f"{'.'.join(here)}: is there twice (line {line})")
        parsed.lines[".".join(here)] = line
        mapping[key.value] = _value(next(events), events, parsed, here)
    return mapping


def _sequence(
    events: Iterator[yaml.Event], parsed: Parsed, path: tuple[str, ...]
) -> list[Plain]:
    items: list[Plain] = []
    while not isinstance(event := next(events), yaml.SequenceEndEvent):
        items.append(_value(event, events, parsed, (*path, str(len(items)))))
    return items


def _line_of(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0


class _Dumper(yaml.SafeDumper):
    """Writes a string bare where the syntax allows, for a reader that takes all as strings."""

    yaml_implicit_resolvers: ClassVar[dict[str, Any]] = {}  # type: ignore[misc]

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Indent the items of a list below its key."""
        del indentless
        super().increase_indent(flow, False)

    def represent_text(self, text: str) -> yaml.Node:
        """Escape what no eye could see or what an editor could take for a new line."""
        style = None if text.isprintable() else '"'
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    def ignore_aliases(self, data: object) -> bool:
        """Write a value twice where it stands twice."""
        del data
        return True


_Dumper.add_representer(str, _Dumper.represent_text)
_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:null", re.compile("(~|null|Null|NULL|)$"), ["~", "n", "N", ""]
)
