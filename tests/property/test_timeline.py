"""Laws of scheduled changes."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from dialplan import Timeline

_INSTANTS = st.datetimes(timezones=st.just(UTC))


@given(
    changes=st.dictionaries(_INSTANTS, st.integers(), max_size=8),
    data=st.data(),
)
def test_the_last_change_at_or_before_an_instant_holds(
    changes: dict[datetime, int], data: st.DataObject
) -> None:
    """A walk through all changes in order finds the same value."""
    at_a_change = st.sampled_from(sorted(changes)) if changes else _INSTANTS
    instant = data.draw(_INSTANTS | at_a_change)
    by_hand = -1
    for at in sorted(changes):
        if at <= instant:
            by_hand = changes[at]

    assert by_hand == Timeline(-1, tuple(changes.items())).at(instant)
