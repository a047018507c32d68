"""`callcontrol cdrs --settlement`: what each customer is paid for calls, or pays, by month."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from decimal import ROUND_HALF_UP, Decimal

from rich.console import Console
from rich.table import Table

from callcontrol.config import settings
from callcontrol.store import run
from callcontrol.store.cdr_table import CdrFilter
from callcontrol.store.settlement_sums import SettlementSum, settlement_sums

_CENTIME = Decimal("0.01")
_LONG_S = 600.0


def show_settlement(wanted: CdrFilter, *, as_json: bool) -> None:
    """Print the sums: as a table to the centime, as JSON with all their decimals.

    Args:
        wanted: customer, number, since and until; its limit does not matter.
        as_json: print JSON.
    """
    dsn = settings().dsn
    sums = run(dsn, settlement_sums, dsn, wanted, deadline_s=_LONG_S)
    if as_json:
        print(json.dumps([_plain(one) for one in sums], indent=2))
    else:
        Console(markup=False, highlight=False).print(_table(sums) if sums else "no calls")


def _table(sums: Sequence[SettlementSum]) -> Table:
    table = Table(box=None)
    for name in ("month", "customer"):
        table.add_column(name, no_wrap=True)
    for name in ("calls", "metered", "net charge", "share", "transport", "payout"):
        table.add_column(name, no_wrap=True, justify="right")
    for one in sums:
        table.add_row(
            one.month,
            one.customer,
            str(one.calls),
            f"{one.metered_us // 60_000_000} min",
            *(str(_rounded(amount)) for amount in (one.net, one.share, one.transport)),
            f"{one.currency} {_rounded(one.payout)}",
        )
    return table


def _rounded(amount: Decimal) -> Decimal:
    return amount.quantize(_CENTIME, ROUND_HALF_UP)


def _plain(one: SettlementSum) -> dict[str, object]:
    return {
        name: f"{value:f}" if isinstance(value, Decimal) else value
        for name, value in asdict(one).items()
    }
