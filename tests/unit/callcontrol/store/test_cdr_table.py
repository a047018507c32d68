"""callcontrol.store.cdr_table: what needs no Postgres."""

from __future__ import annotations

import json

import pytest

from callcontrol.cdr import Cdr
from callcontrol.store.cdr_table import storable
from tests.cdr_builders import make_cdr


def test_ordinary_text_is_not_touched() -> None:
    """A record with nothing odd in it goes as it lies in the journal."""
    body = make_cdr(caller_raw="Zoë \\u0000 \\ud800").to_json()

    assert storable(body) is body or json.loads(storable(body)) == json.loads(body)
    assert Cdr.from_json(storable(body)) == Cdr.from_json(body)


def test_what_is_no_text_is_replaced_and_said() -> None:
    """A NUL or half a surrogate pair, anywhere in the record, becomes U+FFFD."""
    cdr = make_cdr(caller_raw="a\0b\ud800c", rule="\udfff", flags=("clock_ran_backwards",))

    kept = Cdr.from_json(storable(cdr.to_json()))

    assert kept.caller_raw == "a\ufffdb\ufffdc"
    assert kept.rule == "\ufffd"
    assert kept.flags == ("clock_ran_backwards", "text_replaced")


def test_a_whole_surrogate_pair_is_a_character() -> None:
    """A display name with a picture in it is text like any other."""
    cdr = make_cdr(caller_raw="\N{GRINNING FACE}")

    assert Cdr.from_json(storable(cdr.to_json())) == cdr


@pytest.mark.parametrize(
    "body",
    [
        '"\\u0000',
        "\\ud800",
        '["\\u0000"]',
        "[" * 100_000 + '"\\u0000"' + "]" * 100_000,
        "[" * 900 + '"\\u0000"' + "]" * 900,
    ],
)
def test_what_is_no_record_is_left_for_postgres_to_refuse(body: str) -> None:
    """Damage does not stop the shipper."""
    assert isinstance(storable(body), str)
