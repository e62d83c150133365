"""File names that try to become more than names."""

HOSTILE_NAMES = (
    b'"><img src=x onerror=alert(1)>.mp4',
    b"**x** :red[y] $z$ [a](javascript:alert(1)) :smile: a -> b.mp4",
    b"new\nline.mp4",
    b"not-\xff-utf8.mp4",
)
