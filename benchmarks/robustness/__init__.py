"""Ends of runs: killed workers, lost machines, interruptions, bad files."""
