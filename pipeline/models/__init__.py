"""The weights that a run uses: which there are, where they lie, and how they come here."""
