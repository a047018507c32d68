"""The commands."""

import pytest

from switchsim.__main__ import main
from switchsim.phones.__main__ import main as phones


@pytest.mark.parametrize(
    "arguments",
    [
        ["--sip", "nowhere"],
        ["--socket", "127.0.0.1:8084|x"],
        ["--gateway", "gw"],
        ["--dialplan", "/does/not/exist.json"],
    ],
)
def test_a_wrong_option_is_one_sentence(arguments, capsys):
    """A switch that cannot start says why, and ends with 2."""
    assert main(["--event-socket", "127.0.0.1:0", *arguments]) == 2
    assert capsys.readouterr().err.startswith("switchsim: ")


@pytest.mark.parametrize(
    "arguments",
    [
        ["answer", "--bind", "127.0.0.1:0", "--rule", "x"],
        ["answer", "--bind", "127.0.0.1:0", "--rule", ".*=dance"],
        ["call", "--to", "nowhere"],
    ],
)
def test_a_wrong_party_is_one_sentence(arguments, capsys):
    """A party that cannot start says why, and ends with 2."""
    assert phones(arguments) == 2
    assert capsys.readouterr().err.startswith("phones: ")
