"""The dialplan as data: which actions a called number runs.

An action list ends the call when it runs out: an unanswered caller is then refused.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One application of the dialplan with its argument."""

    application: str
    data: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """The actions of every called number that matches `pattern` (a regular expression)."""

    pattern: str
    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialplan:
    """Extensions in order; the first that matches a called number is used."""

    extensions: tuple[Extension, ...]

    def match(self, called: str) -> tuple[re.Match[str], tuple[Action, ...]] | None:
        """The match and the actions for a called number, or None."""
        for extension in self.extensions:
            found = re.search(extension.pattern, called)
            # `$` of the switch does not match before a newline at the end.
            if found and found.end() == len(called.rstrip("\n")) == len(called):
                return found, extension.actions
            if found and found.end() < len(called.rstrip("\n")):
                return found, extension.actions
        return None


def actions(*lines: str) -> tuple[Action, ...]:
    """Actions from lines such as `socket 127.0.0.1:8084 async full`."""
    split = (line.strip().partition(" ") for line in lines)
    return tuple(Action(application=head, data=tail.strip()) for head, _, tail in split)


def service_numbers(engines: str) -> Dialplan:
    """The dialplan of a switch that hands every call to an engine.

    It is the one of `freeswitch-conf/dialplan/trunk.xml`; change them together.

    Args:
        engines: `host:port` of the engine, or several joined by `|`, tried in order.
    """
    return Dialplan(
        extensions=(
            Extension(
                # Its condition has no expression: whatever was dialled, a newline included.
                pattern="",
                actions=actions(
                    "multiset ^^;continue_on_fail=true;hangup_after_bridge=true"
                    ";sip_ignore_remote_cause=true;sip_copy_custom_headers=false"
                    ";park_timeout=180:NORMAL_TEMPORARY_FAILURE",
                    "sched_hangup +10 normal_temporary_failure",
                    f"socket {engines} async full",
                    "respond 503 Service Unavailable",
                ),
            ),
        )
    )


def from_rows(rows: Sequence[tuple[str, Sequence[str]]]) -> Dialplan:
    """A dialplan from pairs of a pattern and action lines."""
    return Dialplan(
        extensions=tuple(
            Extension(pattern=pattern, actions=actions(*lines)) for pattern, lines in rows
        )
    )


def load(path: Path) -> Dialplan:
    """A dialplan from a JSON file: a list of `{"number": pattern, "actions": [line, …]}`.

    Raises:
        ValueError: the file does not hold that.
        OSError: it cannot be read.
    """
    document = json.loads(path.read_text(encoding="utf-8"))
    try:
        rows = [
            (str(row["number"]), [str(line) for line in row["actions"]]) for row in document
        ]
    except (TypeError, KeyError) as error:
        raise ValueError(f"{path}: not a list of number and actions: {error}") from error
    return from_rows(rows)
