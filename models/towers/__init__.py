"""Picture towers opened up: hidden maps; towers that see time."""
