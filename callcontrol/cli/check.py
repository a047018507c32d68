"""`callcontrol check`: is everything this engine needs in place; one line each."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Annotated

import typer
from rich.console import Console

from callcontrol import logs
from callcontrol.cdr.journal_file import JournalFile
from callcontrol.clock import SystemClock, at_of
from callcontrol.config import Settings, settings
from callcontrol.errors import CallControlError, ConfigError
from callcontrol.esl.control import Control
from callcontrol.store import run
from callcontrol.store.migrate import SCHEMA, check_schema
from callcontrol.store.reference_rows import read_built_once


def check(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Say whether everything this engine needs is in place, one line each.

    Exits 1 when something is not.
    """
    chosen = settings()
    found = {name: _outcome(look, chosen) for name, look in _LOOKS.items()}
    console = Console(highlight=False, soft_wrap=True)
    if as_json:
        console.print_json(
            data={name: {"ok": ok, "says": says} for name, (ok, says) in found.items()}
        )
    else:
        for name, (ok, says) in found.items():
            mark = "[green]yes[/green]" if ok else "[red]no [/red]"
            console.print(f"{mark}  {name:<10} {says}")
    if not all(ok for ok, _ in found.values()):
        raise typer.Exit(1)


def _outcome(look: Callable[[Settings], str], chosen: Settings) -> tuple[bool, str]:
    try:
        return True, look(chosen)
    except CallControlError as exc:
        return False, str(exc).replace("\n", "; ")


def _database(chosen: Settings) -> str:
    run(chosen.dsn, check_schema, chosen.dsn)
    return f"Postgres answers and has schema {SCHEMA}"


def _reference(chosen: Settings) -> str:
    now = at_of(SystemClock().now_us())
    built = read_built_once(chosen.dsn, at=now, prefixes=chosen.number_prefixes)
    if built.faults:
        raise ConfigError(*map(str, built.faults))
    numbers = len(built.reference.directory.numbers)
    if not numbers:
        raise ConfigError("no numbers are configured: run `callcontrol load FILE`")
    return f"{numbers} numbers, {len(built.reference.tariffs)} tariffs, all valid"


def _journal(chosen: Settings) -> str:
    JournalFile(chosen.journal).close()
    return f"{chosen.journal.absolute()} can be written and no other engine holds it"


def _switch(chosen: Settings) -> str:
    link = Control(
        chosen.switch_host,
        chosen.switch_port,
        chosen.password(),
        on_event=lambda _event: None,
        log=logs.configure("error"),
    )
    try:
        link.open()
        version = link.api("version", deadline_s=chosen.command_deadline_s)
    finally:
        link.stop()
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
    "journal": _journal,
    "switch": _switch,
    "calls": _calls_port,
    "metrics": _metrics_port,
}
