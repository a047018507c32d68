"""Tests of callcontrol.cli: what a stranger meets first."""

from __future__ import annotations

import pytest

from callcontrol.cli import COMMANDS, main


def run(capsys, *words):
    """Run a command line; gives the exit status and what was printed where."""
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    told = capsys.readouterr()
    return ended.value.code or 0, told.out, told.err


class TestHelp:
    def test_lists_every_command(self, capsys):
        """Each with one line that says what it is for."""
        status, out, _ = run(capsys, "--help")

        assert status == 0
        assert all(name in out for name in COMMANDS)

    @pytest.mark.parametrize("command", COMMANDS)
    def test_of_each_command(self, capsys, command):
        """Says how it is used, and its first line is the one in the list."""
        status, out, _ = run(capsys, command, "--help")

        assert status == 0
        assert f"Usage: callcontrol {command}" in out

    def test_of_serve_lists_the_settings(self, capsys):
        """With their meaning, unit and default."""
        _, out, _ = run(capsys, "serve", "--help")

        assert "CALLCONTROL_DRAIN_S" in out
        assert "seconds a polite stop waits" in out


class TestWrongUse:
    @pytest.mark.parametrize("words", [("fly",), ("--fast",), ("rate",), ("rate", "--fast")])
    def test_exits_with_two(self, capsys, words):
        """And says what is wrong on standard error, without a traceback."""
        status, out, err = run(capsys, *words)

        assert status == 2
        assert out == ""
        assert "Error" in err
        assert "Traceback" not in err
