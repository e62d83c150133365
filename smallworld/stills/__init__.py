"""Things, scenes, pictures."""
