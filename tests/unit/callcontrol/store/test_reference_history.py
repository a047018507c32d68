"""What a transaction changed of a number: only what is different in the end."""

from __future__ import annotations

import pytest

from callcontrol.store.reference_history import RowChange, lines_of, net_changes

ALWAYS = "-infinity"
NUMBER = {"number": "+41900123456", "zone": "Europe/Zurich", "max_calls": None}
LEVEL = {"number": "+41900123456", "effective_at": ALWAYS, "level": 1}


def test_a_row_that_goes_and_comes_back_is_no_change() -> None:
    """`load` writes a number whole."""
    steps = [("number_levels", False, LEVEL), ("number_levels", True, LEVEL)]

    assert net_changes(steps) == ()


def test_a_row_that_comes_and_goes_is_no_change() -> None:
    """It was never committed."""
    assert net_changes([("numbers", True, NUMBER), ("numbers", False, NUMBER)]) == ()


def test_a_line_of_the_blacklist_that_is_written_again_is_the_same() -> None:
    """Its id is the database's."""
    line = {"number": "x", "pattern": "+4179*", "action": "block", "valid_from": None}
    steps = [
        ("blacklist", False, {**line, "id": 1, "reason": "a"}),
        ("blacklist", True, {**line, "id": 2, "reason": "a"}),
    ]

    assert net_changes(steps) == ()


@pytest.mark.parametrize(
    ("steps", "lines"),
    [
        (
            [("numbers", False, NUMBER), ("numbers", True, {**NUMBER, "max_calls": 5})],
            ["numbers: max_calls none, now 5"],
        ),
        ([("number_levels", True, LEVEL)], ["number_levels added: level 1"]),
        (
            [("number_levels", False, {**LEVEL, "effective_at": "2027-01-01T00:00:00+00:00"})],
            ["number_levels effective_at 2027-01-01T00:00:00+00:00 removed: level 1"],
        ),
        (
            [
                ("number_levels", False, LEVEL),
                ("number_levels", True, {**LEVEL, "level": 2}),
                ("number_levels", False, {**LEVEL, "level": 2}),
                ("number_levels", True, {**LEVEL, "level": 3}),
            ],
            ["number_levels: level 1, now 3"],
        ),
        (
            [("number_weeks", True, {"number": "x", "effective_at": ALWAYS})],
            ["number_weeks added"],
        ),
    ],
)
def test_what_people_read(steps: list[tuple[str, bool, dict]], lines: list[str]) -> None:
    """What came, what went, what is another; from the first to the last state."""
    changes = net_changes(steps)

    assert [line for change in changes for line in lines_of(change)] == lines


def test_only_what_differs_is_told() -> None:
    """The rest of the row is as it was."""
    changes = net_changes(
        [("numbers", False, NUMBER), ("numbers", True, NUMBER | {"zone": "UTC"})]
    )

    assert changes == (
        RowChange(
            table="numbers", key={}, before={"zone": "Europe/Zurich"}, after={"zone": "UTC"}
        ),
    )
