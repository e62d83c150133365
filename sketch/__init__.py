"""A picture in, strokes out."""
