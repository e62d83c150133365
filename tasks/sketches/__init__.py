"""`kinodex sketch` and the pictures of sketches."""
