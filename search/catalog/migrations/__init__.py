"""Alembic: how a catalog of an earlier version becomes one of this version."""
