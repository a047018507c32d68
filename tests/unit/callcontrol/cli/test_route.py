"""`callcontrol route` on the documented example, as a person and as a script read it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from callcontrol.cli import main

_DEMO = "fixtures/reference/demo.yaml"


def _run(*words: str, file: str = _DEMO) -> int:
    with pytest.raises(SystemExit) as leaving:
        main(["route", *words, "--file", file])
    assert isinstance(leaving.value.code, int)
    return leaving.value.code


def test_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    """A script reads what would happen, and the status says that there was an answer."""
    status = _run(
        *("0041 800 000 002", "--from", "+41445550100", "--json"),
        *("--at", "2026-01-05T12:00:00Z"),
    )
    answer = json.loads(capsys.readouterr().out)

    assert status == 0
    assert answer["number"] == "+41800000002"
    assert answer["at"] == "2026-01-05T12:00:00.000000Z"
    assert (answer["decision"], answer["rule"], answer["cause"]) == ("connect", "default", None)
    assert [step["targets"] for step in answer["steps"]] == [
        ["+41445550102"],
        ["+41445550103", "sip:desk@127.0.0.1:5092"],
    ]


def test_people_read_the_same_in_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """Numbers as they are printed, local time, each target with its gateways."""
    _run("0800000002", "--from", "+41445550100", "--at", "2026-07-06T12:00")
    shown = capsys.readouterr().out

    assert "0800 000 002" in shown
    assert "044 555 01 00" in shown
    assert "2026-07-06 12:00:00 Europe/Zurich" in shown
    assert "+41445550103 by dead-trunk or trunk-a, sip:desk@127.0.0.1:5092" in shown
    assert "10 s, next on busy, no_answer, unreachable, failed" in shown


def test_a_refusal_is_an_answer_too(capsys: pytest.CaptureFixture[str]) -> None:
    """The rule, the cause, and what the caller's network is told."""
    status = _run("0800000002", "--from", "079 555 00 01", "--withheld")
    shown = capsys.readouterr().out

    assert status == 0
    assert "withheld refused" in shown
    assert "079 555 00 01, withheld" in shown
    assert "release with CALL_REJECTED (SIP 603)" in shown


def test_an_unknown_number(capsys: pytest.CaptureFixture[str]) -> None:
    """Shown as it was asked, from a caller of whom nothing is known."""
    _run("0900 [bold]", "--from", "anonymous")
    shown = capsys.readouterr().out

    assert "0900 [bold]" in shown
    assert "no number" in shown
    assert "not in service" in shown


@pytest.mark.parametrize("option", [(), ("--json",)])
def test_no_text_can_harm_the_terminal(
    capsys: pytest.CaptureFixture[str], option: tuple[str, ...]
) -> None:
    """Control characters and bytes that are no text are written as escapes."""
    status = _run("0900\x1b[2J\udcff", "--from", "\x1b\udcff", *option)
    shown = capsys.readouterr().out

    assert status == 0
    assert "not in service" in shown
    assert shown.replace("\n", "").isprintable()


@pytest.mark.parametrize(
    ("words", "file", "sentence"),
    [
        (
            ("0800000002", "--from", "1", "--at", "noon"),
            _DEMO,
            "--at: 'noon' is not an instant",
        ),
        (("0800000002", "--from", "1"), "no-such-file.yaml", "no-such-file.yaml"),
    ],
)
def test_wrong_use_is_one_sentence(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], file: str, sentence: str
) -> None:
    """On standard error, status 2, no traceback."""
    status = _run(*words, file=file)
    written = capsys.readouterr()

    assert status == 2
    assert sentence in written.err
    assert written.err.count("\n") == 1
    assert written.out == ""


def test_the_example_is_there() -> None:
    """The paths above are those of the project's own folder."""
    assert Path(_DEMO).is_file()
