"""A disk of one megabyte, which really gets full."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, options: str = "") -> Iterator[Path]:
    """Have such a disk in a folder, which is made; skips the test where nobody may mount.

    Args:
        folder: its parent is there.
        options: further ones of the mount.
    """
    folder.mkdir(exist_ok=True)
    given = ",".join(filter(None, ("size=1m", options)))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", given, "none", folder], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)
