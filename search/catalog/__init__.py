"""The SQL catalog, which is the truth of a library; `store.Store` opens it."""
