"""What is called in the chaos tests, and what it costs by the pure meter."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from callcontrol.clock import SystemClock, at_of
from callcontrol.reference import Reference
from callcontrol.reference_file import read_reference_file
from callcontrol.store.reference_load import load_reference
from tariffs import Meter
from tests.scenario.records import us_of

PLAIN = "0901100001"  # 6.00 a minute, in steps of 0.10
RINGS = "0901100002"  # rings for a second and a half
SECOND = "0901100003"  # the first destination is busy, the second answers
CAPPED = "0901100004"  # ends at 0.30, after three seconds
CLOSED = "0901100005"  # closed, with a message
UNKNOWN = "0901999999"
FREE = "0800100001"
HANGS_UP = "0901100006"  # the destination ends it after a second and a half

_TEXT = """
gateways:
  trunk: {{host: 127.0.0.1, port: {port}}}
customers:
  acme: {{name: Acme AG}}
tariffs:
  tenth: [{{category: "0901", version: "1", rounding: {{to: "0.10"}}, levels: {{1: {{per_minute: "6.00"}}, 2: {{per_call: "1.00", per_minute: "3.00"}}}}}}]
  free: [{{category: "0800", version: "1", levels: {{1: {{}}}}}}]
  capped: [{{category: "0901", version: "1", rounding: {{to: "0.10"}}, max_charge: "0.30", levels: {{1: {{per_minute: "6.00"}}}}}}]
numbers:
  "+41800100001": {{customer: acme, tariff: free, routes: {{all: {{steps: [{{targets: [{{address: "+41445550101", gateways: [trunk]}}]}}]}}}}, default_route: all}}
  "+41901100001": {{customer: acme, tariff: tenth, routes: {{all: {{steps: [{{targets: [{{address: "+41445550101", gateways: [trunk]}}]}}]}}}}, default_route: all}}
  "+41901100002": {{customer: acme, tariff: tenth, routes: {{all: {{steps: [{{targets: [{{address: "+41445550102", gateways: [trunk]}}]}}]}}}}, default_route: all}}
  "+41901100003": {{customer: acme, tariff: tenth, routes: {{all: {{steps: [{{targets: [{{address: "+41445550103", gateways: [trunk]}}]}}, {{targets: [{{address: "+41445550101", gateways: [trunk]}}]}}]}}}}, default_route: all}}
  "+41901100004": {{customer: acme, tariff: capped, routes: {{all: {{steps: [{{targets: [{{address: "+41445550101", gateways: [trunk]}}]}}]}}}}, default_route: all}}
  "+41901100005": {{customer: acme, tariff: tenth, closed_message: closed}}
  "+41901100006": {{customer: acme, tariff: tenth, routes: {{all: {{steps: [{{targets: [{{address: "+41445550106", gateways: [trunk]}}]}}]}}}}, default_route: all}}
"""  # noqa: E501

RULES = (
    r"\+41445550101=ring:20,answer:60",
    r"\+41445550102=ring:20,answer:1500",
    r"\+41445550103=busy",
    r"\+41445550106=ring:20,answer:60,hangup:1.5",
)


def load(dsn: str, destination_port: int, folder: Path) -> Reference:
    """Write it to Postgres; gives it as an engine has it."""
    file = folder / "reference.yaml"
    file.write_text(_TEXT.format(port=destination_port), encoding="utf-8")
    read, reference = read_reference_file(file, at=at_of(SystemClock().now_us()))
    load_reference(dsn, read)
    return reference


def owed(
    reference: Reference, record: Mapping[str, Any], answered_us: int, released_us: int
) -> Decimal:
    """Say what a call costs by the pure meter on the switch's own instants.

    Args:
        reference: has the tariff.
        record: as `callcontrol cdrs --json` prints it: for tariff, level and applied changes.
        answered_us: as the switch tells it, microseconds since the epoch.
        released_us: the same.
    """
    at = datetime.fromisoformat(record["received_at"])
    tariff = reference.tariff_at(record["tariff"], at)
    assert tariff is not None
    meter = Meter(tariff, level=record["level_at_start"], start_us=answered_us)
    for change in record["changes"]:
        at_us = us_of(change["in_force_at"]) if change.get("in_force_at") else released_us
        # While the end has not been told, an engine may put one in force that counts no more.
        if at_us < released_us:
            meter.change_level(change["level"], at_us, by=change["by"])
    return meter.stop(released_us).charge
