"""From decoded pictures to what a screen shows: sizes, colours, and small looks to compare."""
