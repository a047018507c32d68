"""callcontrol.cdr.record and codec: records go into JSON and come back equal."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction

import pytest

from callcontrol.cdr import Cdr, CdrAnnouncement
from tests.cdr_builders import make_cdr, make_changed_cdr, make_refused_cdr


@pytest.mark.parametrize(
    "cdr",
    [
        make_cdr(),
        make_refused_cdr(),
        make_changed_cdr(),
        make_cdr(
            announcements=(
                CdrAnnouncement(
                    name="price", started_us=1, ended_us=2, level=3, consent_key="1"
                ),
            ),
            closed_how="reconciled",
            flags=("clock_ran_backwards",),
        ),
    ],
    ids=["answered", "refused", "changed", "reconciled"],
)
def test_comes_back_equal(cdr: Cdr) -> None:
    """Nothing is lost or changed on the way, amounts of a third of a centime included."""
    assert Cdr.from_json(cdr.to_json()) == cdr


@pytest.mark.parametrize(
    "text",
    ["\0", "a\0b", "\ud800", "\udcff\udc80", "'; DROP TABLE cdrs; --", "\u2028\r\n", "😀"],
)
def test_hostile_text_comes_back_equal(text: str) -> None:
    """What a caller can put into a header goes through, whatever it is."""
    cdr = make_cdr(caller=None, caller_raw=text, dialled=text)

    assert Cdr.from_json(cdr.to_json()) == cdr


def test_is_one_line_of_ascii() -> None:
    """Any storage takes it, and a line is a record."""
    line = make_cdr(caller_raw="Zoë\n\ud800").to_json()

    assert line.isascii()
    assert "\n" not in line


def test_amounts_are_strings() -> None:
    """No reader can turn an amount into a float by mistake."""
    record = json.loads(make_changed_cdr().to_json())

    assert record["charge"]["gross"] == "6.00"
    assert record["segments"][1]["amount"] == "2.175"
    assert record["segments"][0]["amount"] == "91/60"


def test_amounts_are_exact_types() -> None:
    """Prices come back as Decimal with their decimals, exact sums as Fraction."""
    back = Cdr.from_json(make_changed_cdr().to_json())

    assert back.charge is not None
    assert (str(back.charge.gross), type(back.charge.gross)) == ("6.00", Decimal)
    assert back.segments[0].amount == Fraction(91, 60)


def test_a_record_of_an_older_version_gets_defaults() -> None:
    """Fields that did not exist yet have their defaults."""
    record = json.loads(make_cdr().to_json())
    del record["flags"], record["lines"]

    assert Cdr.from_json(json.dumps(record)) == make_cdr(lines=())


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"surcharge": "1.00"}, "surcharge: unknown field"),
        ({"received_us": "12"}, "received_us: str instead of int"),
        ({"metered_us": True}, "metered_us: bool instead of int"),
        ({"disposition": "lost"}, "disposition: 'lost' is none of answered"),
        ({"charge": {"gross": "NaN"}}, "charge.gross: 'NaN' is not an amount"),
        ({"charge": {"gross": 1.5}}, "charge.gross: float instead of str"),
        ({"segments": [{"amount": "1/0"}]}, r"segments\[0\].amount: '1/0' is not an amount"),
        ({"attempts": [{"step": 1}]}, r"attempts\[0\]: .*target"),
        ({"attempts": {}}, "attempts: dict instead of list"),
    ],
)
def test_what_is_no_record_is_refused_by_name(change: dict[str, object], sentence: str) -> None:
    """The sentence says which field is wrong; nothing is dropped in silence."""
    record = json.loads(make_cdr().to_json()) | change

    with pytest.raises(ValueError, match=sentence):
        Cdr.from_json(json.dumps(record))


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", "{", "[" * 100_000])
def test_garbage_is_refused(text: str) -> None:
    """Text that is no JSON object raises ValueError and nothing else."""
    with pytest.raises(ValueError, match=r".+"):
        Cdr.from_json(text)
