"""callcontrol.reference_file.yaml_text: strings in, strings out, and nothing is guessed."""

from __future__ import annotations

import pytest

from callcontrol.reference_file.yaml_text import parse_yaml, yaml_of


@pytest.mark.parametrize(
    "text", ["0.10", "0800", "08:30", "1e3", "0x1F", "yes", "true", "2026-08-01", "+41*", "nul"]
)
def test_every_scalar_is_the_text_that_stands_there(text: str) -> None:
    """Nothing becomes a float, an octal number, a sexagesimal one, a flag or a date."""
    assert parse_yaml(f"a: {text}").value == {"a": text}


@pytest.mark.parametrize("text", ["null", "~", "", "Null", "NULL"])
def test_a_bare_null_is_nothing(text: str) -> None:
    """Only the words YAML has for it, and only without quotes."""
    assert parse_yaml(f"a: {text}").value == {"a": None}
    assert parse_yaml(f"a: '{text}'").value == {"a": text}


def test_every_value_has_its_line() -> None:
    """A fault can be told with the line it is on, or that of what is around it."""
    parsed = parse_yaml("a:\n  b:\n    - c\n    - d: e\n")

    assert parsed.lines["a.b.1.d"] == 4
    assert parsed.line_of("a.b.1.d.unknown.deeper") == 4
    assert parsed.line_of("x") is None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a: 1\na: 2", "a: is there twice (line 2)"),
        ("a: {b: 1, b: 2}", "a.b: is there twice (line 1)"),
        ("a: &x 1\nb: *x", "line 1: anchors and aliases are not used here"),
        ("a: *x", "line 1: anchors and aliases are not used here"),
        ("? [a]\n: 1", "line 1: a key is not a plain word"),
        ("a: 1\n---\nb: 2", "there is more than one document"),
        ("a: [" * 20, "line 1: "),
        ("{" + "a: {" * 20 + "}" * 21, "line 1: nested too deeply"),
        ("a: [1\nb: 2", "line 2: not YAML: did not find expected ',' or ']'"),
        ("a: \0", "not YAML: unacceptable character"),
        ("a: \udc80", "not YAML: "),
        ("\ta: 1", "line 1: not YAML: "),
    ],
)
def test_what_is_not_plain_yaml_is_a_fault(text: str, fault: str) -> None:
    """Ambiguous, recursive or broken text is told, with its line where there is one."""
    faults = parse_yaml(text).faults

    assert len(faults) == 1
    assert faults[0].startswith(fault)


def test_a_bomb_of_aliases_does_nothing() -> None:
    """A small file that would expand to billions of values is refused at its first anchor."""
    bomb = "a: &a [x,x,x]\n" + "".join(
        f"{chr(98 + n)}: &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 9)}]\n"
        for n in range(9)
    )

    assert parse_yaml(bomb).faults == ["line 1: anchors and aliases are not used here"]


def test_a_python_object_is_only_text() -> None:
    """Tags construct nothing."""
    assert parse_yaml("a: !!python/object/apply:os.system [id]").value == {"a": ["id"]}


def test_an_empty_text_has_no_value() -> None:
    """Neither value nor fault."""
    assert parse_yaml("# nothing\n") == parse_yaml("")


def test_strings_are_written_bare_where_they_can() -> None:
    """A person reads 0.10, 0800 and +41795550001 without quotes."""
    written = yaml_of({"a": "0.10", "b": ["0800", "+41795550001"], "c": None, "d": "null"})

    assert written == "a: 0.10\nb:\n  - 0800\n  - +41795550001\nc: null\nd: 'null'\n"
