"""`callcontrol check`: is everything an engine, or a call to a number, needs in place."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from callcontrol.cdr.journal_file import JournalFile
from callcontrol.cli.prompts import places_of
from callcontrol.cli.switch_link import ask_switch
from callcontrol.clock import SystemClock, at_of
from callcontrol.config import Settings, settings
from callcontrol.errors import CallControlError, ConfigError
from callcontrol.reference_file import Built, read_reference_file
from callcontrol.rehearsal import Finding, rehearse
from callcontrol.routing import caller_from, instant_from
from callcontrol.store import run
from callcontrol.store.reference_faults import faults_since
from callcontrol.store.reference_rows import read_built_once
from callcontrol.store.schema import SCHEMA, check_schema
from dialplan import DEFAULT_ZONE, Fault, parse_number_or_none

# A line in Switzerland that nobody has.
SAMPLE_CALLER = "+41445550199"

_MOST_NAMED = 5


def check(
    number: Annotated[
        str | None,
        typer.Argument(
            metavar="NUMBER",
            help="Rehearse a call to this number instead, in any dialled form.",
        ),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="INSTANT",
            help="With NUMBER: when, such as the day it is ported; without an offset it is "
            "local time of the number. [now]",
        ),
    ] = None,
    from_: Annotated[
        str, typer.Option("--from", metavar="CALLER", help="With NUMBER: who calls.")
    ] = SAMPLE_CALLER,
    file: Annotated[
        Path | None,
        typer.Option(help="With NUMBER: a reference file, instead of Postgres."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say whether everything this engine needs is in place, one line each.

    With NUMBER: whether a call to it would be decided as it should, at any instant. Exits 1
    when something is wrong.
    """
    chosen = settings()
    if number is not None:
        found = [
            (one.name, one.is_good, one.says)
            for one in _rehearsal(number, from_, at, file, chosen)
        ]
    else:
        found = [(name, *_outcome(look, chosen)) for name, look in _LOOKS.items()]
    if as_json:
        answer = {name: {"ok": ok, "says": says} for name, ok, says in found}
        print(json.dumps(answer, indent=2))
    else:
        console = Console(highlight=False, soft_wrap=True)
        for name, ok, says in found:
            mark = "[green]yes[/green]" if ok else "[red]no [/red]"
            console.print(f"{mark}  {name:<10} {escape(says)}")
    if not all(ok for _, ok, _ in found):
        raise typer.Exit(1)


def _rehearsal(
    number: str, caller: str, at: str | None, file: Path | None, chosen: Settings
) -> Iterator[Finding]:
    now = at_of(SystemClock().now_us())
    called = parse_number_or_none(number, prefixes=chosen.number_prefixes)
    if called is None:
        raise ConfigError(f"{number[:64]!r} is not a number")
    if file is not None:
        _, reference = read_reference_file(file, at=now, prefixes=chosen.number_prefixes)
        built = Built(reference=reference, faults=())
    else:
        built = read_built_once(chosen.dsn, at=now, prefixes=chosen.number_prefixes)
    known = built.reference.directory.numbers.get(called)
    zone = known.zone if known is not None else DEFAULT_ZONE
    return rehearse(
        built.reference,
        called,
        caller=caller_from(caller, withheld=False),
        at=now if at is None else instant_from(at, zone),
        faults=built.faults,
    )


def _outcome(look: Callable[[Settings], str], chosen: Settings) -> tuple[bool, str]:
    try:
        return True, look(chosen)
    except CallControlError as exc:
        return False, str(exc).replace("\n", "; ")


def _database(chosen: Settings) -> str:
    run(chosen.dsn, partial(check_schema, may_be_newer=True), chosen.dsn)
    return f"Postgres answers and has schema {SCHEMA}, or one that serves it"


def _reference(chosen: Settings) -> str:
    now = at_of(SystemClock().now_us())
    built = read_built_once(chosen.dsn, at=now, prefixes=chosen.number_prefixes)
    if built.faults:
        since = run(chosen.dsn, faults_since)
        raise ConfigError(*(_told(fault, since) for fault in built.faults))
    numbers = len(built.reference.directory.numbers)
    if not numbers:
        raise ConfigError("no numbers are configured: run `callcontrol load FILE`")
    return f"{numbers} numbers, {len(built.reference.tariffs)} tariffs, all valid"


def _told(fault: Fault, since: Mapping[tuple[str, str], datetime]) -> str:
    known = since.get((fault.path, fault.message))
    return f"{fault} (known since {known:%Y-%m-%d %H:%M} UTC)" if known else str(fault)


def _prompts(chosen: Settings) -> str:
    if chosen.announce_prices == "elsewhere":
        return "prices are spoken elsewhere, says CALLCONTROL_ANNOUNCE_PRICES"
    now = at_of(SystemClock().now_us())
    built = read_built_once(chosen.dsn, at=now, prefixes=chosen.number_prefixes)
    places = list(places_of(built.reference, chosen))
    missing = [place.name for place in places if place.prompt is None]
    if missing:
        named = ", ".join(missing[:_MOST_NAMED])
        more = f" and {len(missing) - _MOST_NAMED} more" if len(missing) > _MOST_NAMED else ""
        raise ConfigError(
            f"{named}{more} missing in {chosen.prompts}: run `callcontrol prompts make`; until "
            "then calls that need them are refused"
        )
    return f"all {len(places)} prompts are in {chosen.prompts}"


def _journal(chosen: Settings) -> str:
    JournalFile(chosen.journal).close()
    return f"{chosen.journal.absolute()} can be written and no other engine holds it"


def _switch(chosen: Settings) -> str:
    version = ask_switch(chosen, "version", deadline_s=chosen.command_deadline_s)
    return f"{chosen.switch_host}:{chosen.switch_port} answers: {version.strip()}"


def _calls_port(chosen: Settings) -> str:
    return _port("CALLCONTROL_LISTEN_PORT", chosen.listen_host, chosen.listen_port)


def _metrics_port(chosen: Settings) -> str:
    return _port("CALLCONTROL_METRICS_PORT", chosen.metrics_host, chosen.metrics_port)


def _port(setting: str, host: str, port: int) -> str:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as exc:
            raise ConfigError(f"{setting}: {host}:{port}: {exc.strerror}") from exc
    return f"{host}:{port} is free"


_LOOKS: dict[str, Callable[[Settings], str]] = {
    "database": _database,
    "reference": _reference,
    "prompts": _prompts,
    "journal": _journal,
    "switch": _switch,
    "calls": _calls_port,
    "metrics": _metrics_port,
}
