"""callcontrol.store.live_view on a store in memory."""

from __future__ import annotations

from functools import partial

import pytest
import structlog

from callcontrol.errors import StoreUnavailable
from callcontrol.store.calls_table import CallInProgress, forget_calls, replace_calls
from callcontrol.store.live_view import LiveView, Look

ENGINE = "engine-1"


class MemoryTable:
    """A store that keeps the calls it is told of, and what it was asked to do.

    Attributes:
        fault: set it to make every call fail with it.
        rows: the table.
        written: how many calls each write had.
    """

    def __init__(self) -> None:
        self.fault: Exception | None = None
        self.rows = {"left over": "of a former life"}
        self.written = []

    def call(self, function, engine, *arguments, deadline_s):
        """Do what the two functions of calls_table do."""
        assert engine == ENGINE
        if self.fault is not None:
            raise self.fault
        if function is forget_calls:
            self.rows.clear()
            return
        assert function is replace_calls
        new, gone = arguments
        self.written.append(len(new))
        self.rows.update({call.call_id: call.level for call in new})
        for call_id in gone:
            del self.rows[call_id]


class TestLiveView:
    @pytest.fixture(autouse=True)
    def parts(self):
        """Two calls by their levels, and a view of them."""
        self.store = MemoryTable()
        self.calls = {"a": 1, "b": 2}
        self.told = []
        self.view = LiveView(self.store, ENGINE, self.look, log=structlog.get_logger())

    def look(self):
        """Look at each call."""
        return [
            Look(one, (level,), partial(self.tell, one)) for one, level in self.calls.items()
        ]

    def tell(self, call_id):
        """Tell all of a call."""
        self.told.append(call_id)
        level = self.calls[call_id]
        return CallInProgress(
            call_id=call_id, switch_uuid="", state="answered", received_us=0, level=level
        )

    def test_what_a_former_life_left_is_forgotten(self):
        """And all that there is now is written."""
        self.view.show()

        assert self.store.rows == {"a": 1, "b": 2}

    def test_nothing_is_told_of_a_call_that_has_not_changed(self):
        """Nor is anything written for the mere passing of time."""
        self.view.show()
        self.view.show()
        self.calls["b"] = 3
        self.view.show()

        assert self.told == ["a", "b", "b"]
        assert self.store.written == [2, 1]
        assert self.store.rows == {"a": 1, "b": 3}

    def test_what_has_ended_goes(self):
        """With or without others that are new."""
        self.view.show()
        del self.calls["a"]
        self.view.show()

        assert self.store.rows == {"b": 2}

    def test_after_an_outage_everything_is_written_anew(self):
        """What changed meanwhile is not known to the table."""
        self.view.show()
        self.store.fault = StoreUnavailable("away")
        del self.calls["a"]
        self.view.show()
        self.store.fault = None
        self.view.show()

        assert self.store.rows == {"b": 2}
        assert self.told == ["a", "b", "b"]
