"""Tests of callcontrol.workers.tally."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from callcontrol.workers.tally import Tally

_COUNTS = st.dictionaries(st.sampled_from("abc"), st.integers(0, 3), max_size=3)
_WORDS = st.lists(st.tuples(st.integers(1, 3), _COUNTS, st.booleans()), max_size=12)


def test_each_hears_the_sum_of_the_others():
    """Its own calls it counts itself."""
    tally = Tally()
    tally.update(1, {"number:+41900123456": 2, "platform:": 2})
    changed = tally.update(2, {"number:+41900123456": 1})

    assert list(changed) == ["number:+41900123456"]
    assert tally.elsewhere(1, changed) == {"number:+41900123456": 1}
    assert tally.elsewhere(3) == {"number:+41900123456": 3, "platform:": 2}


def test_the_counts_of_a_worker_that_has_died_are_replaced_by_those_of_the_next():
    """Until then its calls are in progress; what the next one has not taken over has ended."""
    tally = Tally()
    tally.update(1, {"number:a": 2, "number:b": 1})
    assert tally.elsewhere(2) == {"number:a": 2, "number:b": 1}

    changed = tally.replace(1, {"number:a": 1})

    assert tally.elsewhere(2, changed) == {"number:a": 1, "number:b": 0}
    assert tally.elsewhere(2) == {"number:a": 1}


@given(_WORDS)
def test_whatever_is_told_the_sums_are_those_of_what_was_told_last(words):
    """Computed the slow way: all that everybody has told, added up."""
    tally = Tally()
    told: dict[int, dict[str, int]] = {1: {}, 2: {}, 3: {}}
    for number, counts, are_all in words:
        if are_all:
            tally.replace(number, counts)
            told[number] = dict(counts)
        else:
            tally.update(number, counts)
            told[number] |= counts

    for number in told:
        others = [counts for other, counts in told.items() if other != number]
        expected = {name: sum(counts.get(name, 0) for counts in others) for name in "abc"}
        assert tally.elsewhere(number, "abc") == expected
