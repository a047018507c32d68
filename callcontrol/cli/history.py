"""`callcontrol history`: what was changed of a number, when and by whom."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated

import typer

from callcontrol.clock import text_of, us_of
from callcontrol.config import settings
from callcontrol.errors import ConfigError
from callcontrol.routing import instant_from
from callcontrol.store import run
from callcontrol.store.reference_history import Revision, lines_of, revisions_of
from callcontrol.store.reference_past import forget_history
from dialplan import DEFAULT_ZONE, parse_number_or_none, wall_clock

_FORGETTING_S = 600.0


def history(
    number: Annotated[
        str | None,
        typer.Argument(metavar="NUMBER", help="A service number, in any dialled form."),
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="INSTANT", help="Only changes from then on.")
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            metavar="INSTANT",
            help="Only changes before then, such as the instant of a call; without an offset "
            "it is local time in Switzerland.",
        ),
    ] = None,
    forget_before: Annotated[
        str | None,
        typer.Option(
            metavar="INSTANT",
            help="Forget instead what was changed before then, of everything configured: what "
            "held before can then not be told any more.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show what was changed of a number, when and by whom, oldest first.

    By `load` or by SQL, also of a number that is not configured any more. Exits 1 when there
    is nothing.
    """
    if forget_before is not None:
        before = instant_from(forget_before, option="--forget-before")
        dsn = settings().dsn
        count = run(dsn, forget_history, dsn, before, deadline_s=_FORGETTING_S)
        print(f"forgot {count} rows")
        return
    if number is None:
        raise ConfigError("say NUMBER, or --forget-before INSTANT")
    wanted = parse_number_or_none(number, prefixes=settings().number_prefixes)
    if wanted is None:
        raise ConfigError(f"{number[:64]!r} is not a number")
    first = instant_from(since, option="--since") if since is not None else None
    last = instant_from(until, option="--until") if until is not None else None
    found = [
        revision
        for revision in run(settings().dsn, revisions_of, wanted, settings().dsn)
        if (first is None or revision.at >= first) and (last is None or revision.at < last)
    ]
    if as_json:
        print(json.dumps([_json(revision) for revision in found], indent=2))
    else:
        _print(found)
    if not found:
        raise typer.Exit(1)


def _json(revision: Revision) -> dict[str, object]:
    return {
        "at": text_of(us_of(revision.at)),
        "who": revision.who,
        "program": revision.program,
        "changes": [
            {
                "table": change.table,
                "key": dict(change.key),
                "before": change.before,
                "after": change.after,
            }
            for change in revision.changes
        ],
    }


def _print(found: Sequence[Revision]) -> None:
    for revision in found:
        local = wall_clock(revision.at, DEFAULT_ZONE).isoformat(" ", "milliseconds")
        by = f"{revision.who}, {revision.program}" if revision.program else revision.who
        print(f"{local}  {_shown(by)}")
        for change in revision.changes:
            for line in lines_of(change):
                print(f"  {_shown(line)}")
    if not found:
        print("no change is known")


def _shown(text: str) -> str:
    """Keep control characters that somebody wrote into a row from the terminal."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
