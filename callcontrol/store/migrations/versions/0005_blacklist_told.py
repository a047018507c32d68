"""The blacklist is told pattern by pattern, so that one new line does not re-read a million.

Up to a thousand changed patterns are told one by one, as `blacklist +41795550001` (platform),
`blacklist +4179* number +41900123456` or `blacklist anonymous customer acme`; more, or all
(TRUNCATE), as `blacklist`.
"""

from alembic import op

revision = "0005"
down_revision = "0004"

_FUNCTION = """
    CREATE FUNCTION tell_blacklist_changed() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
        touched text[];
    BEGIN
        IF TG_OP = 'UPDATE' THEN
            SELECT array_agg(DISTINCT place) INTO touched FROM (
                SELECT blacklist_place(pattern, number, customer) AS place FROM before
                UNION SELECT blacklist_place(pattern, number, customer) FROM changed
                LIMIT 1001) AS few;
        ELSE
            SELECT array_agg(DISTINCT place) INTO touched FROM (
                SELECT blacklist_place(pattern, number, customer) AS place FROM changed
                LIMIT 1001) AS few;
        END IF;
        IF touched IS NULL THEN
            RETURN NULL;
        END IF;
        PERFORM nextval('reference_revision');
        IF cardinality(touched) > 1000 THEN
            PERFORM pg_notify('callcontrol_reference', 'blacklist');
        ELSE
            PERFORM pg_notify('callcontrol_reference', 'blacklist ' || place)
                FROM unnest(touched) AS place;
        END IF;
        RETURN NULL;
    END $$
"""
_PLACE = """
    CREATE FUNCTION blacklist_place(pattern text, number text, customer text)
    RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
        SELECT pattern || coalesce(' number ' || number, ' customer ' || customer, '')
    $$
"""
_SEEN = {
    "INSERT": "NEW TABLE AS changed",
    "UPDATE": "OLD TABLE AS before NEW TABLE AS changed",
    "DELETE": "OLD TABLE AS changed",
}


def upgrade() -> None:
    """Replace what is told of the blacklist."""
    op.execute(_PLACE)
    op.execute(_FUNCTION)
    op.execute("DROP TRIGGER tell_blacklist ON blacklist")
    op.execute(
        "CREATE TRIGGER tell_blacklist AFTER TRUNCATE ON blacklist FOR EACH STATEMENT"
        " EXECUTE FUNCTION tell_section_changed('blacklist')"
    )
    for event, seen in _SEEN.items():
        op.execute(
            f"CREATE TRIGGER tell_blacklist_{event.lower()} AFTER {event} ON blacklist"
            f" REFERENCING {seen} FOR EACH STATEMENT"
            " EXECUTE FUNCTION tell_blacklist_changed()"
        )
