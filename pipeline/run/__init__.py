"""One run, from the command line to its report: its plan, its work, its display and its summary."""
