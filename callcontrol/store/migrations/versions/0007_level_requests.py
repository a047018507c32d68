"""Requests for another level in running calls, and what came of them in each call.

A request is for one call or for all calls of a number, at once or from an instant on. It is
told whole on the channel `callcontrol_level_requests`, so that no engine has to read it first;
taking the row away withdraws it as long as it has not been dealt with. Each engine writes what
came of it in its own calls, told on `callcontrol_level_outcomes` as the request's number.
"""

from alembic import op

revision = "0007"
down_revision = "0006"

_REQUESTS = r"""
    CREATE TABLE level_requests (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        call_id uuid,
        number text REFERENCES numbers ON UPDATE CASCADE ON DELETE CASCADE,
        level smallint NOT NULL CHECK (level BETWEEN 1 AND 90),
        effective_at timestamptz,
        asked_by text NOT NULL DEFAULT session_user
            CONSTRAINT asked_by_is_a_name CHECK (
                asked_by ~ '^[^[:cntrl:]]{1,64}$'
                AND asked_by NOT IN ('destination', 'step', 'plan')),
        asked_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        CONSTRAINT for_a_call_or_a_number CHECK (num_nonnulls(call_id, number) = 1),
        CONSTRAINT effective_at_is_an_instant CHECK (isfinite(effective_at))
    )
"""

_OUTCOMES = """
    CREATE TABLE level_outcomes (
        request bigint NOT NULL REFERENCES level_requests ON DELETE CASCADE,
        call_id uuid NOT NULL,
        engine text NOT NULL,
        in_force_at timestamptz,
        refused text,
        told_at timestamptz NOT NULL DEFAULT clock_timestamp(),
        PRIMARY KEY (request, call_id),
        CONSTRAINT in_force_or_refused CHECK (num_nonnulls(in_force_at, refused) = 1)
    )
"""

# Times go as microseconds since the epoch, exactly; callcontrol/store/level_rows.py reads it.
_TELL_REQUEST = """
    CREATE FUNCTION tell_level_request() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' THEN
            PERFORM pg_notify('callcontrol_level_requests',
                json_build_object('withdrawn', OLD.id)::text);
        ELSIF TG_OP = 'UPDATE' THEN
            RAISE EXCEPTION 'a request is withdrawn and made anew, not changed'
                USING ERRCODE = 'restrict_violation';
        ELSE
            PERFORM pg_notify('callcontrol_level_requests', level_request_text(NEW));
        END IF;
        RETURN NULL;
    END $$
"""

_REQUEST_TEXT = """
    CREATE FUNCTION level_request_text(request level_requests) RETURNS text
    LANGUAGE sql STABLE AS $$
        SELECT json_build_object(
            'id', request.id, 'level', request.level, 'by', request.asked_by,
            'asked_us', (extract(epoch FROM request.asked_at) * 1000000)::bigint,
            'effective_us', (extract(epoch FROM request.effective_at) * 1000000)::bigint,
            'call_id', request.call_id, 'number', request.number)::text
    $$
"""

_TELL_OUTCOME = """
    CREATE FUNCTION tell_level_outcome() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_notify('callcontrol_level_outcomes', NEW.request::text);
        RETURN NULL;
    END $$
"""


def upgrade() -> None:
    """Create them."""
    for statement in (_REQUESTS, _OUTCOMES, _REQUEST_TEXT, _TELL_REQUEST, _TELL_OUTCOME):
        op.execute(statement)
    op.execute(
        "CREATE INDEX level_requests_by_due"
        " ON level_requests ((coalesce(effective_at, asked_at)))"
    )
    op.execute(
        "CREATE TRIGGER tell AFTER INSERT OR UPDATE OR DELETE ON level_requests"
        " FOR EACH ROW EXECUTE FUNCTION tell_level_request()"
    )
    op.execute(
        "CREATE TRIGGER tell AFTER INSERT OR UPDATE ON level_outcomes"
        " FOR EACH ROW EXECUTE FUNCTION tell_level_outcome()"
    )
    op.execute("ALTER TABLE calls_in_progress ADD COLUMN level_at_start smallint")
