"""The history of the tables, which Alembic runs."""
