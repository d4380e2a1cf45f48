"""Weights that a run uses: their table, their places, and their download."""
