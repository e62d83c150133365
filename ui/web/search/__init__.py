"""The Search view: asking in words, by picture or by drawing, and the hits."""
