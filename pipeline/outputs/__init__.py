"""The files that a run leaves: how each is written, read back and checked."""
