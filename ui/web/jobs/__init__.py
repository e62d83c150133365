"""Work that a page asks for."""
