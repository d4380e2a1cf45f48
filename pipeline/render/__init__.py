"""Video files made from the source: its clips, cut to the camera's windows, and the annotated video."""
