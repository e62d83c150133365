"""The small world: generated pictures, captions and clips whose every detail is known."""
