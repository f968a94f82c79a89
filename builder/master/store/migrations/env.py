"""Run by Alembic for every upgrade; `store/migration.py` starts it and gives it the connection.

A new version is a file in `versions/` with the next number, and the constant `migration.VERSION`. A test compares the
tables that all versions together make with `schema.py`, another upgrades every earlier version with rows in it.
"""

from alembic import context

from builder.master.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes a table by making it anew
)
with context.begin_transaction():
    context.run_migrations()
