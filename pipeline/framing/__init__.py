"""Which part of the picture is shown at which time: camera windows over the frames of a clip."""
