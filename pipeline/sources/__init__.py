"""The input of a run: which videos it works on, what lies beside them, and where the results of each go."""
