"""Runs migrations on the connection that search.catalog.database hands over."""

from alembic import context

# Their tables are part of the metadata.
from search.catalog import tag_tables  # noqa: F401
from search.catalog.tables import Base

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
context.run_migrations()
