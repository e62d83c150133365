"""Scripts that made the bundled model; not shipped in the wheel."""
