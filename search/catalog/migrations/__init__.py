"""Alembic migrations, which bring a catalog of an earlier version up to this one."""
