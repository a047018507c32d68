"""`callcontrol metrics`: every series of /metrics, with type, unit, labels and meaning."""

from __future__ import annotations

from collections.abc import Iterable

from callcontrol.metrics import LABELS, all_series


def metrics() -> None:
    """Print the table of all series at /metrics, as Markdown."""
    print(table(), end="")


def table() -> str:
    """Write the page docs/metrics.md."""
    return f"""\
# Metrics

`/metrics` on the port CALLCONTROL_METRICS_PORT, in Prometheus' text format. This page is what `callcontrol metrics` prints.

| Series | Type | Unit | Labels | Meaning |
|---|---|---|---|---|
{_rows((f"`{s.name}`", s.kind, s.unit, ", ".join(s.labels), s.meaning) for s in all_series())}

A histogram has the series `_bucket`, `_sum` and `_count`. Counters and histograms are of the whole engine, over all its workers and their restarts; a gauge is of one worker. They begin anew when the engine itself is started.

| Label | Its values |
|---|---|
{_rows((f"`{name}`", values) for name, values in LABELS.items())}

No label ever holds a number, a customer, a call or a uuid. A gateway's name may: gateways are the operator's own configuration, some dozens at most.
"""  # noqa: E501


def _rows(rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
