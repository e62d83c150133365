"""Runs migrations on the connection that search.database hands over."""

from alembic import context

from search import tag_tables  # noqa: F401  (its tables are part of the metadata)
from search.catalog import Base

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
context.run_migrations()
