"""What of a picture is drawn: its subject, found by motion, contrast and what a model sees."""
