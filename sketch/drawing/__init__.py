"""CLIPasso."""
