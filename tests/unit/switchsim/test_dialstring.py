"""Bridge strings."""

from switchsim.dialstring import enterprise, parse


def test_groups_and_legs():
    """Commas ring together, bars one group after the other."""
    dial = parse("sofia/external/1@h:5060,sofia/external/2@h|sofia/gateway/gw/3")

    assert [[leg.endpoint for leg in group] for group in dial.groups] == [
        ["sofia/external/1@h:5060", "sofia/external/2@h"],
        ["sofia/gateway/gw/3"],
    ]


def test_variables_of_all_and_of_one_leg():
    """Braces hold for the whole string, brackets for the leg behind them."""
    dial = parse("{a=1,b=2}[c=3]sofia/external/1@h,[d=4]sofia/external/2@h")

    assert dial.variables == {"a": "1", "b": "2"}
    assert [leg.variables for leg in dial.groups[0]] == [{"c": "3"}, {"d": "4"}]


def test_a_quoted_value_may_hold_a_comma():
    """Single quotes keep commas, brackets and blanks in a value."""
    dial = parse("{n='Service, 0900',api_on_answer='sched_hangup +3 x y'}sofia/external/1@h")

    assert dial.variables == {"n": "Service, 0900", "api_on_answer": "sched_hangup +3 x y"}


def test_an_escaped_comma_stays():
    """A backslash keeps a comma in an unquoted value."""
    assert parse(r"{n=a\,b}sofia/external/1@h").variables == {"n": "a,b"}


def test_another_separator_can_be_named():
    """`^^;` in front of variables separates them by semicolons."""
    assert parse("{^^;a=1,2;b=3}sofia/external/1@h").variables == {"a": "1,2", "b": "3"}


def test_an_angle_bracket_in_a_value():
    """A header's value with a URI in it stays whole."""
    dial = parse("{sip_h_P-Asserted-Identity='<sip:+41@h>'}sofia/external/1@h")

    assert dial.variables == {"sip_h_P-Asserted-Identity": "<sip:+41@h>"}


def test_a_block_without_end_is_no_variables():
    """A brace that is never closed is part of the endpoint, which then makes no sense."""
    dial = parse("{a=1 sofia/external/1@h")

    assert dial.variables == {}


def test_enterprise_strings_are_taken_apart():
    """Strings joined by `:_:` stand beside each other."""
    assert enterprise("a|b:_:c") == ["a|b", "c"]
