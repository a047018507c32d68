"""What is under ops/ speaks of series, labels, ports and files that there are."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from callcontrol.metrics import all_series
from ops.grafana.build import DASHBOARDS, text

ROOT = Path(__file__).parents[3]
OPS = ROOT / "ops"
RULES = yaml.safe_load((OPS / "prometheus" / "rules.yaml").read_text(encoding="utf-8"))
ALERTS = {
    rule["alert"]: rule
    for group in RULES["groups"]
    for rule in group["rules"]
    if "alert" in rule
}
RECORDED = {
    rule["record"] for group in RULES["groups"] for rule in group["rules"] if "record" in rule
}
SERIES = {one.name: one for one in all_series()}
ADDED = {"le", "instance", "job"}  # by Prometheus


def dashboard(name):
    """Read a dashboard as Grafana does."""
    return json.loads((OPS / "grafana" / "dashboards" / f"{name}.json").read_text("utf-8"))


def expressions():
    """Give every expression of rules and dashboards, by where it stands."""
    for group in RULES["groups"]:
        for rule in group["rules"]:
            yield rule.get("alert") or rule["record"], rule["expr"]
    for name in DASHBOARDS:
        for panel in dashboard(name)["panels"]:
            for target in panel.get("targets", ()):
                yield f"{name}: {panel['title']} {target['refId']}", target["expr"]


EXPRESSIONS = dict(expressions())


def series_of(name):
    """Find the series a name in an expression means."""
    return SERIES.get(name) or SERIES.get(re.sub("_(bucket|sum|count)$", "", name))


@pytest.mark.parametrize("where", EXPRESSIONS)
def test_expressions_name_series_there_are(where):
    """Each with labels it has; a recorded one is recorded."""
    expression = EXPRESSIONS[where]
    used = set()
    for name, selector in re.findall(r"\b(callcontrol_\w+)(?:\{([^}]*)\})?", expression):
        series = series_of(name)
        assert series is not None, name
        used |= {*series.labels}
        chosen = set(re.findall(r"(\w+)(?:=~|!=|!~|=)", selector))
        assert chosen <= {*series.labels} | ADDED, (name, chosen)
    for recorded in re.findall(r"\bcallcontrol:\w+(?::\w+)?", expression):
        assert recorded in RECORDED
    for grouped in re.findall(r"\b(?:by|on) \(([^)]*)\)", expression):
        assert {label.strip() for label in grouped.split(",")} <= used | ADDED


def test_dashboards_are_what_their_builder_writes():
    """`python -m ops.grafana.build` brings them up to date."""
    for name in DASHBOARDS:
        file = OPS / "grafana" / "dashboards" / f"{name}.json"
        assert file.read_text(encoding="utf-8") == text(name)


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_do_not_overlap(name):
    """Each has its place within the 24 columns, an id of its own, and says what it shows."""
    panels = dashboard(name)["panels"]
    places = set()
    for panel in panels:
        at = panel["gridPos"]
        squares = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert at["x"] + at["w"] <= 24
        assert not squares & places
        places |= squares
        assert panel["type"] == "row" or panel["description"]
    assert len({panel["id"] for panel in panels}) == len(panels)


def test_dashboards_and_alarms_leave_nothing_out():
    """Every series is in a panel or an alarm, so that none is counted for nobody."""
    looked_at = " ".join(EXPRESSIONS.values())
    unseen = [
        name
        for name in SERIES
        if not re.search(rf"\b{name}(_bucket|_sum|_count)?\b", looked_at)
    ]

    assert unseen == []


@pytest.mark.parametrize("alert", ALERTS)
def test_alarms_can_be_acted_upon(alert):
    """A severity, a sentence, and a chapter of the runbook by the alarm's name."""
    rule = ALERTS[alert]
    file, _, anchor = rule["annotations"]["runbook_url"].partition("#")

    assert rule["labels"]["severity"] in {"critical", "warning"}
    assert rule["annotations"]["summary"].endswith(".")
    assert anchor == alert.lower()
    assert f"\n## {alert}\n" in (ROOT / file).read_text(encoding="utf-8")


def test_the_runbook_has_no_alarm_that_is_gone():
    """Its chapters are the alarms, in the order of the rules."""
    runbook = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")

    assert re.findall(r"^## (\w+)$", runbook, re.MULTILINE) == list(ALERTS)


def test_each_alarm_is_tested_both_ways():
    """The rule tests raise it, and have a case in which it is not."""
    tests = [
        test
        for file in (OPS / "prometheus").glob("*_test.yaml")
        for test in yaml.safe_load(file.read_text(encoding="utf-8"))["tests"]
    ]
    raised = {
        case["alertname"]
        for test in tests
        for case in test["alert_rule_test"]
        if case.get("exp_alerts")
    }
    quiet = {
        case["alertname"]
        for test in tests
        for case in test["alert_rule_test"]
        if not case.get("exp_alerts") or "not for the other" in test["name"]
    }
    assert raised == quiet == ALERTS.keys()
