"""The Library view: its files and failures, adding videos, rebuilding what can be made again."""
