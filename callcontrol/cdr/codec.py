"""Frozen dataclasses to plain JSON values and back without loss, by their annotations."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Callable, Hashable, Mapping
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from functools import cache
from typing import Any, TypeVar

import orjson

from tariffs import exact_text

T = TypeVar("T")
Read = Callable[[object, str], Any]
Write = Callable[[Any], object]


def plain(value: object) -> object:
    """Turn a dataclass into dicts, lists, strings, ints, bools, None; amounts into strings."""
    return _writer(value.__class__)(value)  # type: ignore[arg-type]  # classes are hashable


def compact(value: object) -> str:
    r"""Write a dataclass, or plain values, as one line of JSON.

    Amounts become strings. Text that is not text, half a surrogate pair, is written as a `\u`
    escape.

    Raises:
        TypeError: a value is of no kind that `plain` knows.
    """
    try:
        return orjson.dumps(value, default=_amount_text).decode()
    except TypeError:  # half a surrogate pair, or no plain value: the slow way tells which
        return json.dumps(plain(value), separators=(",", ":"))


def _amount_text(value: object) -> object:
    if isinstance(value, Fraction):
        return exact_text(value)
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError


def build(kind: type[T], value: object) -> T:
    """Build a dataclass from what `plain` made of one.

    Raises:
        ValueError: a field is missing, unknown or of the wrong kind; the sentence names it.
    """
    return typing.cast("T", _reader(typing.cast("Any", kind))(value, ""))


@cache
def _writer(kind: type) -> Write:
    """Make the function that writes values of one class; made once for each class."""
    for base, write in _WRITERS:
        if issubclass(kind, base):
            return write
    hints = typing.get_type_hints(kind)
    names = _names(kind)
    others = tuple(name for name in names if not _is_plain(hints[name]))

    def write_fields(value: object) -> object:
        written: dict[str, object] = {name: getattr(value, name) for name in names}
        for name in others:
            written[name] = plain(written[name])
        return written

    return write_fields


_WRITERS: tuple[tuple[type | tuple[type, ...], Write], ...] = (
    ((str, int, types.NoneType), lambda value: value),
    ((tuple, list), lambda items: [plain(item) for item in items]),
    (Decimal, str),
    (Fraction, exact_text),
    (Mapping, lambda items: {str(key): plain(item) for key, item in items.items()}),
)


def _is_plain(annotation: object) -> bool:
    """Say whether values of an annotated type are written as they are."""
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        return all(map(_is_plain, typing.get_args(annotation)))
    if typing.get_origin(annotation) is typing.Literal:
        return all(isinstance(arg, str | int) for arg in typing.get_args(annotation))
    if isinstance(annotation, typing.NewType):
        return _is_plain(annotation.__supertype__)
    return isinstance(annotation, type) and issubclass(annotation, (str, int, types.NoneType))


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))


@cache
def _reader(annotation: Hashable) -> Read:
    """Make the function that reads one annotated type; made once for each type."""
    if typing.get_origin(annotation) in (types.UnionType, typing.Union):
        return _optional(annotation)
    if typing.get_origin(annotation) is tuple:
        item = _reader(typing.get_args(annotation)[0])
        return lambda value, path: tuple(
            item(one, f"{path}[{index}]") for index, one in enumerate(_of(list, value, path))
        )
    if typing.get_origin(annotation) is typing.Literal:
        return _one_of(typing.get_args(annotation))
    if isinstance(annotation, typing.NewType):
        return _reader(annotation.__supertype__)
    if annotation is Decimal or annotation is Fraction:
        return _amount(annotation)
    if dataclasses.is_dataclass(annotation):
        return _dataclass(typing.cast("type", annotation))
    return lambda value, path: _of(typing.cast("type", annotation), value, path)


def _optional(annotation: Hashable) -> Read:
    (some,) = (arg for arg in typing.get_args(annotation) if arg is not types.NoneType)
    read = _reader(some)
    return lambda value, path: None if value is None else read(value, path)


def _one_of(choices: tuple[object, ...]) -> Read:
    def read(value: object, path: str) -> object:
        if value not in choices:
            raise ValueError(f"{path}: {value!r} is none of {', '.join(map(str, choices))}")
        return value

    return read


def _amount(kind: type[Decimal] | type[Fraction]) -> Read:
    def read(value: object, path: str) -> Decimal | Fraction:
        text = _of(str, value, path)
        try:
            amount = kind(text)
            finite = isinstance(amount, Fraction) or amount.is_finite()
        except (ValueError, InvalidOperation, ZeroDivisionError) as exc:
            raise ValueError(f"{path}: {text[:40]!r} is not an amount") from exc
        if not finite:
            raise ValueError(f"{path}: {text[:40]!r} is not an amount")
        return amount

    return read


def _dataclass(kind: type) -> Read:
    hints = typing.get_type_hints(kind)
    readers = {name: _reader(hints[name]) for name in _names(kind)}

    def read(value: object, path: str) -> object:
        given = _of(dict, value, path or kind.__name__)
        prefix = f"{path}." if path else ""
        if unknown := given.keys() - readers.keys():
            raise ValueError(f"{prefix}{min(map(str, unknown))}: unknown field")
        known = {name: readers[name](item, prefix + name) for name, item in given.items()}
        try:
            return kind(**known)
        except TypeError as exc:
            raise ValueError(f"{path or kind.__name__}: {exc}") from exc

    return read


def _of(kind: type[T], value: object, path: str) -> T:
    # A bool is an int to Python; a record that says `"seconds": true` is still broken.
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise ValueError(f"{path}: {type(value).__name__} instead of {kind.__name__}")
    return value
