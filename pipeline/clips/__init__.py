"""The clips of a video: which sentences get one, and the results as a whole."""
