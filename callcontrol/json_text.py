"""Reads JSON that strangers wrote: names given twice, depth, faults safe to print."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from callcontrol.errors import ConfigError
from tariffs import Fault

MOST_DEPTH = 16
_MOST_SHOWN = 40


class _Object(dict[str, Any]):
    """A JSON object that remembers which names it was given twice."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        names = Counter(name for name, _ in pairs)
        self.twice = [name for name, times in names.items() if times > 1]


def parsed_json(text: str) -> tuple[object, list[Fault]]:
    """Read JSON text.

    Returns:
        What it says, and a fault for every name given twice in one object.

    Raises:
        ConfigError: it is no JSON, or none that could describe anything of ours.
    """
    try:
        raw = json.loads(text, object_pairs_hook=_Object, parse_constant=_no_constant)
        return raw, list(_twice(raw, ()))
    except json.JSONDecodeError as exc:
        where = f"line {exc.lineno} column {exc.colno}"
        raise ConfigError(f"not JSON at {where}: {exc.msg}") from None
    except RecursionError:
        raise ConfigError(f"nested deeper than {MOST_DEPTH} levels") from None
    except ValueError:
        # Python reads no whole number of more than 4300 digits
        raise ConfigError("a number has thousands of digits") from None


def named_fault(path: Iterable[object], message: str) -> Fault:
    """Name a value of the text by its path; `[key]` is how pydantic marks a name itself."""
    parts = [shown(part) for part in path if part != "[key]"]
    return Fault(path=".".join(parts) or "the file", message=message)


def shown(part: object) -> str:
    """Write what a stranger wrote so that it stays one short line."""
    text = str(part)
    if not text.isprintable():
        text = ascii(text)
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}…"


def _no_constant(name: str) -> None:
    raise ConfigError(f"not JSON: {name} is no value")


def _twice(value: object, path: tuple[object, ...]) -> Iterator[Fault]:
    if len(path) > MOST_DEPTH:
        raise RecursionError
    children: Iterable[tuple[object, object]] = ()
    if isinstance(value, _Object):
        yield from (named_fault((*path, name), "is there twice") for name in value.twice)
        children = value.items()
    elif isinstance(value, list):
        children = enumerate(value)
    for name, child in children:
        yield from _twice(child, (*path, name))
