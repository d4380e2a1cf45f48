"""Faces in a video: shots, tracks, crops, persons and speaker scores."""
