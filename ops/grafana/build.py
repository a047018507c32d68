"""Builds the dashboards of Grafana from the panels listed here: `python -m ops.grafana.build`.

A panel is a title, what it shows, and its queries; where it stands follows from its row.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("dashboards")

_OVER = "$__rate_interval"
_HERE = 'instance=~"$instance"'
_DATA = {"type": "prometheus", "uid": "callcontrol"}
_COLUMNS = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel.

    Attributes:
        queries: (expression, legend) each; `$over` is the interval to take rates over and
            `$here` the choice of engines.
        unit: Grafana's name of it.
        is_number: shown as one number, not over time.
    """

    title: str
    says: str
    queries: Sequence[tuple[str, str]]
    unit: str = "short"
    is_number: bool = False
    is_stacked: bool = False


Row = tuple[str, Sequence[Panel]]


def _quantiles(series: str, by: str = "", legend: str = "") -> list[tuple[str, str]]:
    """Give the median and the 99th percentile of a histogram."""
    return [
        (
            f"histogram_quantile({share}, sum by (le{', ' + by if by else ''}) "
            f"(rate({series}_bucket{{$here}}[$over])))",
            f"{legend}{words}",
        )
        for share, words in ((0.5, "median"), (0.99, "99 %"))
    ]


CALLS: Sequence[Row] = (
    (
        "Now",
        (
            Panel(
                title="Calls a second",
                says="recorded calls, refused ones included",
                queries=[("sum(rate(callcontrol_calls_total{$here}[$over]))", "")],
                unit="reqps",
                is_number=True,
            ),
            Panel(
                title="In progress",
                says="calls on the engines' hands",
                queries=[("sum(callcontrol_calls_in_progress{$here})", "")],
                is_number=True,
            ),
            Panel(
                title="Answered",
                says="of all recorded calls, in five minutes",
                queries=[("callcontrol:answered:ratio5m", "")],
                unit="percentunit",
                is_number=True,
            ),
            Panel(
                title="Charged in 24 hours",
                says="what callers owe, VAT included",
                queries=[("sum(increase(callcontrol_charge_chf_total{$here}[24h]))", "")],
                unit="currencyCHF",
                is_number=True,
            ),
            Panel(
                title="Running charge",
                says="what calls in progress have cost so far",
                queries=[("sum(callcontrol_running_charge_chf{$here})", "")],
                unit="currencyCHF",
                is_number=True,
            ),
            Panel(
                title="Engines ready",
                says="workers that can take calls",
                queries=[("sum(callcontrol_ready{$here})", "")],
                is_number=True,
            ),
        ),
    ),
    (
        "Calls",
        (
            Panel(
                title="Calls by how they ended",
                says="the disposition of their records",
                queries=[
                    (
                        "sum by (disposition) (rate(callcontrol_calls_total{$here}[$over]))",
                        "{{disposition}}",
                    )
                ],
                unit="reqps",
                is_stacked=True,
            ),
            Panel(
                title="Calls by kind of number",
                says="0800 free, 084x shared cost, 090x premium rate",
                queries=[
                    (
                        "sum by (category) (rate(callcontrol_calls_total{$here}[$over]))",
                        "{{category}}",
                    )
                ],
                unit="reqps",
                is_stacked=True,
            ),
            Panel(
                title="Refused, by reason",
                says="calls that were not put through, and those no engine took",
                queries=[
                    (
                        "sum by (reason) (rate(callcontrol_calls_refused_total{$here}[$over]))",
                        "{{reason}}",
                    ),
                    ("sum(rate(callcontrol_calls_unserved_total{$here}[$over]))", "no engine"),
                ],
                unit="reqps",
            ),
            Panel(
                title="Hangup causes",
                says="the ten most frequent",
                queries=[
                    (
                        "topk(10, sum by (cause) "
                        "(rate(callcontrol_calls_ended_total{$here}[$over])))",
                        "{{cause}}",
                    )
                ],
                unit="reqps",
            ),
            Panel(
                title="Time to the answer",
                says="from the arrival at the switch, ringing included",
                queries=_quantiles("callcontrol_setup_seconds"),
                unit="s",
            ),
            Panel(
                title="Length of calls",
                says="answered ones, to their end",
                queries=_quantiles("callcontrol_talk_seconds"),
                unit="s",
            ),
            Panel(
                title="In progress, by level",
                says="calls being metered, and all that their engines hold",
                queries=[
                    ("sum by (level) (callcontrol_calls_by_level{$here})", "level {{level}}"),
                    ("sum(callcontrol_calls_in_progress{$here})", "all"),
                ],
            ),
            Panel(
                title="Level changes",
                says="asked of running calls",
                queries=[
                    (
                        "sum by (by, outcome) "
                        "(rate(callcontrol_level_changes_total{$here}[$over]))",
                        "{{by}}, {{outcome}}",
                    )
                ],
                unit="reqps",
            ),
        ),
    ),
    (
        "Money",
        (
            Panel(
                title="Charged an hour",
                says="what callers owe, VAT included, by kind of number",
                queries=[
                    (
                        "3600 * sum by (category) "
                        "(rate(callcontrol_charge_chf_total{$here}[$over]))",
                        "{{category}}",
                    )
                ],
                unit="currencyCHF",
                is_stacked=True,
            ),
            Panel(
                title="The customers' side, an hour",
                says="their share of it, and what they owe for carrying their calls",
                queries=[
                    (
                        "3600 * sum by (category) "
                        "(rate(callcontrol_share_chf_total{$here}[$over]))",
                        "share {{category}}",
                    ),
                    (
                        "3600 * sum by (category) "
                        "(rate(callcontrol_transport_chf_total{$here}[$over]))",
                        "transport {{category}}",
                    ),
                ],
                unit="currencyCHF",
            ),
            Panel(
                title="Metered time",
                says="seconds of meters a second: the meters that run",
                queries=[
                    (
                        "sum by (category) "
                        "(rate(callcontrol_metered_seconds_total{$here}[$over]))",
                        "{{category}}",
                    )
                ],
            ),
            Panel(
                title="At the maximum",
                says="calls whose charge reached it",
                queries=[
                    (
                        "sum by (category) "
                        "(rate(callcontrol_calls_capped_total{$here}[$over]))",
                        "{{category}}",
                    )
                ],
                unit="reqps",
            ),
        ),
    ),
    (
        "Gateways",
        (
            Panel(
                title="Answered of those tried (ASR)",
                says="in a quarter of an hour, by gateway",
                queries=[("callcontrol:gateway_answered:ratio15m", "{{gateway}}")],
                unit="percentunit",
            ),
            Panel(
                title="Failed of those tried",
                says="unreachable or failed: the gateway's own doing",
                queries=[("callcontrol:gateway_failed:ratio15m", "{{gateway}}")],
                unit="percentunit",
            ),
            Panel(
                title="Attempts",
                says="by gateway and outcome",
                queries=[
                    (
                        "sum by (gateway, outcome) "
                        "(rate(callcontrol_attempts_total{$here}[$over]))",
                        "{{gateway}} {{outcome}}",
                    )
                ],
                unit="reqps",
            ),
            Panel(
                title="Causes of those not answered",
                says="the ten most frequent",
                queries=[
                    (
                        "topk(10, sum by (gateway, cause) "
                        "(rate(callcontrol_attempt_causes_total{$here}[$over])))",
                        "{{gateway}} {{cause}}",
                    )
                ],
                unit="reqps",
            ),
            Panel(
                title="Post-dial delay",
                says="from the try to the first ringing",
                queries=_quantiles(
                    "callcontrol_post_dial_delay_seconds", "gateway", "{{gateway}} "
                ),
                unit="s",
            ),
            Panel(
                title="Mean length (ACD)",
                says="of answered calls, by gateway",
                queries=[
                    (
                        "sum by (gateway) "
                        "(rate(callcontrol_gateway_talk_seconds_total{$here}[$over])) "
                        "/ sum by (gateway) (rate("
                        'callcontrol_attempts_total{$here,outcome="answered"}[$over]))',
                        "{{gateway}}",
                    )
                ],
                unit="s",
            ),
        ),
    ),
)

_WHO = "{{instance}} {{worker}}"

ENGINE: Sequence[Row] = (
    (
        "Is it well",
        (
            Panel(
                title="Ready",
                says="1: the worker can take calls",
                queries=[("callcontrol_ready{$here}", _WHO)],
                is_number=True,
            ),
            Panel(
                title="Link to the switch",
                says="1: up",
                queries=[("callcontrol_link_up{$here}", _WHO)],
                is_number=True,
            ),
            Panel(
                title="Postgres",
                says="1: it answers",
                queries=[("callcontrol_store_up{$here}", _WHO)],
                is_number=True,
            ),
            Panel(
                title="Journal's fault",
                says="1: charged calls are refused",
                queries=[("callcontrol_journal_fault{$here}", _WHO)],
                is_number=True,
            ),
            Panel(
                title="Reference in step",
                says="1: every change arrives",
                queries=[("callcontrol_reference_in_step{$here}", _WHO)],
                is_number=True,
            ),
            Panel(
                title="Version",
                says="what runs",
                queries=[("callcontrol_build_info{$here}", "{{engine}} {{version}}")],
                is_number=True,
            ),
        ),
    ),
    (
        "Load",
        (
            Panel(
                title="Calls in progress and their limit",
                says="above the limit calls are refused with 503",
                queries=[
                    (
                        "sum by (instance) (callcontrol_calls_in_progress{$here})",
                        "{{instance}}",
                    ),
                    (
                        "max by (instance) (callcontrol_calls_limit{$here})",
                        "limit {{instance}}",
                    ),
                ],
            ),
            Panel(
                title="CPU",
                says="cores in use, by worker; a worker has one for its calls",
                queries=[("rate(callcontrol_cpu_seconds_total{$here}[$over])", _WHO)],
            ),
            Panel(
                title="How late a turn comes",
                says="what every call waits while something holds the process up",
                queries=_quantiles("callcontrol_hub_lag_seconds"),
                unit="s",
            ),
            Panel(
                title="To the first command",
                says="from the switch's connect",
                queries=_quantiles("callcontrol_first_command_seconds"),
                unit="s",
            ),
            Panel(
                title="To decide",
                says="a call, from memory",
                queries=_quantiles("callcontrol_decision_seconds"),
                unit="s",
            ),
            Panel(
                title="Memory",
                says="by worker",
                queries=[("callcontrol_resident_bytes{$here}", _WHO)],
                unit="bytes",
            ),
            Panel(
                title="Open files, and calls being set up",
                says="each of these has a socket",
                queries=[
                    ("callcontrol_open_files{$here}", "files " + _WHO),
                    ("callcontrol_open_files_limit{$here}", "limit " + _WHO),
                    ("callcontrol_conversations{$here}", "set-ups " + _WHO),
                ],
            ),
            Panel(
                title="Connections not taken",
                says="too many at once, or from networks that are not allowed",
                queries=[
                    (
                        "sum by (reason) "
                        "(rate(callcontrol_connections_refused_total{$here}[$over]))",
                        "{{reason}}",
                    )
                ],
                unit="reqps",
            ),
        ),
    ),
    (
        "Switch",
        (
            Panel(
                title="Events",
                says="read from the link",
                queries=[("rate(callcontrol_link_events_total{$here}[$over])", _WHO)],
                unit="reqps",
            ),
            Panel(
                title="Age of events",
                says="from the switch's stamp to our reading",
                queries=_quantiles("callcontrol_link_lag_seconds"),
                unit="s",
            ),
            Panel(
                title="Connections and restarts",
                says="links made, switches found restarted",
                queries=[
                    ("increase(callcontrol_link_connections_total{$here}[1h])", "link " + _WHO),
                    (
                        "increase(callcontrol_switch_restarts_total{$here}[1h])",
                        "switch " + _WHO,
                    ),
                ],
            ),
            Panel(
                title="Ends that were not told, calls taken over",
                says="found by comparison with the switch; taken over from another process",
                queries=[
                    (
                        "increase(callcontrol_ends_missed_total{$here}[1h])",
                        "missed {{instance}}",
                    ),
                    (
                        "increase(callcontrol_calls_adopted_total{$here}[1h])",
                        "taken {{instance}}",
                    ),
                ],
            ),
        ),
    ),
    (
        "Records",
        (
            Panel(
                title="Waiting for Postgres",
                says="records on the local disk",
                queries=[
                    ("callcontrol_journal_backlog{$here}", _WHO),
                    ("callcontrol_journal_set_aside{$here}", "set aside " + _WHO),
                    ("callcontrol_journal_held{$here}", "held " + _WHO),
                ],
            ),
            Panel(
                title="Age of the oldest",
                says="that waits",
                queries=[("callcontrol_journal_oldest_seconds{$here}", _WHO)],
                unit="s",
            ),
            Panel(
                title="To the disk",
                says="from a finished record",
                queries=_quantiles("callcontrol_journal_seconds"),
                unit="s",
            ),
            Panel(
                title="Room on the disk",
                says="of the journal",
                queries=[("callcontrol_journal_free_bytes{$here}", _WHO)],
                unit="bytes",
            ),
            Panel(
                title="Shipped",
                says="records, refused ones, and attempts that failed",
                queries=[
                    ("sum(rate(callcontrol_records_shipped_total{$here}[$over]))", "shipped"),
                    ("sum(rate(callcontrol_records_set_aside_total{$here}[$over]))", "refused"),
                    ("sum(rate(callcontrol_ship_failures_total{$here}[$over]))", "failures"),
                ],
                unit="reqps",
            ),
            Panel(
                title="How records were closed",
                says="recovered: by a later process; reconciled: the end was not seen",
                queries=[
                    (
                        "sum by (how) (increase(callcontrol_calls_closed_total{$here}[1h]))",
                        "{{how}}",
                    )
                ],
            ),
        ),
    ),
    (
        "Reference, and what went wrong",
        (
            Panel(
                title="Revision",
                says="equal ones are equal contents",
                queries=[("callcontrol_reference_revision{$here}", _WHO)],
            ),
            Panel(
                title="Read ago",
                says="since the reference in use was read",
                queries=[
                    ("time() - callcontrol_reference_loaded_timestamp_seconds{$here}", _WHO)
                ],
                unit="s",
            ),
            Panel(
                title="Numbers, and rows that cannot be used",
                says="of the reference",
                queries=[
                    ("callcontrol_reference_numbers{$here}", "numbers " + _WHO),
                    ("callcontrol_reference_faults{$here}", "faults " + _WHO),
                ],
            ),
            Panel(
                title="Errors and deaths",
                says="failures in calls, workers that ended by themselves",
                queries=[
                    (
                        "sum by (error) (increase(callcontrol_call_errors_total{$here}[1h]))",
                        "{{error}}",
                    ),
                    ("increase(callcontrol_worker_deaths_total{$here}[1h])", "workers"),
                ],
            ),
        ),
    ),
)

DASHBOARDS = {
    "calls": ("Calls, money, gateways", CALLS),
    "engine": ("Engines: load, switch, records", ENGINE),
}


def dashboard(name: str) -> dict[str, Any]:
    """Give a dashboard as Grafana reads it."""
    title, rows = DASHBOARDS[name]
    return {
        "uid": f"callcontrol-{name}",
        "title": title,
        "tags": ["callcontrol"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "10s",
        "time": {"from": "now-3h", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [_engines()]},
        "links": [
            {"type": "dashboards", "tags": ["callcontrol"], "title": "", "asDropdown": False}
        ],
        "panels": list(_placed(rows)),
    }


def text(name: str) -> str:
    """Give a dashboard as its file holds it."""
    return json.dumps(dashboard(name), indent=1) + "\n"


def _engines() -> dict[str, Any]:
    return {
        "name": "instance",
        "label": "engine",
        "type": "query",
        "datasource": _DATA,
        "query": {"query": "label_values(callcontrol_ready, instance)", "refId": "engines"},
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }


def _placed(rows: Sequence[Row]) -> Iterator[dict[str, Any]]:
    number, y = 1, 0
    for title, panels in rows:
        yield {
            "id": number,
            "type": "row",
            "title": title,
            "collapsed": False,
            "panels": [],
            "gridPos": {"h": 1, "w": _COLUMNS, "x": 0, "y": y},
        }
        number, y = number + 1, y + 1
        height, across = (4, 6) if panels[0].is_number else (8, 2)
        width = _COLUMNS // across
        for index, panel in enumerate(panels):
            down, right = divmod(index, across)
            place = {"h": height, "w": width, "x": right * width, "y": y + down * height}
            yield {"id": number, "gridPos": place, **_panel(panel)}
            number += 1
        y += height * -(-len(panels) // across)


def _panel(panel: Panel) -> dict[str, Any]:
    shown: dict[str, Any] = {"unit": panel.unit}
    if panel.is_stacked:
        shown["custom"] = {"fillOpacity": 30, "stacking": {"mode": "normal"}}
    return {
        "type": "stat" if panel.is_number else "timeseries",
        "title": panel.title,
        "description": panel.says,
        "datasource": _DATA,
        "fieldConfig": {"defaults": shown, "overrides": []},
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": _DATA,
                "expr": query.replace("$over", _OVER).replace("$here", _HERE),
                "legendFormat": legend,
            }
            for index, (query, legend) in enumerate(panel.queries)
        ],
    }


def main() -> None:
    """Write the files."""
    for name in DASHBOARDS:
        (FOLDER / f"{name}.json").write_text(text(name), encoding="utf-8")


if __name__ == "__main__":
    main()
