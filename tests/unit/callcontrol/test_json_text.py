from __future__ import annotations

import pytest

from callcontrol.errors import ConfigError
from callcontrol.json_text import MOST_DEPTH, parsed_json, shown


def refusal_of(text: str) -> str:
    """Read what is no JSON and give the one sentence it is refused with."""
    with pytest.raises(ConfigError) as refusal:
        parsed_json(text)
    (sentence,) = refusal.value.faults
    return sentence


class TestParsedJson:
    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("", "not JSON at line 1 column 1: Expecting value"),
            ('{"a":', "not JSON at line 1 column 6: Expecting value"),
            (
                "{'a': 1}",
                "not JSON at line 1 column 2: "
                "Expecting property name enclosed in double quotes",
            ),
            ('{"a": NaN}', "not JSON: NaN is no value"),
            ('{"a": [-Infinity]}', "not JSON: -Infinity is no value"),
            ('{"a": ' + "9" * 5000 + "}", "a number has thousands of digits"),
            ("[" * 100_000, "nested deeper than 16 levels"),
            ('{"a":' * 900 + "1" + "}" * 900, "nested deeper than 16 levels"),
        ],
    )
    def test_refuses_what_is_no_json(self, text: str, sentence: str):
        """One plain sentence says where and what, and nothing is ever a traceback."""
        assert sentence == refusal_of(text)

    def test_reads_down_to_its_depth(self):
        """Sixteen levels are read, seventeen are not."""
        value, faults = parsed_json("[" * MOST_DEPTH + "1" + "]" * MOST_DEPTH)

        assert value
        assert faults == []
        assert refusal_of("[" * 17 + "1" + "]" * 17) == "nested deeper than 16 levels"

    def test_finds_names_given_twice(self):
        """Each by its path, where the reader would keep the last in silence."""
        _, faults = parsed_json('{"a": [{"b": 1, "b": 1, "c": {"d": 1, "d": 2}}], "a ": 1}')

        assert list(map(str, faults)) == ["a.0.b: is there twice", "a.0.c.d: is there twice"]


class TestShown:
    @pytest.mark.parametrize(
        ("part", "text"),
        [
            ("levels", "levels"),
            (7, "7"),
            ("é", "é"),
            ("a\nb", "'a\\nb'"),
            ("\ud800", "'\\ud800'"),
            ("\x1b[31m", "'\\x1b[31m'"),
            ("x" * 41, "x" * 40 + "…"),
            (10**50, "1" + "0" * 39 + "…"),
        ],
    )
    def test_is_one_short_line_that_does_nothing(self, part: object, text: str):
        """Control characters and lone surrogates are escaped, length is bounded."""
        assert text == shown(part)
