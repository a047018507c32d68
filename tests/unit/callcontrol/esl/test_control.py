"""How long the link waits between attempts."""

from __future__ import annotations

import pytest

from callcontrol.esl.control import Backoff


def test_the_wait_doubles_up_to_the_longest():
    """From a tenth of a second to five seconds."""
    backoff = Backoff(first_s=0.1, longest_s=5.0, jitter=0.0)

    waits = [backoff.wait_s(failures, 0.9) for failures in (1, 2, 3, 6, 7, 1000)]

    assert waits == pytest.approx([0.1, 0.2, 0.4, 3.2, 5.0, 5.0])


@pytest.mark.parametrize(("chance", "expected"), [(0.0, 2.0), (0.5, 1.5), (1.0, 1.0)])
def test_a_share_of_the_wait_is_chance(chance, expected):
    """So that engines that lost the switch together do not come back together."""
    backoff = Backoff(first_s=2.0, longest_s=5.0, jitter=0.5)

    assert backoff.wait_s(1, chance) == pytest.approx(expected)
