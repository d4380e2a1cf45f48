"""Camera windows over the frames of a clip: the part of the picture that is shown at each time."""
