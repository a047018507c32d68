"""`callcontrol route`: what would happen to a call, and which rule decides."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from callcontrol.cli.route_answer import print_rows, rows_of
from callcontrol.clock import SystemClock, at_of
from callcontrol.config import settings
from callcontrol.errors import ConfigError
from callcontrol.reference import Reference
from callcontrol.reference_file import read_reference_file
from callcontrol.routing import (
    caller_from,
    decide_from,
    instant_from,
    number_called,
    route_json,
)
from dialplan import DEFAULT_ZONE


def route(
    number: Annotated[
        str | None,
        typer.Argument(metavar="NUMBER", help="The number called, in any dialled form."),
    ] = None,
    from_: Annotated[
        str | None, typer.Option("--from", metavar="CALLER", help="The caller's number.")
    ] = None,
    withheld: Annotated[
        bool, typer.Option("--withheld", help="The caller withholds the number.")
    ] = False,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="INSTANT",
            help="When, such as 2026-08-01T10:00:00Z; without an offset it is local time of "
            "the number called. What was configured then decides when it is past. [now]",
        ),
    ] = None,
    current: Annotated[
        bool,
        typer.Option("--current", help="With --at: what is configured now decides."),
    ] = False,
    file: Annotated[
        Path | None,
        typer.Option(help="A reference file to decide from, instead of Postgres."),
    ] = None,
    call: Annotated[
        str | None,
        typer.Option(
            "--call",
            metavar="ID",
            help="Explain instead a recorded call, by what was configured then; exits 1 when "
            "it would be decided differently.",
        ),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            "--compare",
            metavar="FILE",
            help="Show instead which past calls (to NUMBER, or all) this changed reference "
            "file would route differently from Postgres.",
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="INSTANT", help="With --compare: calls from then on. [a week before]"
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(metavar="INSTANT", help="With --compare: calls before then. [now]"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Show what would happen to a call, and which rule decides, as if no other were up.

    With --compare it exits 1 when a call would be routed differently.
    """
    if against is not None:
        # Imported here, so that a file can be tried where there is no database driver.
        from callcontrol.cli.route_compare import compare

        compare(against, number=number, since=since, until=until, as_json=as_json)
        return
    if call is not None:
        from callcontrol.cli.route_call import explain

        explain(call, as_json=as_json)
        return
    if number is None or from_ is None:
        raise ConfigError("say NUMBER and --from CALLER, or --call ID, or --compare FILE")
    now = at_of(SystemClock().now_us())
    reference = _reference(file, now)
    called = number_called(reference, number)
    zone = called.zone if called is not None else DEFAULT_ZONE
    instant = now if at is None else instant_from(at, zone)
    if instant < now and file is None and not current:
        reference = _reference_of_then(instant)
    caller = caller_from(from_, withheld=withheld)
    decision = decide_from(reference, called=number, caller=caller, at=instant)
    if as_json:
        answer = route_json(decision, called=number, caller=caller, at=instant)
        print(json.dumps(answer, indent=2))
    else:
        print_rows(rows_of(decision, number, caller, instant))


def _reference(file: Path | None, now: datetime) -> Reference:
    prefixes = settings().number_prefixes
    if file is not None:
        _, reference = read_reference_file(file, at=now, prefixes=prefixes)
        return reference
    # Imported here, so that a file can be tried where there is no database driver.
    from callcontrol.store.reference_rows import read_reference_once

    return read_reference_once(settings().dsn, at=now, prefixes=prefixes)


def _reference_of_then(instant: datetime) -> Reference:
    from callcontrol.store.reference_past import read_built_at

    prefixes = settings().number_prefixes
    try:
        return read_built_at(settings().dsn, at=instant, prefixes=prefixes).reference
    except ConfigError as exc:
        told = f"{exc}; --current decides by what is configured now"
        raise ConfigError(told) from exc
