"""Tests of callcontrol.logs."""

from __future__ import annotations

import io
import json

import pytest

from callcontrol import logs


class TestMasked:
    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("+41795550001", "+41795****01"),
            ("0795550001", "07955***01"),
            ("from +41795550001 to 0900123456", "from +41795****01 to 09001***56"),
            ("12345678", "12345678"),
            ("", ""),
        ],
    )
    def test_shows_five_digits_and_two(self, text, shown):
        """All but the first five and the last two digits of a number are hidden."""
        assert logs.masked(text) == shown

    def test_leaves_our_own_identifiers_alone(self):
        """A uuid and a file's name with digits are no telephone numbers."""
        text = "0193a5c2-7d3e-7abc-8123-1234567890ab journal-1234567890.sqlite"

        assert logs.masked(text) == text


class TestConfigure:
    def test_writes_json_lines_with_masked_numbers(self):
        """A line is one JSON object; what a caller sent is masked, also inside lists."""
        stream = io.StringIO()
        log = logs.configure("info", stream=stream)

        log.info("call_received", caller="+41795550001", targets=["+41445550190"])
        log.debug("not_made")

        (line,) = stream.getvalue().splitlines()
        event = json.loads(line)
        assert event["event"] == "call_received"
        assert event["caller"] == "+41795****01"
        assert event["targets"] == ["+41445****90"]

    def test_a_hostile_name_cannot_start_a_line(self):
        """A newline in a value stays inside its JSON string."""
        stream = io.StringIO()
        log = logs.configure("info", stream=stream)

        log.info("call_received", caller='x\n{"event":"forged"}')

        assert len(stream.getvalue().splitlines()) == 1
