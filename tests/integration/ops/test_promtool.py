"""Prometheus itself reads the rules and the configuration, and its tests of the rules pass."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[3] / "ops" / "prometheus"


@pytest.fixture(scope="module")
def promtool():
    """Prometheus' own checker, installed or fetched by `make test`."""
    found = shutil.which("promtool") or shutil.which(
        "promtool", path=Path(sys.executable).parent
    )
    assert found, "install promtool: Debian has it in the package prometheus"
    return found


@pytest.mark.parametrize(
    "words",
    [
        ("check", "config", "prometheus.yaml"),
        ("check", "rules", "--lint=all", "--lint-fatal", "rules.yaml"),
        ("test", "rules", "rules_test.yaml"),
        ("test", "rules", "rules_week_test.yaml"),
    ],
    ids=lambda words: " ".join(words),
)
def test_promtool(promtool, words):
    """It has nothing to complain of."""
    done = subprocess.run(
        [promtool, *words], cwd=FOLDER, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
