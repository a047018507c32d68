"""`callcontrol route --compare`: which past calls a changed reference routes differently."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from callcontrol.clock import SystemClock, at_of, text_of, us_of
from callcontrol.config import settings
from callcontrol.errors import ConfigError
from callcontrol.reference_file import read_reference_file
from callcontrol.routing import PastCall, Rerouted, instant_from, rerouted, rule_of
from callcontrol.store import run
from callcontrol.store.past_calls import past_calls
from callcontrol.store.reference_rows import read_reference_once
from dialplan import DEFAULT_ZONE, parse_number_or_none, printed, wall_clock

_MOST_SHOWN = 500
_READING_S = 600.0
_PIPE_WIDTH = 160  # columns of a table that no terminal shows
_WEEK = timedelta(days=7)


def compare(
    file: Path, *, number: str | None, since: str | None, until: str | None, as_json: bool
) -> None:
    """Decide past calls by Postgres and by a file, and print those that differ.

    Args:
        file: the changed reference.
        number: only calls to this number.
        since: only calls received from then on; None: a week before `until`.
        until: only calls received before; None: now.
        as_json: print one JSON object.

    Raises:
        typer.Exit: 1, something differs.
    """
    now = at_of(SystemClock().now_us())
    last = instant_from(until, option="--until") if until is not None else now
    first = instant_from(since, option="--since") if since is not None else last - _WEEK
    prefixes = settings().number_prefixes
    wanted = parse_number_or_none(number, prefixes=prefixes) if number is not None else None
    if number is not None and wanted is None:
        raise ConfigError(f"{number[:64]!r} is not a number")
    _, after = read_reference_file(file, at=now, prefixes=prefixes)
    before = read_reference_once(settings().dsn, at=now, prefixes=prefixes)
    calls = run(settings().dsn, past_calls, first, last, wanted, deadline_s=_READING_S)
    found = list(rerouted(calls, before, after))
    if as_json:
        answer = {
            "since": text_of(us_of(first)),
            "until": text_of(us_of(last)),
            "calls": len(calls),
            "different": [_json(one) for one in found],
        }
        print(json.dumps(answer, indent=2))
    else:
        _print(found, calls)
    if found:
        raise typer.Exit(1)


def _json(one: Rerouted) -> dict[str, object]:
    call = one.call
    return {
        "call_id": call.call_id,
        "at": text_of(us_of(call.at)),
        "called": call.called,
        "caller": None if call.caller.withheld else call.caller.number,
        "withheld": call.caller.withheld,
        "rule": dict(zip(("before", "after"), _rules(one), strict=True)),
        "differs": {
            name: {"before": before, "after": after}
            for name, (before, after) in one.differs.items()
        },
    }


def _rules(one: Rerouted) -> tuple[str, str]:
    """Give the two rules; the pattern that blocked a withheld caller is part of the number."""
    if one.call.caller.withheld:
        return one.before.rule, one.after.rule
    return rule_of(one.before), rule_of(one.after)


def _print(found: Sequence[Rerouted], calls: Sequence[PastCall]) -> None:
    table = Table(box=None)
    for name in ("received", "called", "caller", "what"):
        table.add_column(name, no_wrap=True)
    for name in ("now", "changed"):
        table.add_column(name, overflow="fold")
    for one in found[:_MOST_SHOWN]:
        for row in _rows(one):
            table.add_row(*row)
    console = Console(markup=False, highlight=False)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    if found:
        console.print(table)
    if len(found) > _MOST_SHOWN:
        print(f"... and {len(found) - _MOST_SHOWN} more")
    print(f"{len(found)} of {len(calls)} calls would be routed differently")


def _rows(one: Rerouted) -> Iterator[tuple[str, ...]]:
    cells = _call_cells(one.call)
    changes = {"rule": _rules(one), **one.differs}
    for name, (before, after) in changes.items():
        if before != after:
            yield (*cells, name, before, after)
            cells = ("", "", "")


def _call_cells(call: PastCall) -> tuple[str, str, str]:
    local = wall_clock(call.at, DEFAULT_ZONE).isoformat(" ", "seconds")
    number = parse_number_or_none(call.called, prefixes=settings().number_prefixes)
    called = printed(number) if number is not None else ascii(call.called)
    if call.caller.withheld:
        return local, called, "withheld"
    caller = call.caller.number
    return local, called, printed(caller) if caller is not None else "no number"
