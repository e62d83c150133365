"""The browse view."""


def draw() -> None:
    """Draw the view for the address it was called with."""
