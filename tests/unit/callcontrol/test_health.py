"""Tests of callcontrol.health."""

from __future__ import annotations

import gevent
import pytest
from gevent import socket
from prometheus_client import CollectorRegistry, Counter

from callcontrol.errors import ConfigError
from callcontrol.health import HealthServer


def get(port, path):
    """Ask for a page; gives the status line and the body."""
    with gevent.Timeout(5), socket.create_connection(("127.0.0.1", port)) as peer:
        peer.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        answer = b"".join(iter(lambda: peer.recv(65536), b"")).decode()
    head, _, body = answer.partition("\r\n\r\n")
    return head.split("\r\n")[0].split(" ", 1)[1], body


@pytest.fixture
def parts():
    return {"link": True, "journal": True}


@pytest.fixture
def server(parts):
    registry = CollectorRegistry()
    Counter("calls", "calls", registry=registry).inc(3)
    running = HealthServer("127.0.0.1", 0, registry=registry, ready=lambda: parts)
    running.start()
    yield running
    running.stop()


class TestAnswers:
    def test_metrics(self, server):
        """The registry's series, as Prometheus reads them."""
        status, body = get(server.port, "/metrics")

        assert status == "200 OK"
        assert "calls_total 3.0" in body

    def test_alive(self, server):
        """It answers, so it lives."""
        assert get(server.port, "/livez") == ("200 OK", "alive\n")

    def test_ready(self, server):
        """Everything needed is there."""
        assert get(server.port, "/readyz") == ("200 OK", "link: yes\njournal: yes\n")

    def test_not_ready(self, server, parts):
        """One thing missing is enough, and the answer says which."""
        parts["journal"] = False

        status, body = get(server.port, "/readyz")

        assert status == "503 Service Unavailable"
        assert "journal: no" in body

    def test_one_of_several_may_be_enough(self, parts):
        """As it is of workers; who is not ready says why."""
        parts |= {"link": "no switch", "journal": True}
        running = HealthServer(
            "127.0.0.1", 0, registry=CollectorRegistry(), ready=lambda: parts, needs=any
        )
        running.start()

        assert get(running.port, "/readyz") == (
            "200 OK",
            "link: no (no switch)\njournal: yes\n",
        )
        parts["journal"] = "disk full"
        assert get(running.port, "/readyz")[0] == "503 Service Unavailable"
        running.stop()

    def test_anything_else(self, server):
        """Says what can be asked for."""
        assert get(server.port, "/")[0] == "404 Not Found"


def test_a_port_in_use(server):
    """One sentence that names the setting and the address."""
    second = HealthServer("127.0.0.1", server.port, registry=CollectorRegistry(), ready=dict)

    with pytest.raises(ConfigError, match=rf"CALLCONTROL_METRICS_PORT: .*:{server.port}"):
        second.start()
