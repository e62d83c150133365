"""A library kept in order: caches checked, what can be mended mended, backups made, restored."""
