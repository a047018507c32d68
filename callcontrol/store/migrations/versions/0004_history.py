"""The history of the reference: every row that came or went, when, by whom; only added to.

Kept by triggers, so that SQL by hand is in it like `load`. A row that is changed has gone as it
was and come as it is. Whatever is written whole leaves rows that go and come back the same in
one transaction: whoever reads the history lets these cancel out.
"""

from alembic import op

revision = "0004"
down_revision = "0003"

_TABLES = (
    "gateways",
    "customers",
    "tariffs",
    "tariff_tables",
    "tariff_levels",
    "tariff_fixed_charges",
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
    "blacklist",
)

_HISTORY = """
    CREATE TABLE reference_history (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        transaction xid8 NOT NULL DEFAULT pg_current_xact_id(),
        at timestamptz NOT NULL DEFAULT clock_timestamp(),
        who text NOT NULL DEFAULT session_user,
        program text NOT NULL DEFAULT current_setting('application_name'),
        in_table text NOT NULL,
        has_come boolean NOT NULL,
        content jsonb NOT NULL,
        number text GENERATED ALWAYS AS (content ->> 'number') STORED
    )
"""

# With the owner's rights: who may change a number need not be able to write history.
_KEEP = """
    CREATE FUNCTION keep_history() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT AS $$
    BEGIN
        IF TG_OP = 'INSERT' THEN
            INSERT INTO reference_history (in_table, has_come, content)
                SELECT TG_TABLE_NAME, true, to_jsonb(after) FROM after;
        ELSIF TG_OP = 'DELETE' THEN
            INSERT INTO reference_history (in_table, has_come, content)
                SELECT TG_TABLE_NAME, false, to_jsonb(before) FROM before;
        ELSIF TG_OP = 'UPDATE' THEN
            INSERT INTO reference_history (in_table, has_come, content)
                SELECT TG_TABLE_NAME, false, gone FROM
                    (SELECT to_jsonb(before) FROM before
                        EXCEPT SELECT to_jsonb(after) FROM after) AS one (gone);
            INSERT INTO reference_history (in_table, has_come, content)
                SELECT TG_TABLE_NAME, true, come FROM
                    (SELECT to_jsonb(after) FROM after
                        EXCEPT SELECT to_jsonb(before) FROM before) AS one (come);
        ELSE
            EXECUTE format('INSERT INTO reference_history (in_table, has_come, content)'
                ' SELECT %L, false, to_jsonb(gone) FROM %I AS gone',
                TG_TABLE_NAME, TG_TABLE_NAME);
        END IF;
        RETURN NULL;
    END $$
"""

_PROTECT = """
    CREATE FUNCTION keep_history_whole() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'the history of the reference is only added to'
            USING ERRCODE = 'restrict_violation';
    END $$
"""

_SEEN = {
    "INSERT": "REFERENCING NEW TABLE AS after",
    "UPDATE": "REFERENCING OLD TABLE AS before NEW TABLE AS after",
    "DELETE": "REFERENCING OLD TABLE AS before",
}


def upgrade() -> None:
    """Create it, with all there is as its beginning."""
    op.execute(_HISTORY)
    op.execute(
        "CREATE INDEX reference_history_of_number ON reference_history (number, id)"
        " WHERE number IS NOT NULL"
    )
    op.execute(_KEEP)
    op.execute(_PROTECT)
    op.execute(
        "CREATE TRIGGER keep_whole BEFORE UPDATE OR DELETE OR TRUNCATE ON reference_history"
        " FOR EACH STATEMENT EXECUTE FUNCTION keep_history_whole()"
    )
    for table in _TABLES:
        op.execute(
            "INSERT INTO reference_history (in_table, has_come, content)"  # noqa: S608  our words
            f" SELECT '{table}', true, to_jsonb(there) FROM {table} AS there"
        )
        for event, seen in _SEEN.items():
            op.execute(
                f"CREATE TRIGGER keep_{table}_{event.lower()} AFTER {event} ON {table} {seen}"
                " FOR EACH STATEMENT EXECUTE FUNCTION keep_history()"
            )
        op.execute(
            f"CREATE TRIGGER keep_{table}_truncate BEFORE TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION keep_history()"
        )
