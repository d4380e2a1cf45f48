"""The tracks of the old way, on faces whose tracks are plain."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pytest

from benchmarks.baselines.old_tracks import MAX_GAP, old_crop, old_tracks

BOX = np.array([10.0, 20.0, 50.0, 60.0])


TO_THE_RIGHT = np.array([1.0, 0.0, 1.0, 0.0])


def faces(frames: int, missing: Collection[int] = (), step_px: float = 1.0) -> list[np.ndarray]:
    """One face that moves to the right."""
    moved = [BOX + i * step_px * TO_THE_RIGHT for i in range(frames)]
    return [np.zeros((0, 4)) if i in missing else box[None] for i, box in enumerate(moved)]


def test_frames_without_the_face_are_filled() -> None:
    (track,) = old_tracks(faces(30, {10, 11, 12}), 100)
    assert track.frames.tolist() == list(range(100, 130))
    np.testing.assert_allclose(track.boxes_px[11], BOX + 11 * TO_THE_RIGHT)


@pytest.mark.parametrize(("gap", "tracks"), [(MAX_GAP - 1, 1), (MAX_GAP, 2)])
def test_a_longer_gap_ends_a_track(gap: int, tracks: int) -> None:
    assert len(old_tracks(faces(60, set(range(25, 25 + gap)), step_px=0.1), 0)) == tracks


@pytest.mark.parametrize(("frames", "tracks"), [(10, 0), (11, 1)])
def test_a_short_track_is_dropped(frames: int, tracks: int) -> None:
    assert len(old_tracks(faces(frames), 0)) == tracks


def test_two_faces_side_by_side_are_two_tracks() -> None:
    both = [np.concatenate([boxes, boxes + 200]) for boxes in faces(20)]
    starts = [track.boxes_px[0].tolist() for track in old_tracks(both, 0)]
    assert starts == [BOX.tolist(), (BOX + 200).tolist()]


def test_a_path_is_centre_and_half_side_in_its_middle() -> None:
    (track,) = old_tracks(faces(31), 0)
    np.testing.assert_allclose(track.path()[15], [45.0, 40.0, 20.0])


def test_a_crop_is_grey_outside_the_picture() -> None:
    picture = np.zeros((100, 100, 3), np.uint8)
    crop = old_crop(picture, np.array([0.0, 50.0, 20.0]))
    assert crop.shape == (224, 224, 3)
    assert crop[112, 2].tolist() == [110, 110, 110]
    assert crop[112, 221].tolist() == [0, 0, 0]
