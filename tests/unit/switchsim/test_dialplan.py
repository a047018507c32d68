"""The dialplan as data."""

import json

import pytest

from switchsim.dialplan import from_rows, load, service_numbers


def test_the_first_match_counts():
    """Extensions are tried in order."""
    plan = from_rows(
        [("^0800$", ["respond 503"]), ("^(.*)$", ["socket 127.0.0.1:1 async full"])]
    )

    found = plan.match("0800")

    assert found is not None
    assert [action.application for action in found[1]] == ["respond"]


def test_a_newline_in_the_called_number_matches_nothing():
    """`$` does not match before a newline: such a call has no route."""
    dialplan = from_rows([("^(.*)$", ["respond 404"])])

    assert dialplan.match("0900\n") is None
    assert dialplan.match("09\n00") is None


@pytest.mark.parametrize("called", ["0900123456", "", "0900\n", "09\n00", "\n0900"])
def test_every_called_number_goes_to_the_engine(called):
    """It knows the numbers, refuses the unknown ones and leaves a record of each."""
    assert service_numbers("127.0.0.1:1").match(called) is not None


def test_an_engines_calls_are_refused_when_no_engine_takes_them():
    """The dialplan of an engine ends with a refusal."""
    found = service_numbers("127.0.0.1:1|127.0.0.1:2").match("0900123456")

    assert found is not None
    assert [(action.application, action.data) for action in found[1]][-2:] == [
        ("socket", "127.0.0.1:1|127.0.0.1:2 async full"),
        ("respond", "503 Service Unavailable"),
    ]


def test_a_dialplan_is_read_from_json(tmp_path):
    """A file holds numbers and their action lines."""
    file = tmp_path / "plan.json"
    file.write_text(json.dumps([{"number": "^1$", "actions": ["answer", "park"]}]))

    found = load(file).match("1")

    assert found is not None
    assert [action.application for action in found[1]] == ["answer", "park"]


def test_a_file_of_something_else_is_refused(tmp_path):
    """What is not a list of numbers and actions is named as such."""
    file = tmp_path / "plan.json"
    file.write_text(json.dumps([{"number": "^1$"}]))

    with pytest.raises(ValueError, match=r"plan\.json"):
        load(file)
