"""The layout of a file of charge records: what a caller's operator is sent, to bill by.

Text in UTF-8, one record a line, each line ended by LF; fields as in RFC 4180, separated by
commas. The first field tells what a line is:

header   layout (1), operator, number of the file, day, currency
columns  the names of the fields of `call` lines
call     one call
trailer  count of calls, sum of `gross`, SHA-256 in hexadecimal of all bytes before this line

Files of an operator are numbered from 1 without a gap. A file of a day has the calls received
that day in Switzerland, and those of earlier days whose records came too late for their own.
Instants are ISO 8601 in UTC with microseconds. Amounts are decimal, in the header's currency.

`caller` is E.164, and empty when it could not be read as a number. An operator is told numbers
that its callers withheld, as its trunk told them to us, with `withheld` 1; in the file of calls
whose operator is not known they are left out.

`lines` are the lines of the price, separated by blanks, each `kind:level:seconds:amount` with
kind `time`, `per_call` or `fixed`; seconds are those charged, empty for the other two kinds;
amounts are exact, as a decimal or as a fraction (`91/60`). Their sum is the charge before it
was rounded, and before the maximum was applied (`capped` 1).
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

LAYOUT = 1

COLUMNS = (
    "call_id",
    "caller",
    "withheld",
    "number",
    "category",
    "tariff",
    "tariff_version",
    "tariff_class",
    "answered_at",
    "released_at",
    "metered_us",
    "lines",
    "gross",
    "net",
    "vat",
    "vat_rate",
    "capped",
    "closed_how",
)
_GROSS = COLUMNS.index("gross")
_ENCODING = "utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeFile:
    """One file.

    Attributes:
        operator: code of the operator it is for, or `unknown`.
        number: from 1, without a gap.
        day: of the calls in it, in Switzerland; some may be of days before.
        currency: of every amount in it.
        calls: in the order of `COLUMNS`, as text.
    """

    operator: str
    number: int
    day: date
    currency: str
    calls: tuple[tuple[str, ...], ...]

    @property
    def name(self) -> str:
        """Give the name of the file; it sorts by number."""
        return f"xdr_{self.operator}_{self.number:06d}_{self.day.isoformat()}.csv"

    @property
    def charged(self) -> Decimal:
        """Add up what the calls cost."""
        return sum((Decimal(call[_GROSS]) for call in self.calls), Decimal("0.00"))

    def to_bytes(self) -> bytes:
        """Write the file; equal files are equal bytes."""
        head: list[Sequence[object]] = [
            ("header", LAYOUT, self.operator, self.number, self.day, self.currency),
            ("columns", *COLUMNS),
        ]
        body = _lines((*head, *(("call", *call) for call in self.calls)))
        hashed = hashlib.sha256(body).hexdigest()
        return body + _lines([("trailer", len(self.calls), self.charged, hashed)])

    @classmethod
    def from_bytes(cls, content: bytes) -> ChargeFile:
        """Read a file back and check its sums.

        Raises:
            ValueError: not such a file, or not whole; one sentence.
        """
        try:
            return _read(content)
        except (ValueError, InvalidOperation, csv.Error) as exc:
            raise ValueError(f"not a whole file of charge records: {exc}") from exc


def _read(content: bytes) -> ChargeFile:
    rows = list(csv.reader(io.StringIO(content.decode(_ENCODING), newline=""), strict=True))
    (kind, layout, operator, number, day, currency), columns, *calls, trailer = rows
    last, count, charged, hashed = trailer
    if (kind, layout, last) != ("header", str(LAYOUT), "trailer"):
        raise ValueError("it has no header or no trailer of this layout")
    if columns != ["columns", *COLUMNS]:
        raise ValueError("it has other columns")
    if any(call[:1] != ["call"] or len(call) != len(columns) for call in calls):
        raise ValueError("a line has other fields")
    file = ChargeFile(
        operator=operator,
        number=int(number),
        day=date.fromisoformat(day),
        currency=currency,
        calls=tuple(tuple(call[1:]) for call in calls),
    )
    start = content.rfind(b"\n", 0, -1) + 1
    if not content.endswith(b"\n") or hashed != hashlib.sha256(content[:start]).hexdigest():
        raise ValueError("it is not as it was made")
    if (int(count), Decimal(charged)) != (len(calls), file.charged):
        raise ValueError("its sums do not fit")
    return file


def _lines(rows: Iterable[Sequence[object]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode(_ENCODING)
