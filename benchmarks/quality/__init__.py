"""Correctness of speakers, words, persons, shots and clips, on videos whose truth is known."""
