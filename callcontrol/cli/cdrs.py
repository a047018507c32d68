"""`callcontrol cdrs`: call detail records, newest first, or one of them whole."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

import typer
from rich.console import Console
from rich.table import Table

from callcontrol.cdr import CallId, Cdr, received_us_of
from callcontrol.cdr.record import Disposition
from callcontrol.cli.charge_records import export_charge_records, write_again
from callcontrol.cli.settlement import show_settlement
from callcontrol.clock import at_of, text_of
from callcontrol.config import settings
from callcontrol.errors import ConfigError
from callcontrol.routing import instant_from
from callcontrol.store import run
from callcontrol.store.cdr_table import CdrFilter, find_cdr, find_cdrs
from dialplan import DEFAULT_ZONE, E164, parse_number_or_none, printed, wall_clock

T = TypeVar("T")

_WITHHELD = "withheld"
_PIPE_WIDTH = 160  # columns of a table that no terminal shows

# What a spreadsheet is given: no text that somebody else has typed.
_CSV_COLUMNS = (
    "call_id",
    "received_at",
    "answered_at",
    "released_at",
    "metered_us",
    "number",
    "category",
    "customer",
    "caller",
    "caller_withheld",
    "disposition",
    "released_by",
    "hangup_cause",
    "sip_code",
    "rule",
    "tariff",
    "tariff_version",
    "level_at_start",
    "gross",
    "net",
    "vat",
    "vat_rate",
    "currency",
    "share",
    "transport",
    "payout",
    "closed_how",
)


def cdrs(
    call_id: Annotated[
        str | None, typer.Argument(metavar="ID", help="Show the record of this call whole.")
    ] = None,
    number: Annotated[
        str | None, typer.Option(help="Only calls to this number, in any dialled form.")
    ] = None,
    customer: Annotated[str | None, typer.Option(help="Only calls of this customer.")] = None,
    since: Annotated[
        str | None,
        typer.Option(
            metavar="INSTANT",
            help="Only calls received at or after, such as 2026-08-01T10:00:00Z or 2026-08-01; "
            "without an offset it is local time in Switzerland.",
        ),
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="INSTANT", help="Only calls received before.")
    ] = None,
    disposition: Annotated[
        str | None,
        typer.Option(help=f"Only calls that ended {', '.join(get_args(Disposition))}."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="At most so many.")] = 20,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print whole records as JSON.")
    ] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print a table as CSV.")] = False,
    operator: Annotated[
        bool, typer.Option("--operator", help="Show withheld numbers too: for your eyes only.")
    ] = False,
    settlement: Annotated[
        bool,
        typer.Option("--settlement", help="Show what customers are paid, or pay, by month."),
    ] = False,
    xdr: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Write charge records for the callers' operators: for each operator and day a "
            "numbered file, each call in exactly one, ever.",
        ),
    ] = None,
    day: Annotated[
        str | None,
        typer.Option(metavar="DAY", help="With --xdr: the last day to take; else yesterday."),
    ] = None,
    again: Annotated[
        str | None,
        typer.Option(
            metavar="OPERATOR/NUMBER", help="With --xdr: write this file again, as it was made."
        ),
    ] = None,
) -> None:
    """Show call detail records, newest first."""
    if as_json and as_csv:
        raise ConfigError("--json and --csv: one of them")
    if xdr is None and not (day is again is None):
        raise ConfigError("--day and --again go with --xdr")
    if xdr is not None and again is not None:
        write_again(xdr, again, as_json=as_json)
    elif xdr is not None:
        export_charge_records(xdr, day, as_json=as_json)
    elif call_id is not None:
        _print_json(shown(_record(call_id), operator=operator))
    else:
        wanted = CdrFilter(
            number=None if number is None else _number(number),
            customer=customer,
            since=None if since is None else instant_from(since, option="--since"),
            until=None if until is None else instant_from(until, option="--until"),
            disposition=None if disposition is None else _disposition(disposition),
            limit=limit,
        )
        if settlement:
            show_settlement(wanted, as_json=as_json)
        else:
            _show(wanted, as_json=as_json, as_csv=as_csv, operator=operator)


def _show(wanted: CdrFilter, *, as_json: bool, as_csv: bool, operator: bool) -> None:
    found = _readable(lambda: run(settings().dsn, find_cdrs, wanted))
    if as_json:
        _print_json([shown(cdr, operator=operator) for cdr in found])
    elif as_csv:
        _print_csv(shown(cdr, operator=operator) for cdr in found)
    else:
        _print_table(found, operator=operator)


def shown(cdr: Cdr, *, operator: bool = False) -> dict[str, Any]:
    """Give a record as plain values for people and programs.

    Instants are ISO 8601 text in UTC under names that end in `_at`; amounts are exact text.

    Args:
        cdr: the record.
        operator: with the number of a caller who withheld it, which else is left out.
    """
    record = dict(_fields(json.loads(cdr.to_json())))
    if cdr.caller_withheld and not operator:
        record |= {"caller": None, "caller_raw": None}
    return record


def _fields(record: dict[str, Any]) -> Iterator[tuple[str, object]]:
    for name, value in record.items():
        if name.endswith("_us") and name != "metered_us":
            yield f"{name.removesuffix('us')}at", None if value is None else text_of(value)
        elif isinstance(value, list):
            yield name, [dict(_fields(one)) if isinstance(one, dict) else one for one in value]
        else:
            yield name, value


def record_of(text: str) -> Cdr | None:
    """Read the record of a call by the text of its id; None when there is none.

    Raises:
        ConfigError: not the id of a call, or the record was written by another version.
    """
    try:
        received_us_of(CallId(text))
    except ValueError:
        raise ConfigError(f"{text[:64]!r} is not the id of a call") from None
    return _readable(lambda: run(settings().dsn, find_cdr, CallId(text)))


def _record(text: str) -> Cdr:
    cdr = record_of(text)
    if cdr is None:
        print(f"there is no record of call {text}", file=sys.stderr)
        raise typer.Exit(1)
    return cdr


def _readable(read: Callable[[], T]) -> T:
    try:
        return read()
    except ValueError as exc:
        raise ConfigError(f"a record was written by another version: {exc}") from exc


def _number(text: str) -> E164:
    number = parse_number_or_none(text, prefixes=settings().number_prefixes)
    if number is None:
        raise ConfigError(f"--number: {text[:64]!r} is not a number")
    return number


def _disposition(text: str) -> str:
    known = get_args(Disposition)
    if text not in known:
        raise ConfigError(f"--disposition: {text[:64]!r} is none of {', '.join(known)}")
    return text


def _print_json(value: object) -> None:
    # As ASCII: whatever a caller has sent cannot reach the terminal as a control character.
    print(json.dumps(value, indent=2))


def _print_csv(records: Iterable[dict[str, Any]]) -> None:
    rows = csv.DictWriter(sys.stdout, _CSV_COLUMNS, extrasaction="ignore", lineterminator="\n")
    rows.writeheader()
    for record in records:
        rows.writerow(record | (record["charge"] or {}) | (record["settlement"] or {}))


def _print_table(found: Sequence[Cdr], *, operator: bool) -> None:
    table = Table(box=None)
    for name in ("received", "number", "caller", "ended", "by"):
        table.add_column(name, no_wrap=True)
    for name in ("metered", "charge"):
        table.add_column(name, no_wrap=True, justify="right")
    table.add_column("id", overflow="fold")
    for cdr in found:
        table.add_row(*_cells(cdr, operator=operator))
    console = Console(markup=False, highlight=False)
    if not console.is_terminal:
        console.width = _PIPE_WIDTH
    console.print(table if found else "no records")


def _cells(cdr: Cdr, *, operator: bool) -> Iterator[str]:
    local = wall_clock(at_of(cdr.received_us), DEFAULT_ZONE)
    yield local.isoformat(" ", "seconds")
    yield _printed(cdr.number)
    yield _WITHHELD if cdr.caller_withheld and not operator else _printed(cdr.caller)
    yield cdr.disposition
    yield cdr.released_by
    yield f"{cdr.metered_us / 1_000_000:.3f} s" if cdr.metered_us else ""
    yield f"{cdr.charge.currency} {cdr.charge.gross}" if cdr.charge else ""
    yield cdr.call_id


def _printed(number: str | None) -> str:
    return "" if number is None else printed(E164(number))
