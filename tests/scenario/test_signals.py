"""What a lone engine does at a signal; several workers: tests/integration/workers."""

from __future__ import annotations

import signal


def test_hangup_signal_changes_nothing(stack):
    """A lone engine says that it reads its settings at the start, and goes on taking calls."""
    stack.signal_engine(signal.SIGHUP)
    stack.eventually(lambda: '"settings_are_read_at_the_start"' in stack.engine_log())
    before = stack.recorded("+41800100001")
    stack.caller.call("0800100001", talk_ms=200)

    assert stack.cdr_of_new_call("+41800100001", before)["disposition"] == "answered"


def test_polite_stop_leaves_a_talking_call_alone(stack):
    """SIGTERM while a call talks: the call goes on, the next engine finishes its record."""
    before = stack.recorded("+41800100001")
    answered = stack.calls_answered()
    with stack.talking("0800100001", talk_ms=6000):
        stack.eventually(lambda: stack.calls_answered() > answered)
        stack.stop_engine()
        stack.start_engine()

    assert stack.cdr_of_new_call("+41800100001", before)["closed_how"] == "recovered"
