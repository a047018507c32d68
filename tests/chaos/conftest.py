"""A switch for one engine, which a test starts as it needs it."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.chaos.stage import Stage
from tests.scenario.parties import free_port


@pytest.fixture(scope="module")
def stage(tmp_path_factory) -> Iterator[Stage]:
    """Everything but the engine."""
    port = free_port(socket.SOCK_STREAM)
    with Stage(tmp_path_factory.mktemp("chaos"), f"127.0.0.1:{port}") as stage:
        yield stage
