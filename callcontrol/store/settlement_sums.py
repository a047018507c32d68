"""Adds up the customers' side of calls: what each is paid, or pays, month by month."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from callcontrol.store.cdr_table import CdrFilter
from callcontrol.store.schema import check_schema
from dialplan import DEFAULT_ZONE

if TYPE_CHECKING:
    from callcontrol.store.pool import Connection

# The columns of exact amounts are rounded to twelve decimals: a million calls add up to the
# millionth.
_SUMS = f"""
    SELECT customer,
        to_char(received_at AT TIME ZONE '{DEFAULT_ZONE.key}', 'YYYY-MM') AS month,
        settlement->>'currency' AS currency, count(*) AS calls,
        sum(metered_us)::bigint AS metered_us, sum(net) AS net, sum(share) AS share,
        sum(transport) AS transport, sum(payout) AS payout
    FROM cdrs
    WHERE settlement IS NOT NULL AND customer IS NOT NULL
        AND ($1::text IS NULL OR customer = $1) AND ($2::text IS NULL OR number = $2)
        AND ($3::timestamptz IS NULL OR received_at >= $3)
        AND ($4::timestamptz IS NULL OR received_at < $4)
    GROUP BY 1, 2, 3 ORDER BY 2 DESC, 1, 3
"""  # noqa: S608  our own words


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementSum:
    """What a month's settled calls come to for a customer; exact to the millionth.

    Attributes:
        month: of the calls' arrival in Switzerland, such as `2026-08`.
        metered_us: how long they were metered, microseconds.
        net: what callers owe for them, without VAT.
        share, transport, payout: the customer's, as in the records.
    """

    customer: str
    month: str
    currency: str
    calls: int
    metered_us: int
    net: Decimal
    share: Decimal
    transport: Decimal
    payout: Decimal


async def settlement_sums(
    connection: Connection, dsn: str, wanted: CdrFilter
) -> list[SettlementSum]:
    """Add up the settled calls of each customer and month, newest month first.

    Raises:
        ConfigError: the database has another schema.
    """
    await check_schema(connection, dsn)
    rows = await connection.fetch(
        _SUMS, wanted.customer, wanted.number, wanted.since, wanted.until
    )
    return [SettlementSum(**dict(row)) for row in rows]
