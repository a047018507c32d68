"""`callcontrol journal`: what waits in the local journals; `journal ship` ships it now."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from callcontrol import logs
from callcontrol.cdr import CallId, Journal, received_us_of
from callcontrol.cdr.journal_file import holder_of, read_only
from callcontrol.clock import SystemClock, text_of
from callcontrol.config import settings
from callcontrol.errors import ConfigError
from callcontrol.metrics import Metrics

app = typer.Typer(rich_markup_mode=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What is in one journal.

    Attributes:
        process: the engine process that has it open; none when no engine runs on it.
        oldest_s: age of the oldest record that waits, in seconds; none when none waits.
        set_aside: the call ids of records that Postgres refused, with the reason.
        open_calls: the call ids of calls that have begun and are not recorded.
    """

    journal: str
    process: int | None
    records: int
    oldest_s: float | None
    set_aside: dict[str, str]
    open_calls: list[str]


@app.callback(invoke_without_command=True)
def journal(
    context: typer.Context,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show what waits in the local journals; harmless while the engine runs."""
    if context.invoked_subcommand is not None:
        return
    found = [_waiting(path) for path in _journals()]
    if as_json:
        print(json.dumps([asdict(one) for one in found], indent=2))
    else:
        for one in found:
            print("\n".join(_lines(one)))


@app.command()
def ship(
    retry: Annotated[
        bool, typer.Option("--retry", help="Try again what was set aside, too.")
    ] = False,
) -> None:
    """Ship what waits to Postgres now; a running engine does so by itself."""
    from callcontrol.store import Store
    from callcontrol.store.shipper import Shipment, Shipper

    paths = _journals()
    for path in paths:
        if (process := holder_of(path)) is not None:
            raise ConfigError(
                f"CALLCONTROL_JOURNAL: {path} is in use by process {process}:"
                " a running engine ships its records by itself"
            )
    log = logs.configure("error")
    total = Shipment()
    with closing(Store(settings().dsn, name="callcontrol journal ship")) as store:
        store.open()
        for path in paths:
            with closing(Journal(path)) as opened:
                if retry:
                    opened.put_back()
                shipper = Shipper(
                    opened, store, batch=settings().ship_batch, metrics=Metrics(), log=log
                )
                total += shipper.ship_once()
    known = f" ({total.known} were there already)" if total.known else ""
    print(f"shipped {total.stored + total.known} records{known}")
    if total.set_aside:
        print(
            f"Postgres refused {total.set_aside} records: `callcontrol journal` says why",
            file=sys.stderr,
        )
        raise typer.Exit(1)


def _journals() -> list[Path]:
    """Find this engine's journal, and those of its further worker processes beside it."""
    first = settings().journal
    further = first.parent.glob(f"{first.stem}.[0-9]*{first.suffix}")
    found = [path for path in (first, *sorted(further)) if path.is_file()]
    if not found:
        raise ConfigError(f"CALLCONTROL_JOURNAL: no journal at {first}")
    return found


def _waiting(path: Path) -> Waiting:
    now_us = SystemClock().now_us()
    with read_only(path) as (counts, open_calls, aside):
        return Waiting(
            journal=str(path),
            process=holder_of(path),
            records=counts.records,
            oldest_s=None
            if counts.oldest_us is None
            else max(now_us - counts.oldest_us, 0) / 1_000_000,
            set_aside={record.call_id: record.reason for record in aside},
            open_calls=[call.call_id for call in open_calls],
        )


def _lines(waiting: Waiting) -> Iterator[str]:
    process = waiting.process
    yield f"journal     {waiting.journal}"
    yield f"engine      {'none runs' if process is None else f'process {process}'}"
    age = "" if waiting.oldest_s is None else f", the oldest for {waiting.oldest_s:.0f} s"
    yield f"waiting     {waiting.records} records{age}"
    yield f"set aside   {len(waiting.set_aside)} records"
    for call_id, reason in waiting.set_aside.items():
        yield f"  {call_id}  {reason}"
    yield f"open calls  {len(waiting.open_calls)}"
    for call_id in waiting.open_calls:
        yield f"  {call_id}  since {_since(call_id)}"


def _since(call_id: str) -> str:
    try:
        return text_of(received_us_of(CallId(call_id)))
    except (ValueError, OverflowError):
        return "an unknown instant"
