"""Fills a database with a reference of any size; Postgres makes the rows itself."""

from __future__ import annotations

from callcontrol.store import Connection

# Every number has two routes with three steps, a week of its own hours and three targets of its
# own; some have special dates, public holidays, overrides, scheduled changes, targets abroad.
_STATEMENTS = (
    """
    INSERT INTO gateways (name, host) VALUES
        ('trunk-a', '127.0.0.1'), ('trunk-b', '127.0.0.2'), ('trunk-c', '127.0.0.3')
    """,
    """
    INSERT INTO customers (id, name, allowed_countries)
    SELECT 'c' || i, 'Customer ' || i, '{CH,DE}'
    FROM generate_series(0, greatest($1::int / 5, 1)) AS i
    """,
    """
    INSERT INTO tariffs (name) SELECT 't' || category || '-' || i
    FROM unnest(ARRAY['0800', '0848', '0900', '0901']) AS category, generate_series(0, 9) AS i
    """,
    """
    INSERT INTO tariff_tables (tariff_id, category)
    SELECT id, substr(split_part(name, '-', 1), 2) FROM tariffs WHERE name LIKE 't0%'
    """,
    """
    INSERT INTO tariff_levels (table_id, level, per_minute)
    SELECT t.id, level, CASE WHEN category IN ('0900', '0901') THEN 1.5 ELSE 0 END
    FROM tariff_tables AS t JOIN tariffs ON tariffs.id = t.tariff_id,
        generate_series(1, 5) AS level
    WHERE name LIKE 't0%'
    """,
    """
    CREATE TEMPORARY TABLE made AS
    SELECT i, '0' || kind AS category, '+41' || kind || lpad((i / 4)::text, 6, '0') AS number
    FROM generate_series(0, $1::int - 1) AS i,
        LATERAL (SELECT (ARRAY['800', '848', '900', '901'])[i % 4 + 1]) AS of (kind)
    """,
    """
    INSERT INTO numbers (number, category, customer, settlement_share, transport_voip,
        transport_fixed, transport_mobile, transport_international)
    SELECT number, category, 'c' || i / 5, CASE WHEN category LIKE '090%' THEN 0.6 ELSE 0 END,
        0, 0.02, 0.1, 0.2 FROM made
    """,
    """
    INSERT INTO number_tariffs (number, tariff) SELECT number, 't' || category || '-' || i % 10
    FROM made
    """,
    """
    INSERT INTO number_levels (number, effective_at, level)
    SELECT number, '-infinity'::timestamptz, 1 + i % 3 FROM made
    UNION ALL SELECT number, '2099-01-01', 4 FROM made WHERE i % 20 = 0
    """,
    "INSERT INTO number_presentations (number, presentation) SELECT number, 'caller' FROM made",
    "INSERT INTO number_default_routes (number, route) SELECT number, 'night' FROM made",
    """
    INSERT INTO number_routes (number, name) SELECT number, name
    FROM made, unnest(ARRAY['office', 'night']) AS name
    """,
    """
    INSERT INTO route_steps (number, route, step, ring_s) SELECT number, route, step, 20
    FROM made, (VALUES ('office', 0), ('office', 1), ('night', 0)) AS steps (route, step)
    """,
    """
    INSERT INTO route_targets (number, route, step, position, address, gateways)
    SELECT number, route, step, 0, start || lpad(i::text, 6, '0'), '{trunk-a,trunk-b}'
    FROM made, (VALUES ('office', 0, '+41445'), ('office', 1, '+41315'), ('night', 0, '+41796'))
        AS steps (route, step, start)
    """,
    """
    UPDATE route_targets SET address = '+4930' || substr(address, 5)
    WHERE address LIKE '+41315%00'
    """,
    "INSERT INTO number_weeks (number) SELECT number FROM made",
    """
    INSERT INTO week_slots (number, position, weekdays, starts, ends, route)
    SELECT number, position, '{0,1,2,3,4}', starts + make_interval(mins => i % 50),
        starts + interval '4 hours', 'office'
    FROM made, (VALUES (0, time '07:00'), (1, time '13:00')) AS slots (position, starts)
    """,
    """
    INSERT INTO special_dates (number, position, name, first_day, last_day)
    SELECT number, 0, 'holidays', '2027-07-01', '2027-07-14' FROM made WHERE i % 10 = 0
    """,
    """
    INSERT INTO public_holidays (number, position, canton) SELECT number, 0, 'ZH'
    FROM made WHERE i % 5 = 0
    """,
    """
    INSERT INTO overrides (number, position, from_at, until_at, route)
    SELECT number, 0, '2027-05-01', '2027-05-02', 'night' FROM made WHERE i % 50 = 0
    """,
)
_BLACKLIST = """
    INSERT INTO blacklist (pattern, number, reason)
    SELECT CASE WHEN i % 10 < 7 THEN '+4179' || lpad(i::text, 7, '0')
            WHEN i % 10 < 9 THEN '+49170' || lpad(i::text, 7, '0')
            ELSE '+33' || 100000000 + i || '*' END,
        CASE WHEN i % 20 = 0 AND $2::int > 0 THEN (SELECT min(number) FROM numbers) END,
        (ARRAY['complaint', 'fraud', 'called 50 times a day', ''])[i % 4 + 1]
    FROM generate_series(0, $1::int - 1) AS i
"""


async def fill(connection: Connection, numbers: int, lines: int) -> None:
    """Write numbers with all that belongs to them, and lines of the blacklist."""
    async with connection.transaction():
        # What is written fits together; nothing is told of it, nothing checked.
        await connection.execute("SET LOCAL session_replication_role = replica")
        for statement in _STATEMENTS:
            await connection.execute(statement, *([numbers] if "$1" in statement else []))
        await connection.execute(_BLACKLIST, lines, numbers)
    await connection.execute("ANALYZE")
