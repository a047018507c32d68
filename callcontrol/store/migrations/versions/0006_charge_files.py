"""The operators that callers belong to, and the files of charge records that they are sent.

A call that its caller's operator learns of by charge record is in one file, ever: the record
names its file, and once it does so it cannot name another. The numbers of an operator's files
have no gap: each refers to the one before it. A file is kept as it was made, so that it can be
written again, byte for byte.
"""

from alembic import op

revision = "0006"
down_revision = "0005"

_NAME = r"'^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$'"
_CLASSES = "('online', 'offline-a', 'offline-b')"

_OPERATORS = f"""
    CREATE TABLE operators (
        code text PRIMARY KEY CHECK (code ~ {_NAME} AND code <> 'unknown'),
        name text NOT NULL DEFAULT '',
        networks text[] NOT NULL DEFAULT '{{}}',
        prefixes text[] NOT NULL DEFAULT '{{}}',
        advice_of_charge boolean NOT NULL DEFAULT false
    )
"""
_TARIFF_CLASS = f"""
    ALTER TABLE tariff_tables ADD COLUMN tariff_class text CHECK (tariff_class IN {_CLASSES})
"""
_FILES = r"""
    CREATE TABLE charge_files (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        operator text NOT NULL,
        number integer NOT NULL CHECK (number >= 1),
        previous integer GENERATED ALWAYS AS (nullif(number - 1, 0)) STORED,
        day date NOT NULL,
        currency text NOT NULL,
        records integer NOT NULL CHECK (records >= 1),
        charged numeric NOT NULL CHECK (charged >= 0),
        sha256 text NOT NULL,
        content bytea CONSTRAINT content_is_what_was_made
            CHECK (encode(sha256(content), 'hex') = sha256),
        made_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        written_at timestamptz,
        UNIQUE (operator, number),
        CONSTRAINT no_gap FOREIGN KEY (operator, previous)
            REFERENCES charge_files (operator, number)
    )
"""
_RECORDS = f"""
    ALTER TABLE cdrs
        ADD COLUMN origin text,
        ADD COLUMN tariff_class text
            CONSTRAINT tariff_class_is_known CHECK (tariff_class IN {_CLASSES}),
        ADD COLUMN charge_file bigint REFERENCES charge_files,
        ADD CONSTRAINT only_charges_are_sent CHECK (charge_file IS NULL OR gross IS NOT NULL)
"""
# What is not sent yet; it is small however many records there are.
_DUE = """
    CREATE INDEX cdrs_due ON cdrs (received_at)
    WHERE charge_file IS NULL AND gross IS NOT NULL
        AND tariff_class IN ('offline-a', 'offline-b')
"""
_ONCE = """
    CREATE FUNCTION keep_charge_file() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'call % is in a charge file already', OLD.call_id
            USING ERRCODE = 'restrict_violation';
    END $$
"""
_KEEP_ONCE = """
    CREATE TRIGGER keep_charge_file BEFORE UPDATE OF charge_file ON cdrs FOR EACH ROW
    WHEN (OLD.charge_file IS NOT NULL AND NEW.charge_file IS DISTINCT FROM OLD.charge_file)
    EXECUTE FUNCTION keep_charge_file()
"""
_SEEN = {
    "INSERT": "REFERENCING NEW TABLE AS after",
    "UPDATE": "REFERENCING OLD TABLE AS before NEW TABLE AS after",
    "DELETE": "REFERENCING OLD TABLE AS before",
}


def upgrade() -> None:
    """Create everything; operators are told of and remembered like the other sections."""
    for statement in (_OPERATORS, _TARIFF_CLASS, _FILES, _RECORDS, _DUE, _ONCE, _KEEP_ONCE):
        op.execute(statement)
    op.execute(
        "CREATE TRIGGER tell_operators AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE"
        " ON operators FOR EACH STATEMENT EXECUTE FUNCTION tell_section_changed('operators')"
    )
    for event, seen in _SEEN.items():
        op.execute(
            f"CREATE TRIGGER keep_operators_{event.lower()} AFTER {event} ON operators {seen}"
            " FOR EACH STATEMENT EXECUTE FUNCTION keep_history()"
        )
    op.execute(
        "CREATE TRIGGER keep_operators_truncate BEFORE TRUNCATE ON operators"
        " FOR EACH STATEMENT EXECUTE FUNCTION keep_history()"
    )
