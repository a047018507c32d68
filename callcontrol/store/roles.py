"""The database roles, each with what it needs and no more, as SQL for the schema's owner.

They are groups without a login. Each program is given a user of its own that is in one of them;
the owner alone, who runs `callcontrol migrate`, may change the schema. Running the SQL again is
harmless, and needed after a migration that brings a table. A table that stands in no list here
fails a test, so that somebody decides who may see it.
"""

from __future__ import annotations

from collections.abc import Iterator

REFERENCE = (
    "gateways", "operators", "customers", "tariffs", "tariff_tables", "tariff_levels",
    "tariff_fixed_charges", "numbers", "number_tariffs", "number_levels",
    "number_presentations", "number_default_routes", "number_routes", "route_steps",
    "route_targets", "number_weeks", "week_slots", "special_dates", "public_holidays",
    "overrides", "level_slots", "blacklist",
)  # fmt: skip
REFERENCE_SEQUENCES = (
    "reference_revision", "tariffs_id_seq", "tariff_tables_id_seq", "blacklist_id_seq",
)  # fmt: skip

ROLES = {
    "callcontrol_engine": "reads what is configured, writes records and calls in progress",
    "callcontrol_loader": "changes what is configured, asks for levels; sees no call",
    "callcontrol_reader": "sees the calls of customers, and no withheld caller",
    "callcontrol_operator": "sees everything, withheld callers too; writes charge files",
}
"""Each role's name, and what it is for."""

_ALL = ", ".join(REFERENCE)
_CHANGE = "SELECT, INSERT, UPDATE, DELETE"
_GRANTS = {
    "callcontrol_engine": (
        f"SELECT ON alembic_version, {_ALL}, reference_revision",
        "INSERT ON cdrs",
        # What an insert looks at to find that the record is there already.
        "SELECT (received_at, call_id) ON cdrs",
        "EXECUTE ON FUNCTION cdrs_month",
        f"{_CHANGE} ON calls_in_progress, level_outcomes, reference_in_force, reference_faults",
        # Requests that are done with are cleared away.
        "SELECT, DELETE ON level_requests",
    ),
    "callcontrol_loader": (
        f"SELECT ON alembic_version, {', '.join(REFERENCE_SEQUENCES)}",
        f"{_CHANGE} ON {_ALL}",
        f"USAGE ON SEQUENCE {', '.join(REFERENCE_SEQUENCES)}, level_requests_id_seq",
        "SELECT ON reference_history, reference_history_begins",
        "SELECT ON reference_in_force, reference_faults",
        "SELECT, INSERT, DELETE ON level_requests",
        "SELECT ON level_outcomes",
        # Is the call there whose level is asked for? Nothing tells who called.
        "SELECT (call_id, number, answered_at) ON calls_in_progress",
    ),
    "callcontrol_reader": ("SELECT ON customer_cdrs, calls_in_progress",),
    "callcontrol_operator": (
        f"SELECT ON alembic_version, reference_revision, {_ALL}",
        "SELECT ON reference_history, reference_history_begins, forgettings",
        "SELECT ON reference_in_force, reference_faults",
        "SELECT ON cdrs, customer_cdrs, calls_in_progress, level_requests, level_outcomes",
        "SELECT, INSERT, UPDATE ON charge_files",
        "UPDATE (charge_file) ON cdrs",
        "USAGE ON SEQUENCE charge_files_id_seq",
    ),
}


def roles_sql() -> str:
    """Give the SQL that makes the roles, or brings them to this version.

    It works on the schema that the session's search path names first.
    """
    return "\n".join(_statements()) + "\n"


def _statements() -> Iterator[str]:
    yield "-- Run as the owner of the schema: callcontrol roles | psql DATABASE"
    yield "-- Then, for each program: CREATE USER … PASSWORD '…' IN ROLE callcontrol_engine;"
    yield "BEGIN;"
    for role, meaning in ROLES.items():
        yield f"\n-- {role}: {meaning}"
        yield (
            f"DO $$ BEGIN CREATE ROLE {role} NOLOGIN;"
            " EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;"
        )
        # From nothing: what a former version allowed may be too much now.
        for kind in ("TABLES", "SEQUENCES", "FUNCTIONS"):
            yield (
                "DO $$ BEGIN EXECUTE format("
                f"'REVOKE ALL ON ALL {kind} IN SCHEMA %I FROM {role}', current_schema());"
                " END $$;"
            )
        yield (
            "DO $$ BEGIN EXECUTE format("
            f"'GRANT USAGE ON SCHEMA %I TO {role}', current_schema()); END $$;"
        )
        for grant in _GRANTS[role]:
            yield f"GRANT {grant} TO {role};"
    yield "\n-- These run with the owner's rights."
    yield "REVOKE EXECUTE ON FUNCTION cdrs_month, forget_reference_history FROM PUBLIC;"
    yield "COMMIT;"
