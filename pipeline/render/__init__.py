"""Video files made of the source: its clips, cut to the windows of the camera, and the annotated video."""
