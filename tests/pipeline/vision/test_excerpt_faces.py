"""Vision of a part of a video: faces, scores and cuts are those of the whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.outputs.tracks import read_tracks, write_tracks
from pipeline.types import AudioTrack, FrameBatch, ScoredTracks
from pipeline.vision.embedding import Embedder
from pipeline.vision.persons import IdentityByFace
from pipeline.vision.scenes import GivenShots
from pipeline.vision.session import VisionModels, VisionSession
from tests.pipeline.vision.synthetic import BASE, Detector, Face, Scorer, pictures

SHOTS = [(30, [Face(x=20, speed=1)]), (40, [Face(x=60), Face(x=10, y=20, speed=1, start=5)]), (30, [Face(x=40)])]


def _seen(
    tmp_path: Path, first: int, stop: int, given: list[int] | None = None, embedder: Embedder | None = None
) -> ScoredTracks:
    """What vision makes of frames ``[first, stop)`` of `SHOTS`, pushed in batches."""
    frames = pictures(SHOTS)[first:stop]
    sound = np.random.default_rng(5).integers(-3000, 3000, 100 * 640).astype("<i2")
    (tmp_path / "sound.pcm").write_bytes(sound.tobytes())
    audio = AudioTrack(tmp_path / "sound.pcm", len(sound))
    told: list[int] = []
    models = VisionModels(Detector(), Scorer(), "lip-motion", IdentityByFace(embedder) if embedder else None)
    shots = None if given is None else GivenShots(max(start - first, 0) for start in given)
    session = VisionSession(models, BASE, audio, 200, told.append, shots, first_frame=first)
    for begin in range(0, len(frames), 7):
        session.push(FrameBatch(first + begin, np.stack(frames[begin : begin + 7])))
    tracks = session.finish()
    assert isinstance(tracks, ScoredTracks)
    assert told[-1] == len(frames)
    return tracks


def _rows(tracks: ScoredTracks, first: int, stop: int) -> list[tuple[Any, ...]]:
    """Frame, box and logit of every face on these frames, in order."""
    columns = zip(tracks.frame.tolist(), tracks.box_px.tolist(), tracks.logit.round(4).tolist(), strict=True)
    return sorted((frame, box, logit) for frame, box, logit in columns if first <= frame < stop)


@pytest.mark.slow
@pytest.mark.parametrize(("first", "stop"), [(12, 100), (12, 60), (30, 70), (50, 95)])
def test_faces_are_those_of_the_whole(tmp_path: Path, first: int, stop: int) -> None:
    """The same boxes and scores on the same frames, counted in the file, and the same cuts."""
    whole, part = _seen(tmp_path, 0, 100), _seen(tmp_path, first, stop)
    assert (part.first_frame, part.frame_count) == (first, stop)
    wanted = sorted({first, *(cut for cut in whole.shot_starts.tolist() if first < cut < stop)})
    assert part.shot_starts.tolist() == wanted
    inner = first + 3, stop - 3  # the median over the path sees what lies around
    assert _rows(part, *inner) == _rows(whole, *inner)
    assert len(_rows(part, first, stop)) == len(_rows(whole, first, stop))


def test_given_shots_count_from_the_beginning_of_the_file(tmp_path: Path) -> None:
    assert _seen(tmp_path, 12, 60, [0, 5, 33, 90]).shot_starts.tolist() == [12, 33]


def test_tables_of_tracks_keep_where_they_begin(tmp_path: Path) -> None:
    part = _seen(tmp_path, 12, 60)
    write_tracks(tmp_path / "tracks.npz", part)
    got = read_tracks(tmp_path / "tracks.npz")
    assert (got.first_frame, got.frame_count, got.frame.min()) == (12, 60, part.frame.min())
    with np.load(tmp_path / "tracks.npz") as stored:
        older = {name: stored[name] for name in stored.files if name != "first_frame"}
    np.savez_compressed(tmp_path / "older.npz", **older)
    assert read_tracks(tmp_path / "older.npz").first_frame == 0


def test_faces_before_it_are_refused() -> None:
    with pytest.raises(ValueError, match=r"expected 5\.\.9, got 4\.\.4"):
        ScoredTracks(
            10,
            np.array([5], np.int32),
            *(np.zeros(1, np.int32), np.array([4], np.int32), np.zeros((1, 4), np.float32)),
            *(np.zeros(1, np.float32), np.zeros(1, np.float32)),
            first_frame=5,
        )
