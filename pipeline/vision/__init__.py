"""Who is in the picture and how strongly each face speaks: shots, tracks, crops, scores."""
