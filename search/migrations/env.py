"""Runs migrations on the connection that search.database hands over."""

from alembic import context

# Their tables are part of the metadata.
from search import sketch_tables, tag_tables  # noqa: F401
from search.catalog import Base

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
context.run_migrations()
