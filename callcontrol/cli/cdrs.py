"""`callcontrol cdrs`: call detail records, newest first."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from fractions import Fraction
from typing import Annotated, Any, Literal

import typer
from rich.console import Console
from rich.table import Table

from callcontrol.cdr import CallId, Cdr
from callcontrol.clock import at_of, text_of
from callcontrol.config import settings
from callcontrol.errors import ConfigError
from callcontrol.routing import instant_from
from callcontrol.store import run
from callcontrol.store.cdr_table import CdrFilter, find_cdr, find_cdrs
from dialplan import E164, parse_number_or_none, printed
from tariffs import exact_text

_WITHHELD = "withheld"
_INSTANTS = ("received", "routed", "ringing", "answered", "released")
_CSV = (
    "received_at", "answered_at", "released_at", "number", "customer", "caller",
    "disposition", "released_by", "hangup_cause", "sip_code", "metered_us", "currency",
    "gross", "vat", "tariff", "level_at_start", "rule", "closed_how", "call_id",
)  # fmt: skip

Disposition = Literal[
    "answered", "blocked", "closed", "busy", "no_answer", "abandoned", "unreachable",
    "rejected", "failed", "congestion",
]  # fmt: skip


def cdrs(
    call_id: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="Show this one record whole.")
    ] = None,
    number: Annotated[str | None, typer.Option(help="Only calls to this number.")] = None,
    customer: Annotated[str | None, typer.Option(help="Only calls to this customer.")] = None,
    since: Annotated[
        str | None, typer.Option(help="Only calls received at this instant or later.")
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Only calls received before this instant.")
    ] = None,
    disposition: Annotated[
        Disposition | None, typer.Option(help="Only calls that ended so.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 20,
    operator: Annotated[
        bool, typer.Option("--operator", help="Show withheld numbers, too.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV with a header.")] = False,
) -> None:
    """Show call detail records, newest first.

    Numbers of callers who withhold them are shown with --operator only.
    """
    dsn = settings().dsn
    if call_id is not None:
        print(json.dumps(told(_one(dsn, call_id), operator=operator), indent=2))
        return
    wanted = CdrFilter(
        number=None if number is None else _number(number),
        customer=customer,
        since=None if since is None else instant_from(since),
        until=None if until is None else instant_from(until),
        disposition=disposition,
        limit=limit,
    )
    found = run(dsn, find_cdrs, wanted)
    if as_json:
        print(json.dumps([told(cdr, operator=operator) for cdr in found]))
    elif as_csv:
        _print_csv(found, operator=operator)
    else:
        Console(highlight=False).print(_table(found, operator=operator))


def told(cdr: Cdr, *, operator: bool) -> dict[str, Any]:
    """Turn a record into plain JSON values: instants as text, exact amounts as they are read.

    Args:
        cdr: the record.
        operator: withheld numbers are shown.
    """
    plain: dict[str, Any] = json.loads(cdr.to_json())
    for name in _INSTANTS:
        instant = plain.pop(f"{name}_us")
        plain[f"{name}_at"] = None if instant is None else text_of(instant)
    if cdr.caller_withheld and not operator:
        plain["caller"] = plain["caller_raw"] = None
    for part in (plain["charge"], plain["settlement"], *plain["segments"], *plain["lines"]):
        for name in {"exact", "rounding", "amount", "share", "transport", "payout"} & set(
            part or ()
        ):
            part[name] = exact_text(Fraction(part[name]))
    return plain


def _one(dsn: str, call_id: str) -> Cdr:
    try:
        found = run(dsn, find_cdr, CallId(call_id))
    except ValueError as exc:
        raise ConfigError(f"{call_id[:64]!r} is not a call id") from exc
    if found is None:
        raise ConfigError(f"there is no record of a call {call_id}")
    return found


def _number(text: str) -> str:
    number = parse_number_or_none(text, prefixes=settings().number_prefixes)
    if number is None:
        raise ConfigError(f"--number: {text[:64]!r} is not a telephone number")
    return number


def _print_csv(found: Sequence[Cdr], *, operator: bool) -> None:
    lines = csv.DictWriter(sys.stdout, _CSV, extrasaction="ignore")
    lines.writeheader()
    for cdr in found:
        plain = told(cdr, operator=operator)
        lines.writerow({**plain, **(plain["charge"] or {}), "caller": _caller(cdr, operator)})


def _caller(cdr: Cdr, operator: bool) -> str:
    if cdr.caller_withheld and not operator:
        return _WITHHELD
    return cdr.caller or cdr.caller_raw


def _table(found: Sequence[Cdr], *, operator: bool) -> Table:
    table = Table(
        "received", "number", "caller", "ended", "by", "SIP", "metered", "charge", "rule"
    )
    for cdr in found:
        table.add_row(
            at_of(cdr.received_us).astimezone().strftime("%Y-%m-%d %H:%M:%S"),
            printed(E164(cdr.number)) if cdr.number else cdr.dialled,
            _caller(cdr, operator),
            cdr.disposition,
            cdr.released_by,
            "" if cdr.sip_code is None else str(cdr.sip_code),
            f"{cdr.metered_us / 1_000_000:.2f} s" if cdr.metered_us else "",
            f"{cdr.charge.currency} {cdr.charge.gross}" if cdr.charge else "",
            cdr.rule,
        )
    return table
