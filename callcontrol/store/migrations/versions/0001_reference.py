"""The reference: gateways, customers, tariffs, numbers with what belongs to them, blacklist.

A value that can be scheduled has a table of its own with `effective_at`: the row that holds is
the one with the greatest `effective_at` that has come; what holds from the start is at
-infinity. A `route` that is null means closed.

Whatever a constraint can say is said here, so that a row written by hand is held to it too;
the rest (does a slot name a route there is, is a target allowed, is a price lawful) is judged
by whoever reads the rows. Every change is told on the channel `callcontrol_reference`, as
`numbers +41900123456`, `numbers *` when many changed at once, or the name of the section.
"""

from alembic import op

revision = "0001"
down_revision = None

_CATEGORIES = "('0800', '00800', '0840', '0842', '0844', '0848', '0900', '0901', '0906')"
_E164 = r"'^\+[1-9][0-9]{6,14}$'"
_NAME = r"'^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$'"
_OUTCOMES = "ARRAY['busy', 'no_answer', 'unreachable', 'rejected', 'failed']"
_PRESENTATIONS = "('caller', 'number', 'fixed', 'withheld')"
_OF_NUMBER = (
    "number text NOT NULL REFERENCES numbers ON UPDATE CASCADE ON DELETE CASCADE"
    " DEFERRABLE INITIALLY DEFERRED"
)
_EFFECTIVE_AT = "effective_at timestamptz NOT NULL DEFAULT '-infinity'"

_TABLES = (
    f"""
    CREATE TABLE gateways (
        name text PRIMARY KEY CHECK (name ~ {_NAME}),
        host text NOT NULL,
        port integer NOT NULL DEFAULT 5060 CHECK (port BETWEEN 1 AND 65535),
        transport text NOT NULL DEFAULT 'udp' CHECK (transport IN ('udp', 'tcp', 'tls')),
        prefix text NOT NULL DEFAULT '',
        number_format text NOT NULL DEFAULT 'e164'
            CHECK (number_format IN ('e164', 'international', 'national', 'digits')),
        trusted boolean NOT NULL DEFAULT false,
        identity_header text NOT NULL DEFAULT 'pai'
            CHECK (identity_header IN ('pai', 'rpid', 'none')),
        asserts text NOT NULL DEFAULT 'caller' CHECK (asserts IN ('caller', 'shown')),
        diversion_header text NOT NULL DEFAULT 'none'
            CHECK (diversion_header IN ('diversion', 'history-info', 'none'))
    )
    """,
    f"""
    CREATE TABLE customers (
        id text PRIMARY KEY CHECK (id ~ {_NAME}),
        name text NOT NULL DEFAULT '',
        parent text REFERENCES customers ON UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED
            CHECK (parent <> id),
        suspended boolean NOT NULL DEFAULT false,
        max_calls integer CHECK (max_calls >= 0),
        allowed_countries text[] NOT NULL DEFAULT '{{CH}}',
        proved_numbers text[] NOT NULL DEFAULT '{{}}'
    )
    """,
    f"""
    CREATE TABLE tariffs (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        name text NOT NULL UNIQUE CHECK (name ~ {_NAME})
    )
    """,
    # Ranges of one number stand for equality: GiST compares ranges without an extension.
    f"""
    CREATE TABLE tariff_tables (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        tariff_id bigint NOT NULL REFERENCES tariffs ON DELETE CASCADE,
        category text NOT NULL CHECK (category IN {_CATEGORIES}),
        currency text NOT NULL DEFAULT 'CHF',
        includes_vat boolean NOT NULL DEFAULT true,
        increment_s integer NOT NULL DEFAULT 1 CHECK (increment_s >= 1),
        free_s integer NOT NULL DEFAULT 0 CHECK (free_s >= 0),
        rounding_to numeric CHECK (rounding_to > 0),
        rounding_mode text NOT NULL DEFAULT 'up' CHECK (rounding_mode = 'up'),
        max_charge numeric CHECK (max_charge >= 0),
        valid_from timestamptz,
        valid_until timestamptz CHECK (valid_until > valid_from),
        version text NOT NULL DEFAULT '',
        language text NOT NULL DEFAULT 'de',
        spoken_above numeric CHECK (spoken_above >= 0),
        spoken_wait_s integer CHECK (spoken_wait_s >= 0),
        consent_fixed_above numeric CHECK (consent_fixed_above >= 0),
        consent_per_minute_above numeric CHECK (consent_per_minute_above >= 0),
        CONSTRAINT one_table_at_a_time EXCLUDE USING gist (
            int8range(tariff_id, tariff_id, '[]') WITH &&,
            tstzrange(valid_from, valid_until) WITH &&
        ) DEFERRABLE INITIALLY DEFERRED
    )
    """,
    """
    CREATE TABLE tariff_levels (
        table_id bigint NOT NULL REFERENCES tariff_tables ON DELETE CASCADE,
        level integer NOT NULL CHECK (level BETWEEN 1 AND 90),
        per_minute numeric NOT NULL DEFAULT 0 CHECK (per_minute >= 0),
        per_call numeric NOT NULL DEFAULT 0 CHECK (per_call >= 0),
        then_after_s integer CHECK (then_after_s >= 0),
        then_level integer CHECK (then_level <> level),
        PRIMARY KEY (table_id, level),
        FOREIGN KEY (table_id, then_level) REFERENCES tariff_levels
            DEFERRABLE INITIALLY DEFERRED,
        CHECK (num_nulls(then_after_s, then_level) IN (0, 2))
    )
    """,
    """
    CREATE TABLE tariff_fixed_charges (
        table_id bigint NOT NULL,
        level integer NOT NULL,
        position integer NOT NULL,
        amount numeric NOT NULL CHECK (amount >= 0),
        after_s integer NOT NULL CHECK (after_s >= 0),
        every_s integer CHECK (every_s >= 1),
        PRIMARY KEY (table_id, level, position),
        FOREIGN KEY (table_id, level) REFERENCES tariff_levels ON DELETE CASCADE
    )
    """,
    f"""
    CREATE TABLE numbers (
        number text PRIMARY KEY CHECK (number ~ {_E164}),
        category text NOT NULL CHECK (category IN {_CATEGORIES}),
        customer text NOT NULL REFERENCES customers ON UPDATE CASCADE
            DEFERRABLE INITIALLY DEFERRED,
        zone text NOT NULL DEFAULT 'Europe/Zurich',
        fixed_number text CHECK (fixed_number ~ {_E164}),
        refuses_withheld boolean NOT NULL DEFAULT false,
        level_keys boolean NOT NULL DEFAULT false,
        max_calls integer CHECK (max_calls >= 0),
        active_from timestamptz,
        active_until timestamptz CHECK (active_until > active_from),
        ported_out_at timestamptz,
        suspended boolean NOT NULL DEFAULT false,
        closed_message text,
        settlement_share numeric CHECK (settlement_share BETWEEN 0 AND 1),
        transport_voip numeric CHECK (transport_voip >= 0),
        transport_fixed numeric CHECK (transport_fixed >= 0),
        transport_mobile numeric CHECK (transport_mobile >= 0),
        transport_international numeric CHECK (transport_international >= 0),
        CONSTRAINT settlement_whole_or_none CHECK (num_nulls(settlement_share, transport_voip,
            transport_fixed, transport_mobile, transport_international) IN (0, 5))
    )
    """,
    "CREATE INDEX numbers_by_customer ON numbers (customer)",
    f"""
    CREATE TABLE number_tariffs (
        {_OF_NUMBER},
        {_EFFECTIVE_AT},
        tariff text NOT NULL REFERENCES tariffs (name) ON UPDATE CASCADE
            DEFERRABLE INITIALLY DEFERRED,
        PRIMARY KEY (number, effective_at)
    )
    """,
    "CREATE INDEX number_tariffs_by_tariff ON number_tariffs (tariff)",
    f"""
    CREATE TABLE number_levels (
        {_OF_NUMBER},
        {_EFFECTIVE_AT},
        level integer NOT NULL CHECK (level BETWEEN 1 AND 90),
        PRIMARY KEY (number, effective_at)
    )
    """,
    f"""
    CREATE TABLE number_presentations (
        {_OF_NUMBER},
        {_EFFECTIVE_AT},
        presentation text NOT NULL CHECK (presentation IN {_PRESENTATIONS}),
        PRIMARY KEY (number, effective_at)
    )
    """,
    f"""
    CREATE TABLE number_default_routes (
        {_OF_NUMBER},
        {_EFFECTIVE_AT},
        route text,
        PRIMARY KEY (number, effective_at)
    )
    """,
    f"""
    CREATE TABLE number_routes (
        {_OF_NUMBER},
        name text NOT NULL CHECK (name <> 'closed'),
        {_EFFECTIVE_AT},
        limit_s integer NOT NULL DEFAULT 120 CHECK (limit_s BETWEEN 1 AND 1800),
        PRIMARY KEY (number, name, effective_at)
    )
    """,
    f"""
    CREATE TABLE route_steps (
        number text NOT NULL,
        route text NOT NULL,
        {_EFFECTIVE_AT},
        step integer NOT NULL,
        ring_s integer NOT NULL DEFAULT 25 CHECK (ring_s BETWEEN 1 AND 300),
        next_on text[] NOT NULL DEFAULT {_OUTCOMES} CHECK (next_on <@ {_OUTCOMES}),
        presentation text CHECK (presentation IN {_PRESENTATIONS}),
        PRIMARY KEY (number, route, effective_at, step),
        FOREIGN KEY (number, route, effective_at) REFERENCES number_routes
            ON UPDATE CASCADE ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
    )
    """,
    f"""
    CREATE TABLE route_targets (
        number text NOT NULL,
        route text NOT NULL,
        {_EFFECTIVE_AT},
        step integer NOT NULL,
        position integer NOT NULL,
        address text NOT NULL,
        gateways text[] NOT NULL DEFAULT '{{}}',
        PRIMARY KEY (number, route, effective_at, step, position),
        FOREIGN KEY (number, route, effective_at, step) REFERENCES route_steps
            ON UPDATE CASCADE ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED
    )
    """,
    f"""
    CREATE TABLE number_weeks (
        {_OF_NUMBER},
        {_EFFECTIVE_AT},
        PRIMARY KEY (number, effective_at)
    )
    """,
    # A slot's seconds of the week, Monday 00:00 being 0: an end at or before the start is the
    # next day's, and Sunday night goes on into Monday.
    """
    CREATE FUNCTION seconds_of_week(weekdays smallint[], starts time, ends time)
    RETURNS int4multirange LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
        SELECT coalesce(range_agg(part), '{}')
        FROM unnest(weekdays) AS day,
        LATERAL (SELECT day * 86400 + extract(epoch FROM starts)::integer AS begins) AS one,
        LATERAL (SELECT begins + CASE WHEN ends > starts
            THEN extract(epoch FROM ends - starts)::integer
            ELSE 86400 - extract(epoch FROM starts - ends)::integer END AS stops) AS two,
        LATERAL (VALUES (int4range(begins, least(stops, 604800))),
            (int4range(0, greatest(stops - 604800, 0)))) AS parts (part)
    $$
    """,
    f"""
    CREATE TABLE week_slots (
        number text NOT NULL,
        {_EFFECTIVE_AT},
        position integer NOT NULL,
        weekdays smallint[] NOT NULL
            CHECK (cardinality(weekdays) > 0 AND weekdays <@ '{{0,1,2,3,4,5,6}}'),
        starts time NOT NULL CHECK (starts < '24:00'),
        ends time NOT NULL CHECK (ends < '24:00'),
        route text,
        PRIMARY KEY (number, effective_at, position),
        FOREIGN KEY (number, effective_at) REFERENCES number_weeks
            ON UPDATE CASCADE ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
        CONSTRAINT slots_do_not_overlap EXCLUDE USING gist (
            int8range(substr(number, 2)::bigint, substr(number, 2)::bigint, '[]') WITH &&,
            tstzrange(effective_at, effective_at, '[]') WITH &&,
            seconds_of_week(weekdays, starts, ends) WITH &&
        ) DEFERRABLE INITIALLY DEFERRED
    )
    """,
    f"""
    CREATE TABLE special_dates (
        {_OF_NUMBER},
        position integer NOT NULL,
        name text NOT NULL DEFAULT '',
        first_day date NOT NULL,
        last_day date NOT NULL CHECK (last_day >= first_day),
        route text,
        PRIMARY KEY (number, position)
    )
    """,
    f"""
    CREATE TABLE public_holidays (
        {_OF_NUMBER},
        position integer NOT NULL,
        canton text NOT NULL DEFAULT '',
        country text NOT NULL DEFAULT 'CH',
        route text,
        PRIMARY KEY (number, position)
    )
    """,
    f"""
    CREATE TABLE overrides (
        {_OF_NUMBER},
        position integer NOT NULL,
        from_at timestamptz NOT NULL,
        until_at timestamptz CHECK (until_at > from_at),
        route text,
        PRIMARY KEY (number, position)
    )
    """,
    f"""
    CREATE TABLE blacklist (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        pattern text NOT NULL,
        number text REFERENCES numbers ON UPDATE CASCADE ON DELETE CASCADE
            DEFERRABLE INITIALLY DEFERRED,
        customer text REFERENCES customers ON UPDATE CASCADE ON DELETE CASCADE
            DEFERRABLE INITIALLY DEFERRED,
        action text NOT NULL DEFAULT 'block' CHECK (action IN ('block', 'allow')),
        valid_from timestamptz,
        valid_until timestamptz CHECK (valid_until > valid_from),
        cause text NOT NULL DEFAULT 'CALL_REJECTED',
        reason text NOT NULL DEFAULT '',
        CHECK (number IS NULL OR customer IS NULL),
        CHECK (pattern ~ {_E164} OR pattern ~ '^\\+([1-9][0-9]{{0,14}})?\\*$'
            OR pattern = 'anonymous'),
        UNIQUE NULLS NOT DISTINCT (pattern, number, customer, action, valid_from)
    )
    """,
    "CREATE INDEX blacklist_by_number ON blacklist (number) WHERE number IS NOT NULL",
    "CREATE INDEX blacklist_by_customer ON blacklist (customer) WHERE customer IS NOT NULL",
)

# One notification for a table; for the tables of a number one each, up to a hundred. The
# sequence counts changes, also those rolled back: a reader that has seen its value has nothing
# new to read.
_FUNCTIONS = (
    "CREATE SEQUENCE reference_revision",
    """
    CREATE FUNCTION tell_section_changed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM nextval('reference_revision');
        PERFORM pg_notify('callcontrol_reference', TG_ARGV[0]);
        RETURN NULL;
    END $$
    """,
    """
    CREATE FUNCTION tell_numbers_changed() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        touched text[];
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            SELECT array_agg(number) INTO touched FROM
                (SELECT number FROM before UNION SELECT number FROM changed LIMIT 101) AS few;
        ELSE
            SELECT array_agg(number) INTO touched FROM
                (SELECT DISTINCT number FROM changed LIMIT 101) AS few;
        END IF;
        IF cardinality(touched) > 100 THEN
            touched := '{*}';
        END IF;
        PERFORM nextval('reference_revision');
        PERFORM pg_notify('callcontrol_reference', 'numbers ' || one)
            FROM unnest(touched) AS one;
        RETURN NULL;
    END $$
    """,
)

_SECTIONS = {
    "gateways": ("gateways",),
    "customers": ("customers",),
    "tariffs": ("tariffs", "tariff_tables", "tariff_levels", "tariff_fixed_charges"),
    "blacklist": ("blacklist",),
    "numbers *": (),
}
_NUMBER_TABLES = (
    "numbers",
    "number_tariffs",
    "number_levels",
    "number_presentations",
    "number_default_routes",
    "number_routes",
    "route_steps",
    "route_targets",
    "number_weeks",
    "week_slots",
    "special_dates",
    "public_holidays",
    "overrides",
)
_SEEN = {
    "INSERT": "NEW TABLE AS changed",
    "UPDATE": "OLD TABLE AS before NEW TABLE AS changed",
    "DELETE": "OLD TABLE AS changed",
}


def upgrade() -> None:
    """Create everything."""
    for statement in (*_TABLES, *_FUNCTIONS):
        op.execute(statement)
    for section, tables in (*_SECTIONS.items(), ("numbers *", _NUMBER_TABLES)):
        events = (
            "TRUNCATE" if tables is _NUMBER_TABLES else "INSERT OR UPDATE OR DELETE OR TRUNCATE"
        )
        for table in tables:
            op.execute(
                f"CREATE TRIGGER tell_{table} AFTER {events} ON {table} FOR EACH STATEMENT"
                f" EXECUTE FUNCTION tell_section_changed('{section}')"
            )
    for table in _NUMBER_TABLES:
        for event, seen in _SEEN.items():
            op.execute(
                f"CREATE TRIGGER tell_{table}_{event.lower()} AFTER {event} ON {table}"
                f" REFERENCING {seen} FOR EACH STATEMENT"
                " EXECUTE FUNCTION tell_numbers_changed()"
            )
