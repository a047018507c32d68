"""The blacklist as CSV: lines as in the reference file, all of them good or none taken.

Strategy: lines that differ in their patterns alone are judged once, by the strict rules of the
reference file; of a million lines there is then only the pattern of each to look at.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

from pydantic import ValidationError

from callcontrol.errors import ConfigError
from callcontrol.reference_file.model import BlacklistLine
from callcontrol.reference_file.parts import Faults, make_blacklist_entry
from callcontrol.reference_file.scalars import plain
from callcontrol.reference_file.wording import faults_of
from dialplan import ANONYMOUS_PATTERN, canonical_or_same, is_pattern

COLUMNS = tuple(BlacklistLine.model_fields)
"""`pattern`, and what else a line may say, in the order they are written."""

_MOST_TOLD = 100  # faulty lines told one by one
_LONGEST_TEXT = 64
_BYTE_ORDER_MARK = "\ufeff"


class Terms(NamedTuple):
    """Everything of a line but its pattern; many lines share one."""

    number: str | None
    customer: str | None
    action: Literal["block", "allow"]
    valid_from: datetime | None
    valid_until: datetime | None
    cause: str
    reason: str


class CsvLine(NamedTuple):
    """One line of the blacklist.

    Attributes:
        line: where it stood in the file, from 1.
        pattern: canonical.
        terms: everything else.
    """

    line: int
    pattern: str
    terms: Terms


def read_blacklist_csv(
    file: Iterable[str], *, name: str, scope: Mapping[str, str] | None = None
) -> list[CsvLine]:
    """Read lines and check everything about them that can be checked without Postgres.

    The first line names the columns, in any order; only `pattern` is needed, and an empty cell
    is as if it were not there. They are separated by commas, or by semicolons.

    Args:
        file: the text, line by line.
        name: what faults are told with.
        scope: the `number` or `customer` of lines that say neither.

    Raises:
        ConfigError: a sentence for each faulty line, with line and field; the first hundred.
    """
    lines = iter(file)
    header = next(lines, "").removeprefix(_BYTE_ORDER_MARK)
    delimiter = ";" if ";" in header and "," not in header else ","
    columns = [word.strip() for word in next(csv.reader([header], delimiter=delimiter), [])]
    _check_header(columns, name)
    reader = _Reader(name, columns, dict(scope or {}))
    rows = csv.reader(lines, delimiter=delimiter)
    try:
        for cells in rows:
            if cells:
                reader.take(rows.line_num + 1, cells)
    except csv.Error as exc:
        reader.tell(rows.line_num + 1, str(exc))
    return reader.done()


def blacklist_csv(lines: Iterable[Sequence[object]]) -> str:
    """Write lines, each its values in the order of COLUMNS, without the header."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        [_cell(one) for one in line] for line in lines
    )
    return text.getvalue()


def _cell(value: object) -> object:
    return value if isinstance(value, str) else "" if value is None else plain(value)


def _check_header(columns: Sequence[str], name: str) -> None:
    unknown = [word for word in columns if word not in COLUMNS]
    if unknown:
        words = ", ".join(repr(word[:_LONGEST_TEXT]) for word in unknown)
        raise ConfigError(f"{name}:1: no column of a blacklist: {words}; {_known()}")
    if len(set(columns)) < len(columns):
        raise ConfigError(f"{name}:1: a column is there twice")
    if "pattern" not in columns:
        raise ConfigError(f"{name}:1: the column pattern is missing; {_known()}")


def _known() -> str:
    return f"there are {', '.join(COLUMNS)}"


class _Reader:
    """Takes rows; knows what is wrong with them."""

    def __init__(self, name: str, columns: Sequence[str], scope: dict[str, str]) -> None:
        self._name = name
        self._columns = columns
        self._scope = scope
        self._pattern_at = columns.index("pattern")
        self._lines: list[CsvLine] = []
        self._judged: dict[tuple[str, ...], Terms | tuple[str, ...]] = {}
        self._seen: dict[tuple[object, ...], dict[str, int]] = {}
        self._told: list[str] = []
        self._faulty = 0

    def take(self, line: int, cells: list[str]) -> None:
        if len(cells) != len(self._columns):
            self.tell(line, f"has {len(cells)} cells, not {len(self._columns)}")
            return
        pattern = cells.pop(self._pattern_at).strip()
        words = tuple(cells)
        terms = self._judged.get(words)
        if terms is None:
            terms = self._judged[words] = self._judge(words)
        if not pattern.endswith("*"):
            pattern = canonical_or_same(pattern)
        faults = [] if isinstance(terms, Terms) else list(terms)
        if not is_pattern(pattern):
            faults.insert(0, _no_pattern(pattern))
        if faults or not isinstance(terms, Terms):
            self.tell(line, *faults)
            return
        seen = self._seen.setdefault(terms[:4], {})
        first = seen.setdefault(pattern, line)
        if first != line:
            self.tell(line, f"says the same as line {first}")
        else:
            self._lines.append(CsvLine(line, pattern, terms))

    def tell(self, line: int, *faults: str) -> None:
        self._faulty += 1
        if self._faulty <= _MOST_TOLD:
            self._told.extend(f"{self._name}:{line}: {fault}" for fault in faults)

    def done(self) -> list[CsvLine]:
        if self._faulty > _MOST_TOLD:
            self._told.append(f"... and {self._faulty - _MOST_TOLD} more faulty lines")
        if self._told:
            raise ConfigError(*self._told)
        return self._lines

    def _judge(self, words: tuple[str, ...]) -> Terms | tuple[str, ...]:
        """Make the terms of a row's other cells, or say what is wrong with them."""
        names = [name for name in self._columns if name != "pattern"]
        given = {name: word for name, word in zip(names, words, strict=True) if word.strip()}
        if not given.keys() & {"number", "customer"}:
            given |= self._scope
        faults = Faults()
        try:
            line = BlacklistLine.model_validate({"pattern": ANONYMOUS_PATTERN, **given})
        except ValidationError as exc:
            return tuple(str(fault) for fault in faults_of(exc))
        if make_blacklist_entry("", line, faults) is None:
            return tuple(str(fault) for fault in faults.found)
        return Terms(*(getattr(line, name) for name in Terms._fields))


def _no_pattern(pattern: str) -> str:
    wanted = "a number such as +41795550001, a prefix such as +4179*, nor anonymous"
    return f"pattern: {pattern[:_LONGEST_TEXT]!r} is neither {wanted}"


def counted(
    lines: Iterable[CsvLine], each: int, tell: Callable[[int], object]
) -> Iterator[CsvLine]:
    """Give lines, and tell after every so many, and at the end, how many were given."""
    count = 0
    for count, line in enumerate(lines, start=1):
        yield line
        if count % each == 0:
            tell(count)
    tell(count)
