"""Time of runs, stages and networks."""
