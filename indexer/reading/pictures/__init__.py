"""From decoded pictures to what a screen shows: sizes, colours, small looks to compare; and folders
of pictures that stand for videos."""
