"""`callcontrol rate`: prices a call described in a JSON file, without a database."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from callcontrol.clock import text_of
from callcontrol.errors import ConfigError
from callcontrol.rating import rate_text, rated_json
from tariffs import Line, Rated, exact_text


def rate(
    file: Annotated[
        str, typer.Argument(help="JSON file describing the call; - is standard input.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Price a call described in a JSON file; needs no database."""
    rated = rate_text(_text(file))
    if as_json:
        print(json.dumps(rated_json(rated), indent=2))
    else:
        _print(rated)


def _text(file: str) -> str:
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except (OSError, ValueError) as exc:  # ValueError: a NUL in the name
        reason = exc.strerror if isinstance(exc, OSError) else str(exc)
        raise ConfigError(f"{file}: {reason}") from None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise ConfigError(f"{file}: not UTF-8 at byte {exc.start}") from None


def _print(rated: Rated) -> None:
    result = rated_json(rated)
    lines = Table("from", "level", "what", "seconds", "amount", box=None)
    for column in lines.columns[-2:]:
        column.justify = "right"
    for line in rated.lines:
        lines.add_row(*_cells(line))
    metered = f"{rated.metered_us // 10**6}.{rated.metered_us % 10**6:06d} s"
    totals = [
        ("charge", f"{rated.currency} {result['charge']}{_capped(rated)}"),
        ("exact", f"{rated.currency} {result['exact']}"),
        ("net", f"{rated.currency} {result['net']}"),
        ("VAT", f"{rated.currency} {result['vat']} ({_percent(rated)})"),
        ("metered", metered),
        ("exhausted at", str(result["exhausted_at"] or "never")),
    ]
    for refusal in rated.refused:
        when = text_of(refusal.at_us)
        totals.append(("refused", f"level {refusal.level} at {when}: {refusal.reason}"))
    console = Console(markup=False, highlight=False, soft_wrap=True)
    console.print(lines)
    console.print()
    for name, value in totals:
        console.print(f"{name:<14}{value}")


def _capped(rated: Rated) -> str:
    return ", the maximum" if rated.capped else ""


def _percent(rated: Rated) -> str:
    return f"{(rated.vat_rate * 100).normalize():f} %"


def _cells(line: Line) -> tuple[str, ...]:
    begins_us = line.from_us if line.at_us is None else line.at_us
    return (
        "" if begins_us is None else text_of(begins_us),
        str(line.level),
        line.kind.replace("_", " "),
        "" if line.seconds is None else str(line.seconds),
        exact_text(line.amount),
    )
