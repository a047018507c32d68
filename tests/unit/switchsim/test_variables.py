"""Channel variables."""

from switchsim.variables import Variables, expand, leading_number


def _variables(**values):
    variables = Variables()
    for name, value in values.items():
        variables.set(name, value)
    return variables


class TestVariables:
    """Setting and reading."""

    def test_names_are_read_in_any_case(self):
        """Variables are found without regard to case, and keep the name they were set by."""
        variables = _variables(DIALSTATUS="BUSY")

        assert variables.get("dialstatus") == "BUSY"
        assert list(variables.items()) == [("DIALSTATUS", "BUSY")]

    def test_an_empty_value_unsets(self):
        """Setting nothing removes the variable."""
        variables = _variables(a="1")
        variables.set("a", "")

        assert variables.get("a") is None

    def test_a_value_with_a_reference_is_refused(self):
        """Text of a caller that would be expanded later is dropped."""
        assert _variables(name="${hostname}").get("name") is None

    def test_the_api_sets_references_all_the_same(self):
        """uuid_setvar does not look."""
        variables = Variables()
        variables.set("name", "${hostname}", checked=False)

        assert variables.get("name") == "${hostname}"

    def test_a_second_value_makes_an_array(self):
        """Added values are kept in the switch's array notation."""
        variables = Variables()
        for value in ("a", "b", "c"):
            variables.add("causes", value)

        assert variables.get("causes") == "ARRAY::a|:b|:c"

    def test_words_for_yes(self):
        """The switch takes several words for yes, and any number above zero."""
        yes = [_variables(x=word).is_true("x") for word in ("true", "Yes", "on", "1", "t")]
        no = [_variables(x=word).is_true("x") for word in ("false", "0", "maybe")]

        assert all(yes)
        assert not any(no)


class TestExpand:
    """References in arguments."""

    def test_replaces_what_is_known(self):
        """A known name gives its value, an unknown one nothing."""
        values = {"uuid": "4711"}

        assert expand("a ${uuid} ${other}.", values.get) == "a 4711 ."

    def test_a_backslash_keeps_a_reference(self):
        """An escaped reference loses its backslash only."""
        assert expand(r"x=\${uuid}", {"uuid": "4711"}.get) == "x=${uuid}"

    def test_ends_even_when_a_value_refers_to_itself(self):
        """A loop of references ends."""
        assert "a" in expand("${a}", {"a": "a${a}"}.get)


def test_leading_number_reads_like_c():
    """Numbers are read up to the first character that is none."""
    assert [leading_number(text) for text in ("5:CAUSE", "+3", "x", "12s")] == [5, 3, 0, 12]
