"""Laws of the reference file: what is written reads back equal; no text breaks the reader."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from callcontrol.errors import ConfigError
from callcontrol.reference_file import parse_reference
from callcontrol.reference_file.yaml_text import Plain, parse_yaml, yaml_of

AT = datetime(2026, 9, 1, tzinfo=UTC)

# YAML has no way to write half a surrogate pair.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
PLAIN: st.SearchStrategy[Plain] = st.recursive(
    st.none() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)
WORDS = st.sampled_from(
    [
        "gateways",
        "numbers",
        "0900 123 456",
        "host",
        ":",
        "-",
        "[",
        "]",
        "{",
        "}",
        ",",
        "#",
        "\n",
        "  ",
        "\n  ",
        "&a",
        "*a",
        "!!x",
        "'",
        '"',
        "|",
        ">",
        "null",
        "1",
        "true",
        "---",
        "?",
    ]
)


@given(value=PLAIN)
@settings(deadline=None)
def test_what_is_written_reads_back_equal(value: Plain) -> None:
    """Whatever the strings look like: numbers, dates, YAML of their own, control characters."""
    parsed = parse_yaml(yaml_of(value))

    assert (parsed.faults, parsed.value) == ([], value)


@given(words=st.lists(WORDS | TEXT, max_size=40))
@settings(deadline=None)
def test_no_text_breaks_the_reader(words: list[str]) -> None:
    """Any text is a reference or a list of sentences, nothing else."""
    with suppress(ConfigError):
        parse_reference("".join(words), name="file", at=AT)
