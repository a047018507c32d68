"""A short chaos run; `make chaos` is the long one."""

from __future__ import annotations

import pytest

from tests.chaos.run import chaos


def test_nothing_is_lost(tmp_path):
    """Engines, workers, Postgres and links are killed for a quarter of a minute under load."""
    verdict = chaos(tmp_path, seconds=15, rate=4, seed=7)

    assert verdict.is_good, "\n".join(verdict.lines())
    assert verdict.counts["records"]


@pytest.mark.long
def test_nothing_is_lost_but_what_a_killed_switch_ends(tmp_path):
    """A minute, in the middle of which the switch dies with its calls."""
    verdict = chaos(tmp_path, seconds=60, rate=8, seed=11, kills_switch=True)

    assert verdict.is_good, "\n".join(verdict.lines())
    assert verdict.excepted
