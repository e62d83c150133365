"""`kinodex demo`: the whole way on videos that are made for it, from files to answers."""
