"""What an operator sees from the command line, while everything runs."""

from __future__ import annotations

import csv
import io
import json
import re


def test_cdrs_shows_the_newest_record_first(stack):
    """The same record in JSON, as CSV and as a table; one whole record by its id."""
    before = stack.recorded("+41900100001")
    stack.caller.call("0900100001", talk_ms=300)
    cdr = stack.cdr_of_new_call("+41900100001", before)

    (listed,) = json.loads(
        stack.command("cdrs", "--number", "0900 100 001", "--limit", "1", "--json")
    )
    (line,) = csv.DictReader(
        io.StringIO(stack.command("cdrs", "--number", "0900100001", "--limit", "1", "--csv"))
    )
    table = stack.command("cdrs", "--number", "0900100001", "--limit", "1")
    whole = json.loads(stack.command("cdrs", cdr["call_id"]))

    assert listed == whole == cdr
    assert (line["call_id"], line["gross"]) == (cdr["call_id"], "2.50")
    assert "0900 100 001" in table
    assert "CHF 2.50" in table


def test_a_withheld_number_is_shown_to_operators_alone(stack):
    """Lists say that it is withheld; --operator shows it."""
    before = stack.recorded("+41900100002")
    stack.caller.call("0900100002", talk_ms=200, headers=("Privacy: id",))
    stack.cdr_of_new_call("+41900100002", before)

    usual = stack.command("cdrs", "--number", "0900100002", "--limit", "1", "--json")
    operator = stack.command(
        "cdrs", "--number", "0900100002", "--limit", "1", "--json", "--operator"
    )
    table = stack.command("cdrs", "--number", "0900100002", "--limit", "1")

    assert "79555" not in usual + table
    assert "withheld" in table
    assert "+41795550001" in operator


def test_route_tells_what_the_engine_did(stack):
    """The command and the engine decide by the same rules: here, those of a blocked caller."""
    before = stack.recorded("+41900100001")
    stack.caller.call("0900100001", "caller-is-refused", sender="<sip:+41795559001@127.0.0.1>")
    cdr = stack.cdr_of_new_call("+41900100001", before)

    told = json.loads(stack.command("route", "0900100001", "--from", "+41795559001", "--json"))

    assert (told["decision"], told["rule"], told["cause"]) == (
        "release",
        cdr["rule"],
        cdr["hangup_cause"],
    )


def test_metrics_count_what_happened(stack):
    """Calls by category and disposition, charges, and nothing left in progress."""
    stack.eventually(lambda: stack.metric("callcontrol_calls_in_progress") == 0)
    before = stack.metric("callcontrol_calls_total")
    seconds = stack.metric("callcontrol_metered_seconds_total")

    stack.caller.call("0900100002", talk_ms=1100)

    stack.eventually(lambda: stack.metric("callcontrol_metered_seconds_total") > seconds + 1)
    assert stack.metric("callcontrol_calls_total") == before + 1
    stack.eventually(lambda: stack.metric("callcontrol_calls_in_progress") == 0)
    stack.eventually(lambda: stack.metric("callcontrol_journal_backlog") == 0)
    assert stack.metric("callcontrol_link_up") == 1


def test_calls_shows_a_running_call_with_its_charge(stack):
    """While it lasts, with level and what it has cost so far; afterwards no more."""
    with stack.talking("0900100002", talk_ms=6000):
        shown = stack.eventually(
            lambda: [
                call
                for call in json.loads(stack.command("calls", "--json"))
                if call["state"] == "answered" and call["charge"] not in (None, "0.00")
            ],
            within_s=6,
        )

    (call,) = shown
    assert (call["number"], call["level"], call["caller"]) == (
        "+41900100002",
        1,
        "+41795550001",
    )
    stack.eventually(lambda: json.loads(stack.command("calls", "--json")) == [])


def test_export_gives_back_what_was_loaded(stack, folder):
    """Loading what was exported changes nothing."""
    file = folder / "exported.yaml"
    file.write_text(stack.command("export"), encoding="utf-8")

    assert "nothing differs" in stack.command("load", "--dry-run", str(file))


def test_top_prints_once_where_there_is_no_terminal(stack):
    """Health, figures, the call that talks with its level and charge, the last refusals."""
    before, answered = stack.recorded("+41900100002"), stack.calls_answered()
    with stack.talking("0900100002", talk_ms=8000):
        stack.eventually(lambda: stack.calls_answered() > answered)
        printed = stack.eventually(
            lambda: next(iter(re.findall(r"0900 100 002 .*CHF.*", _top(stack))), None)
        )
        text = _top(stack)
    stack.cdr_of_new_call("+41900100002", before)

    assert "answers answered" in printed
    assert "1 of 1 ready" in text
    assert "link up" in text
    assert "journal well   Postgres up" in text
    assert "last refusals" in text


def _top(stack) -> str:
    return stack.command("top", "--once")
