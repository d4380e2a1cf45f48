"""Input of a run: its videos, the user's files beside them, and the folders of their results."""
