"""The layout of charge records: what stands where, to the byte, and that damage is seen."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from callcontrol.cdr.charge_file import COLUMNS, ChargeFile

CALL = (
    "019b8e2e-6200-7000-8000-000000000001",
    "+41795550001",
    "0",
    "+41901123456",
    "0901",
    "hotline",
    "1",
    "offline-b",
    "2026-01-05T12:00:04.000000Z",
    "2026-01-05T12:02:04.000000Z",
    "120000000",
    "time:1:91:91/20 per_call:2::20 time:2:29:2.175",
    "26.80",
    "24.79",
    "2.01",
    "0.081",
    "0",
    "normal",
)
FILE = ChargeFile(
    operator="lake-mobile",
    number=17,
    day=date(2026, 1, 5),
    currency="CHF",
    calls=(CALL, (*CALL[:1], "", *CALL[2:12], "0.10", *CALL[13:])),
)
GOLDEN = """\
header,1,lake-mobile,17,2026-01-05,CHF
columns,call_id,caller,withheld,number,category,tariff,tariff_version,tariff_class,answered_at,\
released_at,metered_us,lines,gross,net,vat,vat_rate,capped,closed_how
call,019b8e2e-6200-7000-8000-000000000001,+41795550001,0,+41901123456,0901,hotline,1,offline-b,\
2026-01-05T12:00:04.000000Z,2026-01-05T12:02:04.000000Z,120000000,\
time:1:91:91/20 per_call:2::20 time:2:29:2.175,26.80,24.79,2.01,0.081,0,normal
call,019b8e2e-6200-7000-8000-000000000001,,0,+41901123456,0901,hotline,1,offline-b,\
2026-01-05T12:00:04.000000Z,2026-01-05T12:02:04.000000Z,120000000,\
time:1:91:91/20 per_call:2::20 time:2:29:2.175,0.10,24.79,2.01,0.081,0,normal
trailer,2,26.90,@HASH@
"""


def test_the_layout_to_the_byte() -> None:
    """Header, names of the fields, a line a call, and a trailer over all of it."""
    content = FILE.to_bytes().decode()

    head, _, trailer = content.rpartition("trailer")
    assert content == GOLDEN.replace("@HASH@", trailer.split(",")[-1].strip())
    assert head.startswith("header,1,")
    assert len(CALL) == len(COLUMNS)
    assert FILE.charged == Decimal("26.90")


def test_the_hash_is_of_all_before_the_trailer() -> None:
    """As `head -n -1 FILE | sha256sum` prints it."""
    trailer = FILE.to_bytes().splitlines()[-1].decode()

    assert trailer == (
        "trailer,2,26.90,9c9d3ac19a5b0f8b3d665e0242f3c2df5a8f5700460ded30c02a6def303ffe74"
    )


def test_the_name_sorts_by_number() -> None:
    """The operator, the number and the day."""
    assert FILE.name == "xdr_lake-mobile_000017_2026-01-05.csv"


def test_a_file_reads_back_equal() -> None:
    """Whoever receives it can check it."""
    assert ChargeFile.from_bytes(FILE.to_bytes()) == FILE


def test_fields_with_commas_and_line_ends_read_back() -> None:
    """A field is quoted when it must be."""
    odd = replace(FILE, calls=((*CALL[:5], 'a,"b"\nc\r', *CALL[6:]),))

    assert ChargeFile.from_bytes(odd.to_bytes()) == odd


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (b"+41795550001", b"+41795550002", "it is not as it was made"),
        (b"trailer,2,", b"trailer,3,", "its sums do not fit"),
        (b",26.90,", b",26.91,", "its sums do not fit"),
        (b"header,1,", b"header,2,", "it has no header or no trailer of this layout"),
        (b",capped,", b",capped ,", "it has other columns"),
        (b",normal\n", b"\n", "a line has other fields"),
        (b"header,1,lake-mobile,17,2026-01-05,CHF\n", b"", "values to unpack"),
        (b"lake", b"\xff", "can't decode"),
    ],
)
def test_damage_is_seen(before: bytes, after: bytes, reason: str) -> None:
    """Whatever is changed, lost or cut off."""
    damaged = FILE.to_bytes().replace(before, after, 1)

    with pytest.raises(ValueError, match=reason):
        ChargeFile.from_bytes(damaged)


def test_every_cut_is_seen() -> None:
    """A file that did not arrive whole is none."""
    content = FILE.to_bytes()

    for length in range(len(content)):
        with pytest.raises(ValueError, match="not a whole file"):
            ChargeFile.from_bytes(content[:length])
