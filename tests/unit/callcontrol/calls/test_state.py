"""Tests of callcontrol.calls.state."""

from __future__ import annotations

from callcontrol.calls.state import MOVES, CallState, is_legal


class TestMoves:
    def test_every_state_that_is_not_over_can_be_released(self):
        """The caller may leave at any moment before the release."""
        over = {CallState.RELEASED, CallState.RECORDED}

        assert all(is_legal(state, CallState.RELEASED) for state in set(CallState) - over)

    def test_nothing_leads_back(self):
        """A call only ever goes forward."""
        order = list(CallState)

        for before, afters in MOVES.items():
            assert all(order.index(after) > order.index(before) for after in afters)

    def test_only_a_released_call_is_recorded(self):
        """There is one way to the record."""
        ways = [state for state in CallState if is_legal(state, CallState.RECORDED)]

        assert ways == [CallState.RELEASED]
