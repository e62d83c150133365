"""Where the views of the page lie."""

SEARCH, BROWSE, TAGS, LIBRARY = "search", "browse", "tags", "library"

# The first view lies at the root too.
PATHS = frozenset({"/", *(f"/{name}" for name in (SEARCH, BROWSE, TAGS, LIBRARY))})
