"""Clips of a video: the choice of sentences that get one, and the results as a whole."""
