"""From a query to hits: candidates, their ranking, and the moments of each video."""
