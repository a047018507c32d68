"""`callcontrol calls`: the calls in progress, with level and running charge."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table

from callcontrol.cdr import Cdr
from callcontrol.cli.cdrs import record_of
from callcontrol.cli.ladder import ladder_of
from callcontrol.cli.running_ladder import running_ladder
from callcontrol.clock import SystemClock, at_of, text_of
from callcontrol.config import settings
from callcontrol.described_record import described_record
from callcontrol.errors import ConfigError
from callcontrol.reference import Reference
from callcontrol.store import run
from callcontrol.store.calls_table import CallInProgress, calls_in_progress
from callcontrol.store.reference_rows import read_reference_once
from dialplan import E164, printed
from tariffs import Change, FreeTime, Meter, Rated, Withheld

_EVERY_S = 1.0

app = typer.Typer(rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def calls(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on showing them, until Ctrl-C.")
    ] = False,
) -> None:
    """Show the calls in progress, with level and running charge."""
    if context.invoked_subcommand is not None:
        return
    chosen = settings()
    clock = SystemClock()
    console = Console(highlight=False)
    reference = _reference(clock.now_us())

    def rows() -> Sequence[tuple[str, CallInProgress]]:
        return run(chosen.dsn, calls_in_progress)

    if as_json:
        now_us = clock.now_us()
        console.print_json(
            data=[_plain(engine, call, reference, now_us) for engine, call in rows()]
        )
    elif watch:
        with Live(console=console, auto_refresh=False) as live:
            while True:
                live.update(_table(rows(), reference, clock.now_us()), refresh=True)
                threading.Event().wait(_EVERY_S)
    else:
        console.print(_table(rows(), reference, clock.now_us()))


@app.command("show")
def show(
    call_id: Annotated[str, typer.Argument(metavar="ID", help="Of a call, its own id.")],
    operator: Annotated[
        bool, typer.Option("--operator", help="Show a withheld number too: for your eyes only.")
    ] = False,
    to_rate: Annotated[
        bool, typer.Option("--rate", help="Print it as JSON that `callcontrol rate -` reads.")
    ] = False,
) -> None:
    """Show the life of one call as a ladder; of one in progress as far as it is known.

    With --rate a recorded call is described so that `callcontrol rate -` prices it again, from
    its table and what was told to its meter.

    Exits 1 when there is no such call, or nothing of it was metered.
    """
    dsn = settings().dsn
    found = record_of(call_id)
    if found is not None and to_rate:
        _print_described(found)
        return
    if found is not None:
        print(ladder_of(found, operator=operator).drawn())
        return
    now_us = SystemClock().now_us()
    for engine, call in run(dsn, calls_in_progress):
        if call.call_id == call_id.lower():
            rated = rated_now(call, _reference(now_us), now_us)
            print(running_ladder(call, engine, rated, now_us).drawn())
            return
    print(f"there is no call {call_id}", file=sys.stderr)
    raise typer.Exit(1)


def _print_described(record: Cdr) -> None:
    now_us = SystemClock().now_us()
    tables = _reference(now_us).tariffs.get(record.tariff or "", ())
    table = next((one for one in tables if one.version == record.tariff_version), None)
    if record.tariff is not None and table is None:
        version = record.tariff_version
        raise ConfigError(
            f"tariff {record.tariff!r} has no table of version {version!r} any more"
        )
    described = None if table is None else described_record(record, table)
    if described is None:
        print(f"nothing of call {record.call_id} was metered", file=sys.stderr)
        raise typer.Exit(1)
    print(json.dumps(described, indent=2))


def _reference(now_us: int) -> Reference:
    chosen = settings()
    return read_reference_once(chosen.dsn, at=at_of(now_us), prefixes=chosen.number_prefixes)


def _plain(
    engine: str, call: CallInProgress, reference: Reference, now_us: int
) -> dict[str, Any]:
    rated = rated_now(call, reference, now_us)
    return {
        "call_id": call.call_id,
        "engine": engine,
        "state": call.state,
        "number": call.number,
        "caller": call.caller,
        "received_at": text_of(call.received_us),
        "answered_at": text_of(call.answered_us) if call.answered_us else None,
        "tariff": call.tariff,
        "level": level_in_force(call, rated),
        "metered_us": rated.metered_us if rated else 0,
        "charge": str(rated.charge) if rated else None,
        "currency": rated.currency if rated else None,
    }


def _table(
    rows: Sequence[tuple[str, CallInProgress]], reference: Reference, now_us: int
) -> Table:
    table = Table(
        "number", "caller", "state", "since", "level", "metered", "charge", "engine",
        title=f"{len(rows)} calls in progress",
    )  # fmt: skip
    for engine, call in rows:
        rated = rated_now(call, reference, now_us)
        table.add_row(
            printed(E164(call.number)) if call.number else "",
            call.caller or "",
            call.state,
            _local(at_of(call.answered_us or call.received_us)),
            "" if call.level is None else str(level_in_force(call, rated)),
            f"{rated.metered_us / 1_000_000:.0f} s" if rated else "",
            f"{rated.currency} {rated.charge}" if rated else "",
            engine,
        )
    return table


def level_in_force(call: CallInProgress, rated: Rated | None) -> int | None:
    """Give the level in force now: an automatic step may have come since it was told."""
    return rated.segments[-1].level if rated and rated.segments else call.level


def rated_now(call: CallInProgress, reference: Reference, now_us: int) -> Rated | None:
    """Price a call as if it ended now, by the very table its engine uses."""
    if call.meter_start_us is None or call.tariff is None or call.level is None:
        return None
    tables = reference.tariffs.get(call.tariff, ())
    table = next((one for one in tables if one.version == call.tariff_version), None)
    if table is None:
        return None
    changes = [
        Change(at_us=int(one["in_force_us"]), level=int(one["level"])) for one in call.changes
    ]
    meter = Meter(
        table,
        level=call.level_at_start or call.level,
        start_us=call.meter_start_us,
        changes=changes,
        free=[
            FreeTime(from_us=from_us, until_us=until_us)
            for from_us, until_us in call.spared.get("free", ())
        ],
        withheld=[
            Withheld(kind=kind, at_us=at_us) for kind, at_us in call.spared.get("withheld", ())
        ],
    )
    told = (
        *(one.at_us for one in changes),
        *(one.until_us or one.from_us for one in meter.free),
    )
    return meter.rated(max(now_us, call.meter_start_us, *told))


def _local(at: datetime) -> str:
    return at.astimezone().strftime("%H:%M:%S")
