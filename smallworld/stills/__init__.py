"""Pictures of the small world: things, scenes, and how they are drawn."""
