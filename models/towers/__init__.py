"""CLIP's picture towers opened up, to read their hidden maps and to let them see several frames."""
