"""The records of calls, by month, with what a customer may see of them; the calls in progress.

One row per call. What happened in it (attempts, segments, lines of the price, changes,
announcements) is jsonb in that row and not in tables of its own: it is written once, together,
never changed, and read with its call. What is counted, summed or filtered is a column. Amounts
that need not be whole centimes are exact text ("1/60"); the columns made of them are rounded to
twelve decimals, for sums.

The constraints refuse what can never be true of a call, above all of its money; what is merely
odd is kept, since it is the only record of that call.

Months are UTC's. `cdrs_month` makes a partition, also for a role that may not create tables but
was granted to call it.
"""

from alembic import op

revision = "0002"
down_revision = "0001"

_DISPOSITIONS = (
    "('answered', 'blocked', 'closed', 'busy', 'no_answer', 'abandoned', 'unreachable',"
    " 'rejected', 'failed', 'congestion')"
)
_CHARGE = "currency, gross, net, vat, vat_rate, exact, rounding, is_capped"

# When a call was received, out of its id: a version 7 uuid with 48 bits of milliseconds and 12
# of the microsecond in it (callcontrol/cdr/call_id.py, to be changed together). A key is unique
# in one partition only; this makes it unique in all, as an id can only be in one of them.
_RECEIVED_AT = """timestamptz 'epoch' + interval '1 microsecond' * (
    ('x' || left(translate(call_id::text, '-', ''), 12))::bit(48)::bigint * 1000
    + ('x' || substr(call_id::text, 16, 3))::bit(12)::integer)"""


def _exact(amount: str) -> str:
    """Turn the text of an exact amount, such as 2.175 or 1/60, into a number for sums."""
    above, below = (f"split_part({amount}, '/', {part})" for part in (1, 2))
    return f"round({above}::numeric / coalesce(nullif({below}, '')::numeric, 1), 12)"


def _list(column: str) -> str:
    """Declare a column for a list of plain objects."""
    return f"""{column} jsonb NOT NULL
        CONSTRAINT {column}_are_a_list CHECK (jsonb_typeof({column}) = 'array')"""


def _priced(column: str) -> str:
    """Declare a column for such a list with amounts and seconds, none of them negative."""
    return f"""{_list(column)}
        CONSTRAINT {column}_not_negative CHECK (NOT (
            jsonb_path_exists({column}, '$[*].amount ? (@ starts with "-")')
            OR jsonb_path_exists({column}, '$[*].seconds ? (@ < 0)')))"""


_CDRS = f"""
    CREATE TABLE cdrs (
        call_id uuid NOT NULL,
        received_at timestamptz NOT NULL,
        routed_at timestamptz,
        ringing_at timestamptz,
        answered_at timestamptz,
        released_at timestamptz,
        stored_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        metered_us bigint NOT NULL CONSTRAINT metered_not_negative CHECK (metered_us >= 0),
        switch_uuid text NOT NULL,
        switch text NOT NULL,
        engine text NOT NULL,
        dialled text NOT NULL,
        number text,
        category text,
        customer text,
        caller text,
        caller_raw text NOT NULL,
        caller_withheld boolean NOT NULL,
        disposition text NOT NULL
            CONSTRAINT disposition_is_known CHECK (disposition IN {_DISPOSITIONS}),
        released_by text NOT NULL CONSTRAINT released_by_is_known CHECK (
            released_by IN ('caller', 'destination', 'engine', 'switch', 'unknown')),
        hangup_cause text NOT NULL,
        q850 smallint CONSTRAINT q850_in_range CHECK (q850 BETWEEN 1 AND 127),
        sip_code smallint CONSTRAINT sip_code_in_range CHECK (sip_code BETWEEN 100 AND 699),
        rule text NOT NULL,
        presentation text,
        other_leg_uuid text,
        tariff text,
        tariff_version text NOT NULL,
        level_at_start smallint
            CONSTRAINT level_in_range CHECK (level_at_start BETWEEN 1 AND 90),
        {_list("attempts")},
        {_priced("segments")},
        {_priced("lines")},
        {_list("changes")},
        {_list("announcements")},
        currency text,
        gross numeric CONSTRAINT gross_not_negative CHECK (gross >= 0),
        net numeric CONSTRAINT net_not_negative CHECK (net >= 0),
        vat numeric CONSTRAINT vat_not_negative CHECK (vat >= 0),
        vat_rate numeric CONSTRAINT vat_rate_in_range CHECK (vat_rate BETWEEN 0 AND 1),
        exact text CONSTRAINT exact_not_negative CHECK (left(exact, 1) <> '-'),
        rounding text,
        is_capped boolean,
        settlement jsonb,
        share numeric GENERATED ALWAYS AS ({_exact("(settlement->>'share')")}) STORED,
        transport numeric GENERATED ALWAYS AS ({_exact("(settlement->>'transport')")}) STORED,
        payout numeric GENERATED ALWAYS AS ({_exact("(settlement->>'payout')")}) STORED,
        closed_how text NOT NULL CONSTRAINT closed_how_is_known CHECK (
            closed_how IN ('normal', 'recovered', 'reconciled')),
        flags text[] NOT NULL,
        PRIMARY KEY (received_at, call_id),
        CONSTRAINT call_id_tells_received_at CHECK (received_at = {_RECEIVED_AT}),
        CONSTRAINT charge_whole_or_none CHECK (num_nulls({_CHARGE}) IN (0, 8)),
        CONSTRAINT net_and_vat_are_gross CHECK (net + vat = gross),
        -- Postgres sorts NaN above infinity.
        CONSTRAINT charge_is_a_number CHECK (gross < 'infinity'),
        CONSTRAINT charged_only_when_answered CHECK (gross = 0 OR answered_at IS NOT NULL)
    ) PARTITION BY RANGE (received_at)
"""

# The key serves "newest first" of everything; these serve a customer's and a number's list.
_INDEXES = (
    "CREATE INDEX cdrs_by_customer ON cdrs (customer, received_at)",
    "CREATE INDEX cdrs_by_number ON cdrs (number, received_at)",
)

# It runs with its owner's rights: its names mean its own schema and nobody's temporary tables,
# and what it formats does not depend on the caller's session.
#
# The lock is the one that attaching takes: it keeps out others who attach and nobody else;
# CREATE TABLE … PARTITION OF would keep out all. A table of that name that is no partition is
# a month that somebody has taken out: it stays out.
_MONTH = """
    CREATE FUNCTION cdrs_month(at timestamptz) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = {schema}, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO' AS $$
    DECLARE
        first timestamptz := date_trunc('month', at, 'UTC');
        month text := to_char(first AT TIME ZONE 'UTC', '"cdrs_"YYYY_MM');
    BEGIN
        IF to_regclass(month) IS NOT NULL THEN
            RETURN;
        END IF;
        LOCK TABLE cdrs IN SHARE UPDATE EXCLUSIVE MODE;
        IF to_regclass(month) IS NOT NULL THEN
            RETURN;
        END IF;
        EXECUTE format('CREATE TABLE %I (LIKE cdrs INCLUDING ALL)', month);
        EXECUTE format('ALTER TABLE cdrs ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
            month, first, (first AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC');
    END $$
"""

# All a customer may ever be given, lists and exports included: no withheld number is in it.
# Not a security barrier: that would sort all of a customer's calls to show the newest twenty,
# and a function in somebody's WHERE is shown the CASE's value anyway.
_CUSTOMER_CDRS = f"""
    CREATE VIEW customer_cdrs AS
    SELECT call_id, customer, number, category, received_at, routed_at, ringing_at,
        answered_at, released_at, metered_us,
        CASE WHEN NOT caller_withheld THEN caller END AS caller, caller_withheld,
        disposition, released_by, hangup_cause, q850, rule, presentation, attempts,
        tariff, tariff_version, level_at_start, segments, lines, changes, announcements,
        {_CHARGE}, settlement, share, transport, payout, closed_how
    FROM cdrs
    WHERE customer IS NOT NULL
"""  # noqa: S608  a constant

# Rows are rewritten at every change of their call; the room left in a page keeps that cheap.
_CALLS_IN_PROGRESS = """
    CREATE TABLE calls_in_progress (
        call_id uuid PRIMARY KEY,
        engine text NOT NULL,
        switch_uuid text NOT NULL,
        number text,
        category text,
        customer text,
        caller text,
        state text NOT NULL,
        received_at timestamptz NOT NULL,
        answered_at timestamptz,
        meter_start_us bigint,
        tariff text,
        tariff_version text NOT NULL,
        level smallint,
        changes jsonb NOT NULL,
        updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
    ) WITH (fillfactor = 50)
"""


def upgrade() -> None:
    """Create everything, with this month's partition and the next."""
    schema = op.get_bind().exec_driver_sql("SELECT quote_ident(current_schema())").scalar()
    month = _MONTH.format(schema=schema)
    for statement in (_CDRS, *_INDEXES, month, _CUSTOMER_CDRS, _CALLS_IN_PROGRESS):
        op.execute(statement)
    op.execute("REVOKE EXECUTE ON FUNCTION cdrs_month FROM PUBLIC")
    op.execute("SELECT cdrs_month(now()), cdrs_month(now() + interval '1 month')")
