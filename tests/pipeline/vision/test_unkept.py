"""Faces without a track are remembered in few stretches."""

from __future__ import annotations

from pipeline.types import TOO_SHORT, TOO_SMALL
from pipeline.vision import unkept
from pipeline.vision.unkept import UnkeptFaces


def test_stretches_of_one_cause_that_meet_are_one():
    faces = UnkeptFaces()
    for first, stop, cause in ((0, 5, TOO_SHORT), (3, 8, TOO_SMALL), (8, 12, TOO_SHORT), (60, 64, TOO_SHORT)):
        faces.add(first, stop, cause)
    assert faces.table().tolist() == [[0, 12, TOO_SHORT], [3, 8, TOO_SMALL], [60, 64, TOO_SHORT]]


def test_nothing_is_an_empty_table():
    assert UnkeptFaces().table().shape == (0, 3)


def test_there_are_only_so_many_and_the_last_goes_on(monkeypatch):
    monkeypatch.setattr(unkept, "MAX_STRETCHES", 2)
    faces = UnkeptFaces()
    for first in (0, 100, 200, 300):
        faces.add(first, first + 5, TOO_SHORT)
    assert faces.table().tolist() == [[0, 5, TOO_SHORT], [100, 305, TOO_SHORT]]
