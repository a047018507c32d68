from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from callcontrol.cli import main
from tests.tariff_builders import RATED

WORKED = RATED / "01-worked-example.call.json"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Run the command and give its status, output and errors."""

    def run_it(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ending:
            main(["rate", *words])
        status = ending.value.code
        assert isinstance(status, int)
        return (status, *capsys.readouterr())

    return run_it


class TestRate:
    def test_prints_the_worked_example(self, run: Callable[..., tuple[int, str, str]]):
        """With --json nothing but the result is printed, all of it strings and exact."""
        status, output, errors = run(str(WORKED), "--json")
        expected = json.loads(
            WORKED.with_name("01-worked-example.expected.json").read_text("utf-8")
        )

        assert (status, errors) == (0, "")
        assert json.loads(output) == expected["result"]

    def test_reads_standard_input(self):
        """`-` is standard input, of the real program; a byte-order mark is no harm."""
        program = subprocess.run(
            [sys.executable, "-m", "callcontrol", "rate", "-", "--json"],
            input=b"\xef\xbb\xbf" + WORKED.read_bytes(),
            capture_output=True,
            check=True,
            cwd=RATED.parents[1],
            timeout=30,
        )

        assert json.loads(program.stdout)["charge"] == "26.80"
        assert program.stderr == b""

    def test_prints_a_table(self, run: Callable[..., tuple[int, str, str]]):
        """Without --json a person reads the lines, the charge, and when it would run out."""
        status, output, _ = run(str(WORKED))

        assert status == 0
        for words in (
            "2026-01-05T12:01:30.400000Z  2      per call            20.00",
            "charge        CHF 26.80",
            "exact         CHF 26.725",
            "VAT           CHF 2.01 (8.1 %)",
            "metered       120.000000 s",
            "exhausted at  2026-01-05T13:17:10.000000Z",
        ):
            assert words in output

    def test_table_tells_refusals_and_the_maximum(
        self, run: Callable[..., tuple[int, str, str]]
    ):
        """What was refused, why; that the maximum was reached; that nothing ever runs out."""
        _, refused, _ = run(str(RATED / "16-change-too-dear.call.json"))
        _, capped, _ = run(str(RATED / "11-maximum-reached.call.json"))

        assert (
            "level 3 at 2026-01-05T12:00:20.000000Z: would pass the maximum of CHF 30.00"
            in refused
        )
        assert "exhausted at  never" in refused
        assert "CHF 5.00, the maximum" in capped

    def test_names_every_fault(self, run: Callable[..., tuple[int, str, str]], tmp_path: Path):
        """One line a fault on standard error, status 2, nothing on standard output."""
        call = json.loads(WORKED.read_text("utf-8"))
        call["tariff"]["levels"]["7"] = {"per_minute": "11.00", "per_call": "-1.00"}
        file = tmp_path / "call.json"
        file.write_text(json.dumps(call))
        status, output, errors = run(str(file))

        assert (status, output) == (2, "")
        assert errors.splitlines() == [
            "tariff.levels.7.per_call: negative",
            "tariff.levels.7.per_minute: above CHF 10 (OST art. 39)",
        ]

    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("missing.json", "No such file or directory"),
            (".", "Is a directory"),
            ("a\0b", None),
        ],
    )
    def test_names_a_file_it_cannot_read(
        self,
        run: Callable[..., tuple[int, str, str]],
        tmp_path: Path,
        name: str,
        reason: str | None,
    ):
        """One sentence with the file's name."""
        status, _, errors = run(f"{tmp_path}/{name}")

        assert status == 2
        assert len(errors.splitlines()) == 1
        assert reason is None or errors == f"{tmp_path}/{name}: {reason}\n"

    def test_says_what_is_not_text(
        self, run: Callable[..., tuple[int, str, str]], tmp_path: Path
    ):
        """Bytes that are no UTF-8 are named by their place."""
        file = tmp_path / "call.json"
        file.write_bytes(b'{"a": "\xff"}')

        assert run(str(file)) == (2, "", f"{file}: not UTF-8 at byte 7\n")
