"""`callcontrol cdrs` on a real database."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable

import pytest

from callcontrol.cdr import Cdr
from callcontrol.cdr.journal_file import PendingRecord
from callcontrol.store import run as run_alone
from callcontrol.store.calls_table import CallInProgress, replace_calls
from callcontrol.store.cdr_table import insert_cdrs
from tests.cdr_builders import make_cdr, make_changed_cdr, make_refused_cdr

Run = Callable[..., tuple[int, str, str]]

HIDDEN = "+41795550099"
_DIGITS = "795550099"  # as they are left in every way of writing it
CDRS = [
    make_cdr(0),
    make_refused_cdr(1, customer="other"),
    make_changed_cdr(2),
    make_cdr(3, number=None, category=None, customer=None),
    make_cdr(
        4,
        caller=HIDDEN,
        caller_raw=f"[red]\x1b[31m=cmd {HIDDEN}",
        caller_withheld=True,
        number="+41900000001",
    ),
]


@pytest.fixture(autouse=True)
def _records(dsn: str) -> None:
    run_alone(dsn, insert_cdrs, [_pending(cdr) for cdr in CDRS])


def _pending(cdr: Cdr) -> PendingRecord:
    return PendingRecord(call_id=cdr.call_id, recorded_us=0, body=cdr.to_json())


def test_a_table_newest_first(run_command: Run) -> None:
    """One line a call, in Swiss local time, numbers as people read them."""
    status, out, _ = run_command("cdrs")

    lines = out.splitlines()
    assert status == 0
    assert [line.split()[-1] for line in lines[1:]] == [cdr.call_id for cdr in CDRS[::-1]]
    assert lines[-1].split()[:5] == ["2026-01-05", "13:00:00", "0901", "123", "456"]
    assert "CHF 6.00" in lines[-1]
    assert "120.000 s" in lines[-1]


@pytest.mark.parametrize("form", [(), ("--json",), ("--csv",), (CDRS[4].call_id,)])
def test_a_withheld_number_is_for_the_operator(run_command: Run, form: tuple[str, ...]) -> None:
    """In no form it is shown, unless the operator asks for it."""
    _, out, _ = run_command("cdrs", *form)
    assert _DIGITS not in out.replace(" ", "")

    _, out, _ = run_command("cdrs", *form, "--operator")
    assert _DIGITS in out.replace(" ", "")


@pytest.mark.parametrize("form", [(), ("--json",), ("--csv",), (CDRS[4].call_id,)])
def test_what_a_caller_typed_reaches_no_terminal(
    run_command: Run, form: tuple[str, ...]
) -> None:
    """Neither control characters nor spreadsheet formulas come out."""
    _, out, _ = run_command("cdrs", *form, "--operator")

    assert "\x1b" not in out
    assert ",=cmd" not in out


def test_the_table_says_withheld(run_command: Run) -> None:
    """Nobody takes an empty cell for a caller without a number."""
    _, out, _ = run_command("cdrs", "--limit", "1")

    assert "withheld" in out


def test_json_has_whole_records(run_command: Run) -> None:
    """Instants as text, amounts as exact text, everything nested."""
    status, out, _ = run_command("cdrs", "--json")

    records = json.loads(out)
    changed = records[2]
    assert status == 0
    assert [record["call_id"] for record in records] == [cdr.call_id for cdr in CDRS[::-1]]
    assert changed["received_at"] == "2026-01-05T12:00:02.000000Z"
    assert changed["metered_us"] == 120_000_000
    assert changed["segments"][0]["amount"] == "91/60"
    assert changed["segments"][0]["from_at"] == "2026-01-05T12:00:06.000000Z"
    assert changed["changes"][1]["in_force_at"] is None
    assert changed["charge"]["gross"] == "6.00"
    assert records[3]["charge"] is None
    assert records[3]["attempts"] == []


def test_csv_reads_back(run_command: Run) -> None:
    """A header and a line a call; what is not known is empty."""
    status, out, _ = run_command("cdrs", "--csv")

    rows = list(csv.DictReader(io.StringIO(out)))
    assert status == 0
    assert [row["call_id"] for row in rows] == [cdr.call_id for cdr in CDRS[::-1]]
    assert (rows[4]["gross"], rows[4]["payout"], rows[4]["currency"]) == (
        "6.00",
        "3.845",
        "CHF",
    )
    assert (rows[3]["gross"], rows[3]["answered_at"]) == ("", "")
    assert (rows[0]["caller"], rows[0]["caller_withheld"]) == ("", "True")


def test_one_record_whole(run_command: Run) -> None:
    """By its id, in any way of writing it."""
    status, out, _ = run_command("cdrs", CDRS[2].call_id.upper())

    assert status == 0
    assert json.loads(out)["call_id"] == CDRS[2].call_id


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--number", "0900 000 001"), [4]),
        (("--number", "0041901123456"), [2, 1, 0]),
        (("--customer", "other"), [1]),
        (("--disposition", "blocked"), [1]),
        (("--since", "2026-01-05T12:00:03Z"), [4, 3]),
        (("--until", "2026-01-05 13:00:01"), [0]),
        (("--since", "2026-01-05", "--until", "2026-01-06"), [4, 3, 2, 1, 0]),
        (("--since", "2026-01-06"), []),
        (("--limit", "2"), [4, 3]),
        (("--customer", "acme", "--limit", "1", "--until", "2026-01-05T12:00:04Z"), [2]),
    ],
)
def test_filters(run_command: Run, options: tuple[str, ...], expected: list[int]) -> None:
    """Each alone and several together."""
    status, out, _ = run_command("cdrs", "--json", *options)

    assert status == 0
    assert [record["call_id"] for record in json.loads(out)] == [
        CDRS[index].call_id for index in expected
    ]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--since", "soon"), "--since: 'soon' is not an instant"),
        (("--until", "9999-99-99"), "--until: '9999-99-99' is not an instant"),
        (("--number", "12"), "--number: '12' is not a number"),
        (("--disposition", "lost"), "--disposition: 'lost' is none of answered, blocked"),
        (("--json", "--csv"), "--json and --csv: one of them"),
        (("no-id",), "'no-id' is not the id of a call"),
    ],
)
def test_wrong_use_is_one_sentence(
    run_command: Run, words: tuple[str, ...], sentence: str
) -> None:
    """It names the option and what was typed; status 2."""
    status, out, err = run_command("cdrs", *words)

    assert (status, out) == (2, "")
    assert err.startswith(sentence)
    assert err.count("\n") == 1


def test_no_such_record(run_command: Run) -> None:
    """The answer is no: status 1, and a sentence."""
    status, out, err = run_command("cdrs", make_cdr(9).call_id)

    assert (status, out) == (1, "")
    assert err == f"there is no record of call {make_cdr(9).call_id}\n"


def test_nothing_found(run_command: Run) -> None:
    """An empty list is an answer like any other."""
    assert run_command("cdrs", "--customer", "nobody") == (0, "no records\n", "")
    assert run_command("cdrs", "--customer", "nobody", "--json") == (0, "[]\n", "")


def test_settlement_by_customer_and_month(run_command: Run, dsn: str) -> None:
    """Sums of a month as Switzerland counts it; to the centime, or exact."""
    new_year = make_cdr(7, received_us=1_767_222_000_000_000)  # midnight of 1 January
    run_alone(dsn, insert_cdrs, [_pending(new_year), _pending(make_cdr(8, customer="other"))])

    _, out, _ = run_command("cdrs", "--settlement")
    _, as_json, _ = run_command("cdrs", "--settlement", "--json", "--customer", "other")

    assert [line.split() for line in out.splitlines()] == [
        [
            "month",
            "customer",
            "calls",
            "metered",
            "net",
            "charge",
            "share",
            "transport",
            "payout",
        ],
        ["2026-01", "acme", "4", "8", "min", "22.20", "15.54", "0.16", "CHF", "15.38"],
        ["2026-01", "other", "1", "2", "min", "5.55", "3.89", "0.04", "CHF", "3.85"],
    ]
    assert json.loads(as_json)[0]["payout"] == "3.845000000000"


def test_a_call_as_a_ladder(run_command: Run) -> None:
    """`calls show` draws the record; a withheld number is for the operator."""
    status, out, _ = run_command("calls", "show", CDRS[4].call_id)
    _, told, _ = run_command("calls", "show", CDRS[4].call_id, "--operator")

    assert status == 0
    assert "-- call from withheld ------" in out
    assert _DIGITS in told.replace(" ", "")


def test_a_call_in_progress_as_a_ladder(run_command: Run, dsn: str) -> None:
    """Before there is a record, the live view tells."""
    call = CallInProgress(
        call_id=make_cdr(50).call_id,
        switch_uuid="leg",
        state="dialling",
        received_us=make_cdr(50).received_us,
        number="+41901123456",
    )
    run_alone(dsn, replace_calls, "engine-1", [call])

    status, out, _ = run_command("calls", "show", call.call_id)

    assert status == 0
    assert "engine engine-1, in progress" in out
    assert "* now: dialling" in out


def test_a_call_that_cannot_be_priced_again(run_command: Run) -> None:
    """Nothing of it was metered: status 1. Its table is gone: told, status 2."""
    refused, gone = CDRS[1].call_id, CDRS[0].call_id

    assert run_command("calls", "show", refused, "--rate") == (
        1,
        "",
        f"nothing of call {refused} was metered\n",
    )
    assert run_command("calls", "show", gone, "--rate") == (
        2,
        "",
        "tariff 'hotline' has no table of version '1' any more\n",
    )


def test_no_such_call(run_command: Run) -> None:
    """The answer is no: status 1; what is no id at all is wrong use."""
    unknown = make_cdr(9).call_id

    assert run_command("calls", "show", unknown) == (1, "", f"there is no call {unknown}\n")
    assert run_command("calls", "show", "x") == (2, "", "'x' is not the id of a call\n")
