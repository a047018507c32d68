"""callcontrol.reference_file.blacklist_csv: all lines are good, or each faulty one is named."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from callcontrol.errors import ConfigError
from callcontrol.reference_file.blacklist_csv import (
    COLUMNS,
    CsvLine,
    blacklist_csv,
    read_blacklist_csv,
)


def read(text: str, scope: dict[str, str] | None = None) -> list[CsvLine]:
    """Read a text as a file."""
    return read_blacklist_csv(text.splitlines(keepends=True), name="x.csv", scope=scope)


def faults(text: str) -> tuple[str, ...]:
    """Say what is wrong with a text."""
    with pytest.raises(ConfigError) as refused:
        read(text)
    return refused.value.faults


def test_a_pattern_is_enough() -> None:
    """Everything else is as it is by default; a number may be in any dialled form."""
    (line,) = read("pattern\n079 555 00 01\n")

    assert (line.line, line.pattern) == (2, "+41795550001")
    assert line.terms == (None, None, "block", None, None, "CALL_REJECTED", "")


def test_what_a_spreadsheet_writes() -> None:
    """Semicolons, a byte-order mark, other orders of columns, quotes and blank lines."""
    lines = read(
        "\ufeffreason;pattern;valid_until\n"
        '"odd; very";+4179*;2027-01-01T00:00:00Z\n\n;anonymous;\n'
    )

    assert [(line.line, line.pattern, line.terms.reason) for line in lines] == [
        (2, "+4179*", "odd; very"),
        (4, "anonymous", ""),
    ]
    assert lines[0].terms.valid_until == datetime(2027, 1, 1, tzinfo=UTC)


def test_lines_that_name_no_scope_get_the_one_given() -> None:
    """A line that names one keeps it."""
    lines = read("pattern,customer\n+41*,\n+42*,beta\n", {"customer": "acme"})

    assert [line.terms.customer for line in lines] == ["acme", "beta"]


def test_every_faulty_line_is_named_with_its_field() -> None:
    """None is taken when one is faulty; what they share is judged once and told of each."""
    told = faults(
        "pattern,number,customer,action,valid_from,cause\n"
        "+41795550001,,,block,,\n"
        "nobody,,,block,,\n"
        "+41795550001,,,block,,USER_BUSY\n"
        "+4180*,0900123456,acme,block,,\n"
        "+4181*,,,maybe,2026-01-01,\n"
        "+4182*,,,,,NO_SUCH\n"
        "+4183*,,,,,NO_SUCH\n"
        "+4184*,\n"
    )

    assert told == (
        "x.csv:3: pattern: 'nobody' is neither a number such as +41795550001, a prefix such as"
        " +4179*, nor anonymous",
        "x.csv:4: says the same as line 2",
        "x.csv:5: is for a number and for a customer; it can be for one of them",
        "x.csv:6: action: is not 'block' or 'allow'",
        "x.csv:6: valid_from: '2026-01-01' is not an instant with its zone such as"
        " 2026-08-01T00:00:00+02:00",
        "x.csv:7: cause: 'NO_SUCH' is not a hangup cause",
        "x.csv:8: cause: 'NO_SUCH' is not a hangup cause",
        "x.csv:9: has 2 cells, not 6",
    )


def test_the_list_of_faults_has_an_end() -> None:
    """A file of something else does not flood the screen."""
    told = faults("pattern\n" + "x\n" * 250)

    assert len(told) == 101
    assert told[-1] == "... and 150 more faulty lines"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "x.csv:1: the column pattern is missing; there are pattern, number,"),
        ("number\n", "x.csv:1: the column pattern is missing"),
        ("pattern,colour\n", "x.csv:1: no column of a blacklist: 'colour'; there are pattern"),
        ("pattern,pattern\n", "x.csv:1: a column is there twice"),
    ],
)
def test_a_header_that_cannot_be(text: str, sentence: str) -> None:
    """Nothing else is then looked at."""
    (told,) = faults(text)

    assert told.startswith(sentence)


def test_what_is_written_is_read_again() -> None:
    """Whatever characters are in it."""
    at = datetime(2026, 8, 1, 10, 0, 0, 500, tzinfo=UTC)
    values = ("+4179*", None, "acme", "allow", at, None, "USER_BUSY", 'a, "b"; c')

    (line,) = read(blacklist_csv([COLUMNS, values]))

    assert (line.pattern, *line.terms) == values
