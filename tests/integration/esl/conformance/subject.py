"""What all subjects share: their arguments, and how they tell what they see."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping


def limit_wanted() -> int:
    """Read how many legs to admit at a time."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--limit", type=int, default=100)
    wanted: int = parser.parse_args().limit
    return wanted


def tell(**facts: object) -> None:
    """Write one line of what was seen."""
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def argument_of(channel: Mapping[str, str]) -> str:
    """Give the argument that the scenario `execute` is to use."""
    return channel.get("variable_argument") or "x" * int(channel["variable_size"])
