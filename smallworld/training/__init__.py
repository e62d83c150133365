"""Scripts that trained and measured the bundled models; they are not shipped in the wheel."""
