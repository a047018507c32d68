"""What subjects written in Python share: their arguments, and how they tell what they see.

Needs the standard library only, so that a subject may run in an environment of its own.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping

OUT = sys.stdout
"""Where it is told, also when a library's log has been turned away from there."""
PATIENCE_S = 30.0
"""How long a subject waits for what has no other deadline; longer than any case."""
GIVE_UP_S = 0.3
"""How long the scenario `late` waits for its first reply."""


def limit_wanted() -> int:
    """Read how many legs to admit at a time."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--limit", type=int, default=100)
    wanted: int = parser.parse_args().limit
    return wanted


def tell(**facts: object) -> None:
    """Write one line of what was seen."""
    OUT.write(json.dumps(facts) + "\n")
    OUT.flush()


def argument_of(channel: Mapping[str, str]) -> str:
    """Give the argument that the scenario `execute` is to use."""
    return channel.get("variable_argument") or "x" * int(channel["variable_size"])
