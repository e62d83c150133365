"""SVG, PNG, film, sheets."""
