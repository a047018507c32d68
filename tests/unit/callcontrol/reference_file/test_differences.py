"""callcontrol.reference_file.differences: what differs, told entry by entry."""

from __future__ import annotations

from datetime import UTC, datetime

from callcontrol.reference_file import ReferenceFile, parse_reference
from callcontrol.reference_file.differences import differences

AT = datetime(2026, 9, 1, tzinfo=UTC)

BEFORE = """\
customers: {acme: {max_calls: 5}, gone: {}}
tariffs: {hotline: [{category: 0901, levels: {1: {per_minute: 3.00}}}]}
numbers: {0901 123 456: {customer: acme, tariff: hotline}}
blacklist: [{pattern: +41*, reason: one}]
"""


def file_of(text: str) -> ReferenceFile:
    """Read a reference file."""
    return parse_reference(text, name="ref.yaml", at=AT)[0]


def test_equal_references_do_not_differ() -> None:
    """Order, spelling and trailing zeros are no difference."""
    other = BEFORE.replace("3.00", "3.0").replace("0901 123 456", "+41901123456")
    other = other.replace(
        "{acme: {max_calls: 5}, gone: {}}", "{gone: {}, acme: {max_calls: 5}}"
    )

    assert differences(file_of(BEFORE), file_of(other)) == []


def test_differences_are_told_by_entry_and_field() -> None:
    """Added, removed and changed entries, the latter with what it was and what it becomes."""
    after = (
        BEFORE.replace("gone: {}", "new: {}")
        .replace("max_calls: 5", "suspended: true")
        .replace("3.00", "3.50")
        .replace(
            "tariff: hotline}", "tariff: hotline, overrides: [{from_at: 2026-09-01T00:00Z}]}"
        )
        .replace("reason: one", "reason: two")
    )

    told = [str(difference) for difference in differences(file_of(BEFORE), file_of(after))]

    assert told == [
        "customers.acme: changed\n    max_calls: 5 -> none\n    suspended: false -> true",
        "customers.gone: removed",
        "customers.new: added",
        "tariffs.hotline: changed\n    0.levels.1.per_minute: 3.00 -> 3.50",
        "numbers.0901 123 456: changed\n    overrides: none -> 1 entries",
        "blacklist.+41* (block, platform): changed\n    reason: one -> two",
    ]
