"""One switch, its destinations and Postgres for all tests; for each a service of its own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import count

import pytest

from callcontrol.clock import SystemClock, at_of
from callcontrol.reference_file import read_reference_file
from callcontrol.store.reference_load import load_reference
from tests.integration.workers.service import ROOT, Service
from tests.scenario.parties import free_port
from tests.scenario.switches import PASSWORD, start_switch

REFERENCE = """
gateways:
  trunk: {{host: 127.0.0.1, port: {port}}}
customers:
  acme: {{name: Acme AG}}
tariffs:
  tenth: [{{category: "0901", rounding: {{to: "0.10"}}, levels: {{1: {{per_minute: "6.00"}}}}}}]
numbers:
  "+41901100001": {{customer: acme, tariff: tenth, routes: {{all: {{steps: [{{targets: [{{address: "+41445550101", gateways: [trunk]}}]}}]}}}}, default_route: all}}
  "+41901100002": {{customer: acme, tariff: tenth, max_calls: 2, routes: {{all: {{steps: [{{targets: [{{address: "+41445550101", gateways: [trunk]}}]}}]}}}}, default_route: all}}
  "+41901100003": {{customer: acme, tariff: tenth, routes: {{all: {{steps: [{{targets: [{{address: "+41445550103", gateways: [trunk]}}]}}]}}}}, default_route: all}}
  "+41901100004": {{customer: acme, tariff: tenth, routes: {{all: {{steps: [{{targets: [{{address: "+41445550104", gateways: [trunk]}}]}}]}}}}, default_route: all}}
"""  # noqa: E501
RULES = (
    r"\+41445550101=answer:50",
    r"\+41445550103=ring:50,answer:2000",
    r"\+41445550104=ring-only",
)
_names = count(1)


@pytest.fixture(scope="session")
def destination_port() -> Iterator[int]:
    """The parties behind the trunk."""
    process = subprocess.Popen(
        [
            sys.executable, "-m", "switchsim.phones", "answer", "--bind", "127.0.0.1:0",
            *(word for rule in RULES for word in ("--rule", rule)),
        ],
        stdout=subprocess.PIPE,
        cwd=ROOT,
    )  # fmt: skip
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    # It reports every call; were that not read, it would stop once the pipe is full.
    drain = threading.Thread(target=process.stdout.read)
    drain.start()
    yield int(ready["sip"][0].rpartition(":")[2])
    process.kill()
    drain.join()
    process.communicate()


@pytest.fixture(scope="session")
def stage(tmp_path_factory) -> Iterator[dict[str, str]]:
    """The switch, and the settings that reach it."""
    folder = tmp_path_factory.mktemp("switch")
    port = free_port(socket.SOCK_STREAM)
    switch = start_switch(f"127.0.0.1:{port}", folder)
    yield {
        "CALLCONTROL_LISTEN_PORT": str(port),
        "CALLCONTROL_SWITCH_PORT": str(switch.event_socket_port),
        "CALLCONTROL_SWITCH_PASSWORD": PASSWORD,
        "SIP": f"127.0.0.1:{switch.sip_port}",
    }
    switch.stop()


@pytest.fixture
def service(dsn, stage, destination_port, tmp_path) -> Iterator[Service]:
    """A service with its reference loaded, not started yet."""
    file = tmp_path / "reference.yaml"
    file.write_text(REFERENCE.format(port=destination_port), encoding="utf-8")
    read, _ = read_reference_file(file, at=at_of(SystemClock().now_us()))
    load_reference(dsn, read)
    environment = {
        **os.environ,
        **stage,
        "CALLCONTROL_DSN": dsn,
        "CALLCONTROL_JOURNAL": str(tmp_path / "journal.sqlite"),
        "CALLCONTROL_ENGINE": f"engine-{next(_names)}",
        "CALLCONTROL_ANNOUNCE_PRICES": "elsewhere",
        "CALLCONTROL_METRICS_PORT": str(free_port(socket.SOCK_STREAM)),
    }
    running = Service(environment, stage["SIP"], tmp_path)
    yield running
    running.stop()
