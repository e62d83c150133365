"""Captions of pictures and clips, with the claims that they make, which can be checked."""
