"""How a task talks and ends."""
