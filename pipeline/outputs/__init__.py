"""Files that a run leaves, and their writers, readers and checks."""
