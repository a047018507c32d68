"""The past made cheap to keep and possible to read: history in bulk, retention; test calls.

A blacklist is changed by the million: lines that differ in their patterns alone are kept as one
row, whose `pattern` has all of theirs with blanks between. Old history may be forgotten, by
`forget_reference_history`, which also notes from when on the rest is whole.

Customers are told one by one (`customers acme`) up to a hundred at once, so that one changed
among twenty thousand is read alone.

A number that is not in service yet may be called by its `test_callers`.
"""

from alembic import op

revision = "0008"
down_revision = "0007"

_TERMS = "number, customer, action, valid_from, valid_until, cause, reason"

# Ten thousand at most in a row: a value of 130 kB, compressed to half.
_ALIKE = f"""
    INSERT INTO reference_history (in_table, has_come, content)
        SELECT 'blacklist', {{has_come}}, jsonb_build_object(
            'pattern', string_agg(pattern, ' ' ORDER BY pattern), 'number', number,
            'customer', customer, 'action', action, 'valid_from', valid_from,
            'valid_until', valid_until, 'cause', cause, 'reason', reason)
        FROM (SELECT pattern, {_TERMS}, row_number() OVER () / 10000 AS part
            FROM ({{source}}) AS lines) AS parts
        GROUP BY part, {_TERMS}
"""  # noqa: S608  our own words
_LINE = f"SELECT pattern, {_TERMS} FROM"


def _alike(has_come: str, source: str) -> str:
    return _ALIKE.format(has_come=has_come, source=source)


_KEEP_BLACKLIST = f"""
    CREATE FUNCTION keep_blacklist_history() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT AS $$
    BEGIN
        IF TG_OP = 'INSERT' THEN
            {_alike("true", f"{_LINE} after")};
        ELSIF TG_OP = 'DELETE' THEN
            {_alike("false", f"{_LINE} before")};
        ELSIF TG_OP = 'UPDATE' THEN
            {_alike("false", f"{_LINE} before EXCEPT {_LINE} after")};
            {_alike("true", f"{_LINE} after EXCEPT {_LINE} before")};
        ELSE
            {_alike("false", f"{_LINE} blacklist")};
        END IF;
        RETURN NULL;
    END $$
"""

_BEGINS = """
    CREATE TABLE reference_history_begins (
        at timestamptz NOT NULL,
        only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one)
    )
"""
_PROTECT = """
    CREATE OR REPLACE FUNCTION keep_history_whole() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' AND current_setting('callcontrol.forgets', true) = 'yes' THEN
            RETURN NULL;
        END IF;
        RAISE EXCEPTION 'the history of the reference is only added to'
            USING ERRCODE = 'restrict_violation';
    END $$
"""
# What is there now and what came and went since tell what was there before: nothing older is
# needed for that.
_FORGET = """
    CREATE FUNCTION forget_reference_history(before timestamptz) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
    DECLARE
        forgotten bigint;
    BEGIN
        PERFORM set_config('callcontrol.forgets', 'yes', true);
        DELETE FROM reference_history WHERE at < before;
        GET DIAGNOSTICS forgotten = ROW_COUNT;
        PERFORM set_config('callcontrol.forgets', '', true);
        UPDATE reference_history_begins SET at = greatest(at, least(before, clock_timestamp()));
        RETURN forgotten;
    END $$
"""

_TELL_CUSTOMERS = """
    CREATE FUNCTION tell_customers_changed() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        touched text[];
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            SELECT array_agg(id) INTO touched FROM
                (SELECT id FROM before UNION SELECT id FROM changed LIMIT 101) AS few;
        ELSE
            SELECT array_agg(id) INTO touched FROM
                (SELECT id FROM changed LIMIT 101) AS few;
        END IF;
        IF touched IS NULL THEN
            RETURN NULL;
        END IF;
        PERFORM nextval('reference_revision');
        IF cardinality(touched) > 100 THEN
            PERFORM pg_notify('callcontrol_reference', 'customers');
        ELSE
            PERFORM pg_notify('callcontrol_reference', 'customers ' || one)
                FROM unnest(touched) AS one;
        END IF;
        RETURN NULL;
    END $$
"""
_TOLD = {
    "INSERT": "NEW TABLE AS changed",
    "UPDATE": "OLD TABLE AS before NEW TABLE AS changed",
    "DELETE": "OLD TABLE AS changed",
}


def upgrade() -> None:
    """Replace what is kept and told; add the column."""
    op.execute(_KEEP_BLACKLIST)
    for event in ("insert", "update", "delete", "truncate"):
        op.execute(f"DROP TRIGGER keep_blacklist_{event} ON blacklist")
    for event, seen in (
        ("INSERT", "REFERENCING NEW TABLE AS after"),
        ("UPDATE", "REFERENCING OLD TABLE AS before NEW TABLE AS after"),
        ("DELETE", "REFERENCING OLD TABLE AS before"),
    ):
        op.execute(
            f"CREATE TRIGGER keep_blacklist_{event.lower()} AFTER {event} ON blacklist {seen}"
            " FOR EACH STATEMENT EXECUTE FUNCTION keep_blacklist_history()"
        )
    op.execute(
        "CREATE TRIGGER keep_blacklist_truncate BEFORE TRUNCATE ON blacklist"
        " FOR EACH STATEMENT EXECUTE FUNCTION keep_blacklist_history()"
    )
    op.execute("CREATE INDEX reference_history_at ON reference_history USING brin (at)")
    op.execute(_BEGINS)
    op.execute(
        "INSERT INTO reference_history_begins (at)"
        " SELECT coalesce(min(at), clock_timestamp()) FROM reference_history"
    )
    op.execute(_PROTECT)
    op.execute(_FORGET)
    op.execute(_TELL_CUSTOMERS)
    op.execute("DROP TRIGGER tell_customers ON customers")
    op.execute(
        "CREATE TRIGGER tell_customers AFTER TRUNCATE ON customers FOR EACH STATEMENT"
        " EXECUTE FUNCTION tell_section_changed('customers')"
    )
    for event, seen in _TOLD.items():
        op.execute(
            f"CREATE TRIGGER tell_customers_{event.lower()} AFTER {event} ON customers"
            f" REFERENCING {seen} FOR EACH STATEMENT EXECUTE FUNCTION tell_customers_changed()"
        )
    op.execute("ALTER TABLE numbers ADD COLUMN test_callers text[] NOT NULL DEFAULT '{}'")
