"""The weekly plan of levels of a number, and whether its running calls change with it.

A slot goes before the number's level. Told on the channel of the reference and kept in its
history like every other table of a number.
"""

from alembic import op

revision = "0010"
down_revision = "0009"

_SLOTS = """
    CREATE TABLE level_slots (
        number text NOT NULL REFERENCES numbers ON UPDATE CASCADE ON DELETE CASCADE
            DEFERRABLE INITIALLY DEFERRED,
        position integer NOT NULL,
        weekdays smallint[] NOT NULL
            CHECK (cardinality(weekdays) > 0 AND weekdays <@ '{0,1,2,3,4,5,6}'),
        starts time NOT NULL CHECK (starts < '24:00'),
        ends time NOT NULL CHECK (ends < '24:00'),
        level integer NOT NULL CHECK (level BETWEEN 1 AND 90),
        PRIMARY KEY (number, position)
    )
"""

_TOLD = {
    "INSERT": "NEW TABLE AS changed",
    "UPDATE": "OLD TABLE AS before NEW TABLE AS changed",
    "DELETE": "OLD TABLE AS changed",
}
_KEPT = {
    "INSERT": "NEW TABLE AS after",
    "UPDATE": "OLD TABLE AS before NEW TABLE AS after",
    "DELETE": "OLD TABLE AS before",
}


def upgrade() -> None:
    """Create them."""
    op.execute("ALTER TABLE numbers ADD COLUMN level_week_live boolean NOT NULL DEFAULT false")
    op.execute(_SLOTS)
    for function, seen in (("tell_numbers_changed", _TOLD), ("keep_history", _KEPT)):
        for event, tables in seen.items():
            op.execute(
                f"CREATE TRIGGER {function.split('_')[0]}_level_slots_{event.lower()}"
                f" AFTER {event} ON level_slots REFERENCING {tables}"
                f" FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
            )
    op.execute(
        "CREATE TRIGGER tell_level_slots AFTER TRUNCATE ON level_slots FOR EACH STATEMENT"
        " EXECUTE FUNCTION tell_section_changed('numbers *')"
    )
    op.execute(
        "CREATE TRIGGER keep_level_slots_truncate BEFORE TRUNCATE ON level_slots"
        " FOR EACH STATEMENT EXECUTE FUNCTION keep_history()"
    )
