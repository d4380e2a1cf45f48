"""``tracks.npz``."""

from __future__ import annotations

import dataclasses
import hashlib
import zipfile
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import InputError
from pipeline.outputs.tracks import read_faces, read_picture_sizes, read_tracks, tracks_mark, write_tracks
from pipeline.types import FaceTracks, PictureSizes, ScoredTracks

SCORED = "4b88923793e77ab6909714343483880911ac14fdecf316b1f34cd0558c95c77f"
"""SHA-256 of names and arrays of a file, recorded when the activity and the sync contrast came in."""


def _tracks(rows: int = 3) -> ScoredTracks:
    return ScoredTracks(
        frame_count=40,
        shot_starts=np.array([0, 20], np.int32),
        track=np.zeros(rows, np.int32),
        frame=np.arange(5, 5 + rows, dtype=np.int32),
        box_px=np.arange(4 * rows, dtype=np.float32).reshape(rows, 4),
        logit=np.linspace(-1, 1, rows, dtype=np.float32),
        probability=np.linspace(0, 1, rows, dtype=np.float32),
    )


@pytest.mark.parametrize("rows", [0, 3])
def test_tracks_come_back_as_they_were(tmp_path: Path, rows: int) -> None:
    tracks = _tracks(rows)
    write_tracks(tmp_path / "tracks.npz", tracks)
    back = read_tracks(tmp_path / "tracks.npz")
    assert back.frame_count == 40
    for name in ("shot_starts", "track", "frame", "box_px", "logit", "probability"):
        np.testing.assert_array_equal(getattr(back, name), getattr(tracks, name))


def test_the_file_holds_the_arrays_that_are_promised(tmp_path: Path) -> None:
    write_tracks(tmp_path / "tracks.npz", _tracks())
    with np.load(tmp_path / "tracks.npz", allow_pickle=False) as stored:
        assert {name: (stored[name].dtype.name, stored[name].ndim) for name in stored.files} == {
            "frame_count": ("int64", 0),
            "first_frame": ("int64", 0),
            "shot_starts": ("int32", 1),
            "track": ("int32", 1),
            "frame": ("int32", 1),
            "box_px": ("float32", 2),
            "logit": ("float32", 1),
            "probability": ("float32", 1),
            "activity": ("float32", 1),
            "sync_contrast": ("float32", 1),
            "person": ("int32", 1),
            "unkept": ("int32", 2),
            "losses": ("float64", 1),
            "fingerprint": ("str32", 0),
        }


def test_faces_without_scores_come_back_and_are_told_from_those_with(tmp_path: Path) -> None:
    path, tracks = tmp_path / "tracks.npz", _tracks()
    write_tracks(path, tracks.faces, mark="faces")
    back = read_faces(path)
    assert type(back) is FaceTracks and tracks_mark(path) == "faces"
    for each in dataclasses.fields(FaceTracks):
        np.testing.assert_array_equal(getattr(back, each.name), getattr(tracks, each.name))
    with np.load(path, allow_pickle=False) as stored:
        assert not {"logit", "probability"} & set(stored.files)
    write_tracks(path, tracks)
    again = read_faces(path)
    assert isinstance(again, ScoredTracks)
    np.testing.assert_array_equal(again.logit, tracks.logit)


def test_who_needs_scores_is_told_that_there_are_none(tmp_path: Path) -> None:
    write_tracks(tmp_path / "tracks.npz", _tracks().faces)
    with pytest.raises(InputError, match=r"tracks\.npz.*without speaker scores") as caught:
        read_tracks(tmp_path / "tracks.npz")
    assert caught.value.reason_code == "no_scores"


@pytest.mark.parametrize("lost", ["logit", "probability"])
def test_half_of_the_scores_is_a_damaged_file(tmp_path: Path, lost: str) -> None:
    path = tmp_path / "tracks.npz"
    write_tracks(path, _tracks())
    with np.load(path, allow_pickle=False) as stored:
        np.savez_compressed(path, **{name: stored[name] for name in stored.files if name != lost})
    for read in (read_faces, read_tracks):
        with pytest.raises(InputError) as caught:
            read(path)
        assert caught.value.reason_code == "bad_tracks"


def test_the_file_of_a_scored_video_is_the_same_to_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "tracks.npz"
    write_tracks(path, _tracks(), mark="mark", sizes=PictureSizes((640, 360), (640, 360)))
    with zipfile.ZipFile(path) as stored:
        content = b"".join(name.encode() + stored.read(name) for name in stored.namelist())
    assert hashlib.sha256(content).hexdigest() == SCORED


def test_faces_without_a_track_come_back_and_earlier_files_have_none(tmp_path: Path) -> None:
    path, seen = tmp_path / "tracks.npz", np.array([[3, 7, 0]], np.int32)
    write_tracks(path, dataclasses.replace(_tracks(), unkept=seen))
    assert read_tracks(path).unkept.tolist() == [[3, 7, 0]]
    with np.load(path, allow_pickle=False) as stored:
        np.savez_compressed(path, **{name: stored[name] for name in stored.files if name != "unkept"})
    assert read_tracks(path).unkept.shape == (0, 3)


def test_sizes_of_pictures_come_back(tmp_path: Path) -> None:
    sizes = PictureSizes((3840, 2160), (1920, 1080))
    write_tracks(tmp_path / "tracks.npz", _tracks(), sizes=sizes)
    assert read_picture_sizes(tmp_path / "tracks.npz") == sizes
    assert read_tracks(tmp_path / "tracks.npz").frame_count == 40
    write_tracks(tmp_path / "tracks.npz", _tracks())
    assert read_picture_sizes(tmp_path / "tracks.npz") is None


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_tracks(tmp_path / "none.npz")
    assert caught.value.reason_code == "unreadable"


def _text(path: Path) -> None:
    path.write_text("no table")


def _nothing(path: Path) -> None:
    path.write_bytes(b"")


def _half(path: Path) -> None:
    write_tracks(path, _tracks())
    path.write_bytes(path.read_bytes()[:300])


def _lacking(path: Path) -> None:
    np.savez(path, track=np.zeros(0, np.int32))


def _one_array(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.zeros(3))


def _pickled(path: Path) -> None:
    np.savez(path, frame_count=np.array([{"a": 1}], object))


def _wrong_type(path: Path) -> None:
    none = np.zeros(0)
    np.savez(path, frame_count=9, shot_starts=none, track=none, frame=none, box_px=none, logit=none, probability=none)


@pytest.mark.parametrize("spoil", [_text, _nothing, _half, _lacking, _one_array, _pickled, _wrong_type])
def test_another_file_is_refused(tmp_path: Path, spoil) -> None:
    path = tmp_path / "tracks.npz"
    spoil(path)
    with pytest.raises(InputError, match=r"tracks\.npz") as caught:
        read_tracks(path)
    assert caught.value.reason_code == "bad_tracks"
