"""The one loop and what trains in it."""
