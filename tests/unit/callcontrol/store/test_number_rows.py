"""callcontrol.store.number_rows: no field of a number is forgotten on the way from its rows."""

from __future__ import annotations

import pytest

from callcontrol.reference_file.model import ChangeEntry, NumberEntry
from callcontrol.store.number_rows import number_query, raw_of


@pytest.mark.parametrize("field", [*NumberEntry.model_fields, *ChangeEntry.model_fields])
def test_the_query_gives_every_field(field: str) -> None:
    """A field without a word in the query would be as by default, whatever its row says."""
    assert f"'{field}'" in number_query("true")


def test_weekdays_are_written_as_in_a_file() -> None:
    """Of the week from the start, and of weeks that come later."""
    week = '[{"weekdays": [0, 1, 2, 3, 4]}]'

    raw = raw_of(f'{{"week": {week}, "scheduled": [{{"week": {week}}}, {{}}]}}')

    assert raw["week"] == [{"weekdays": "mon-fri"}]
    assert raw["scheduled"] == [{"week": [{"weekdays": "mon-fri"}]}, {}]
