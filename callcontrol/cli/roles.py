"""`callcontrol roles`: the least-privilege database roles, as SQL."""

from __future__ import annotations

from callcontrol.store.roles import roles_sql


def roles() -> None:
    """Print the SQL that makes the database roles, for the schema's owner to run.

    `callcontrol roles | psql DATABASE`, again after each `callcontrol migrate`. Then give each
    engine, loader and reader a user of its own that is in its role.
    """
    print(roles_sql(), end="")
