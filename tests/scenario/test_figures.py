"""Figures: what an operator sees of calls at /metrics."""

from __future__ import annotations

from callcontrol.metrics import all_series

ANSWERED = 'callcontrol_attempts_total{gateway="answers",outcome="answered"}'
DELAYS = 'callcontrol_post_dial_delay_seconds_count{gateway="answers"}'
MINUTES = 'callcontrol_gateway_talk_seconds_total{gateway="answers"}'
ENDED = 'callcontrol_calls_closed_total{how="normal"}'
SERIES = (ANSWERED, DELAYS, MINUTES, ENDED)


def test_every_series_is_there(stack):
    """A running engine shows all that the list has, but what first needs a call of its kind."""
    text = stack.metrics_text()
    missing = [one.name for one in all_series() if f"\n# TYPE {one.name} " not in text]

    assert missing == []
    assert stack.metric("callcontrol_ready") == 1
    stack.eventually(lambda: stack.metric("callcontrol_link_up") == 1)
    stack.eventually(lambda: stack.metric("callcontrol_hub_lag_seconds_count") > 0)


def test_a_gateway_that_answers(stack):
    """One more attempt of it, answered, with its delay and its minutes."""
    already = stack.recorded("+41900100001")
    before = {name: stack.metric(name) for name in SERIES}
    stack.caller.call("0900100001", talk_ms=300)
    stack.cdr_of_new_call("+41900100001", already)

    grown = {name: stack.metric(name) - before[name] for name in SERIES}
    assert grown[ANSWERED] == 1
    assert grown[DELAYS] == 1
    assert grown[MINUTES] >= 0.3
