"""callcontrol.store.reference_load: a file into the rows, and the rows back into a file."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from callcontrol.errors import ConfigError
from callcontrol.reference_file import (
    ReferenceFile,
    parse_reference,
    read_reference_file,
    text_of,
)
from callcontrol.store import Connection, run
from callcontrol.store.reference_load import export_reference, load_reference
from callcontrol.store.reference_rows import read_built_once, read_reference_once

AT = datetime(2026, 9, 1, tzinfo=UTC)
DEMO = Path(__file__).parents[3] / "fixtures" / "reference" / "demo.yaml"


@pytest.fixture(scope="module")
def demo() -> ReferenceFile:
    """Give the documented example."""
    return read_reference_file(DEMO, at=AT)[0]


def test_load_export_load_is_equal(dsn: str, demo: ReferenceFile) -> None:
    """What was loaded comes back, letter for letter, and loading that changes nothing."""
    load_reference(dsn, demo)

    exported = export_reference(dsn)

    assert exported == demo
    assert text_of(exported) == text_of(demo)
    assert load_reference(dsn, exported) == []


def test_the_rows_build_the_reference_of_the_file(dsn: str, demo: ReferenceFile) -> None:
    """An engine that reads the rows decides exactly as `route --file` does."""
    load_reference(dsn, demo)

    from_rows = read_reference_once(dsn, at=AT)
    from_file = parse_reference(text_of(demo), name="demo", at=AT)[1]

    assert from_rows.directory.numbers == from_file.directory.numbers
    assert from_rows.directory.customers == from_file.directory.customers
    assert from_rows.directory.gateways == from_file.directory.gateways
    assert from_rows.operators == from_file.operators
    assert len(from_rows.directory.blacklist) == len(from_file.directory.blacklist)
    assert from_rows.tariffs == from_file.tariffs
    assert from_rows.settlements == from_file.settlements


def test_a_trial_writes_nothing(dsn: str, demo: ReferenceFile) -> None:
    """`--dry-run` tells the differences and leaves the rows alone."""
    found = load_reference(dsn, demo, is_trial=True)

    assert len(found) == 35
    assert export_reference(dsn) == ReferenceFile()


def test_only_what_differs_is_written(dsn: str, demo: ReferenceFile) -> None:
    """A change of one number touches that number; what is not in the file goes."""
    load_reference(dsn, demo)
    text = (
        text_of(demo)
        .replace("ring_s: 10", "ring_s: 12")
        .replace("reason: threats", "reason: x")
    )
    changed, _ = parse_reference(text, name="changed", at=AT)

    found = load_reference(dsn, changed)

    assert [(one.section, one.kind) for one in found] == [
        ("numbers", "changed"),
        ("blacklist", "changed"),
    ]
    assert export_reference(dsn) == changed


def test_two_who_load_at_once_do_not_mix(dsn: str, demo: ReferenceFile) -> None:
    """One waits for the other; what is there afterwards is one of the two files, whole."""
    other, _ = parse_reference(
        text_of(demo).replace("per_minute: 3.00", "per_minute: 4.00"), name="other", at=AT
    )

    with ThreadPoolExecutor(4) as both:
        list(both.map(partial(load_reference, dsn), [demo, other] * 3))

    assert export_reference(dsn) in (demo, other)


def test_an_instant_at_the_end_of_time_is_told(dsn: str, demo: ReferenceFile) -> None:
    """A row written by hand with `infinity` is a fault of that number, and of no other."""
    load_reference(dsn, demo)
    run(dsn, _execute, "UPDATE number_levels SET effective_at = 'infinity' WHERE level = 3")

    built = read_built_once(dsn, at=AT)

    assert [fault.path for fault in built.faults] == ["numbers.+41901123456.scheduled.1.at"]
    assert len(built.reference.directory.numbers) == len(demo.numbers) - 1


def test_everything_can_go(dsn: str, demo: ReferenceFile) -> None:
    """A file that holds nothing leaves nothing, in whatever order the rows hang together."""
    load_reference(dsn, demo)

    load_reference(dsn, ReferenceFile())

    assert export_reference(dsn) == ReferenceFile()


def test_a_row_without_shape_is_told_and_replaced(dsn: str, demo: ReferenceFile) -> None:
    """A row that no file could hold stops `export` in one sentence; `load` mends it."""
    load_reference(dsn, demo)
    run(dsn, _execute, "UPDATE numbers SET zone = 'Mars/Dome' WHERE number = '+41901123456'")

    with pytest.raises(ConfigError, match=r"numbers\.\+41901123456\.zone: 'Mars/Dome' is not"):
        export_reference(dsn)
    load_reference(dsn, demo)

    assert export_reference(dsn) == demo


def test_a_row_without_shape_goes_when_it_is_not_in_the_file(
    dsn: str, demo: ReferenceFile
) -> None:
    """Also what cannot be read is removed when the file does not have it."""
    load_reference(dsn, demo)
    run(dsn, _execute, "UPDATE numbers SET zone = 'Mars/Dome' WHERE number = '+41901123456'")
    left = {number: entry for number, entry in demo.numbers.items() if "901" not in number}
    without = demo.model_copy(update={"numbers": left})

    load_reference(dsn, without)

    assert export_reference(dsn) == without


def test_faulty_rows_are_told_with_their_path(dsn: str, demo: ReferenceFile) -> None:
    """`check` and the engine name the row and what is wrong with it."""
    load_reference(dsn, demo)
    run(dsn, _execute, "UPDATE week_slots SET route = 'x' WHERE number = '+41848123456'")

    built = read_built_once(dsn, at=AT)

    assert [str(fault) for fault in built.faults] == [
        "numbers.+41848123456.week.0.route: there is no route 'x'"
    ]
    assert len(built.reference.directory.numbers) == len(demo.numbers) - 1


async def _execute(connection: Connection, statement: str) -> None:
    await connection.execute(statement)
