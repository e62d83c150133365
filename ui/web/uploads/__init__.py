"""Uploads: videos go from the browser to the library's folder, piece by piece."""
