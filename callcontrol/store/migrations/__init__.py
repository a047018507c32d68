"""The schema of the database, one revision after the other, in plain SQL; run by Alembic."""
