"""Tests of callcontrol.calls.level_keys: `*NN#` is a level, everything else is nothing."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcontrol.calls.level_keys import PAUSE_US, LevelKeys

SECOND_US = 1_000_000


def heard(keys, *, every_us=200_000, reader=None):
    """Press keys one after the other; gives the levels asked for."""
    reader = reader or LevelKeys()
    levels = [reader.press(key, index * every_us) for index, key in enumerate(keys)]
    return [level for level in levels if level is not None]


class TestLevelKeys:
    @pytest.mark.parametrize(
        ("keys", "levels"),
        [
            ("*02#", [2]),
            ("*2#", [2]),
            ("*90#", [90]),
            ("*00#", [0]),
            ("*99#", [99]),
            ("*02#*01#", [2, 1]),
            ("7*02#", [2]),
            ("*7*02#", [2]),
            ("*0*02#5#", [2]),
            ("*A0B2#", [2]),
            ("#*#", []),
            ("*#", []),
            ("*123#", []),
            ("*1234567890#", []),
            ("02#", []),
            ("*02", []),
            ("*02##", [2]),
        ],
    )
    def test_reads_one_or_two_digits_between_star_and_hash(self, keys, levels):
        """A star begins anew, a third digit spoils it, what is no phone key is passed over."""
        assert heard(keys) == levels

    @pytest.mark.parametrize("key", ["", "**", "٣", "\x00", "w", "10", "1\n"])
    def test_what_is_no_key_is_passed_over(self, key):
        """The switch would not send it; a forged event changes nothing."""
        assert heard(["*", "0", key, "2", "#"]) == [2]

    def test_a_pause_forgets_what_was_pressed(self):
        """A phone that lost its hash does not change the price a minute later."""
        assert heard("*02#", every_us=PAUSE_US) == [2]
        assert heard("*02#", every_us=PAUSE_US + 1) == []

    def test_a_clock_set_back_is_a_pause(self):
        """Events an hour apart are not one request, whichever way the hour went."""
        reader = LevelKeys()
        reader.press("*", 3600 * SECOND_US)

        assert heard("2#", reader=reader) == []

    @given(st.text("0123456789*#AD", max_size=40))
    def test_agrees_with_a_pattern(self, keys):
        """Pressed without a pause, exactly what `*`, one or two digits, `#` spell is heard."""
        pressed = re.sub("[AD]", "", keys)

        assert heard(keys) == [int(one) for one in re.findall(r"\*([0-9]{1,2})#", pressed)]
