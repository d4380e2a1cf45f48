"""Verdicts on results made by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.common.judging import Verdict, average_precision, judge
from benchmarks.common.truth import Truth, Turn, read_truth
from pipeline.errors import InputError
from pipeline.outputs.tracks import write_tracks
from pipeline.types import ScoredTracks

LEFT, RIGHT = [0, 0, 50, 50], [100, 0, 150, 50]


def _truth() -> Truth:
    """Two seconds: the left one speaks in the first, the right one in the second, who is not in view at the end."""
    left, right = np.tile(np.array(LEFT, float), (50, 1)), np.tile(np.array(RIGHT, float), (50, 1))
    right[40:] = np.nan
    return Truth("talk", (Turn("ann", 0.0, 1.0), Turn("ben", 1.0, 2.0)), {"ann": left, "ben": right})


def _verdict(folder: Path, tracks_of_words: list[int | None]) -> Verdict:
    """Faces that are always right but for frame 30, and words of half a second on the given tracks."""
    scores = np.where(np.arange(50) < 25, 2.0, -2.0)
    scores[30] = 5.0
    tracks = ScoredTracks(
        frame_count=50,
        shot_starts=np.array([0], np.int32),
        track=np.repeat(np.array([0, 1], np.int32), [50, 40]),
        frame=np.concatenate([np.arange(50), np.arange(40)]).astype(np.int32),
        box_px=np.concatenate([np.tile(LEFT, (50, 1)), np.tile(RIGHT, (40, 1))]).astype(np.float32),
        logit=np.concatenate([scores, np.where(np.arange(40) < 25, -1.0, 1.0)]).astype(np.float32),
        probability=np.zeros(90, np.float32),
    )
    write_tracks(folder / "tracks.npz", tracks)
    words = [
        {"start": i / 2, "end": i / 2 + 0.5, "speaker_track": track} for i, track in enumerate(tracks_of_words)
    ]  # fmt: skip
    (folder / "transcript.json").write_text(json.dumps({"segments": [{"words": words}]}))
    (folder / "output").mkdir()
    clip = {"words": [{"start": 0.1, "end": 1.0}]}
    (folder / "output" / "manifest.json").write_text(json.dumps({"clips": [clip], "dropped": []}))
    return judge(_truth(), folder)


def test_frames(tmp_path: Path) -> None:
    """Both are in view on 40 frames, on one of which the wrong face has the higher score."""
    verdict = _verdict(tmp_path, [0, 0, 1, None])
    assert (verdict.frames, verdict.frames_right) == (40, 39)
    assert verdict.positives == 40
    assert int(verdict.labels.sum()) == 40


@pytest.mark.parametrize(
    ("chosen", "right"),
    [([0, 0, 1, None], 4), ([0, 0, 1, 0], 3), ([1, None, 0, 0], 0)],
)
def test_words(tmp_path: Path, chosen: list[int | None], right: int) -> None:
    """The last word begins at 1.5 s, where ben is seen on 3 of its 13 frames only: nobody's."""
    verdict = _verdict(tmp_path, chosen)
    assert (verdict.words, verdict.words_right) == (4, right)


def test_the_rule_of_the_whole_track(tmp_path: Path) -> None:
    """Over their tracks ann has a mean of 0.14 and ben of -0.25: ann is taken for all that is said."""
    assert _verdict(tmp_path, [0, 0, 1, None]).words_right_by_mean == 2


def test_boundaries_are_compared_both_ways(tmp_path: Path) -> None:
    """Starts: 0.1 to 0, and from 0 and 1 to 0.1. Ends: 1 to 1, and from 1 and 2 to 1."""
    errors = _verdict(tmp_path, [0, 0, 1, None]).boundary_errors_s
    assert sorted(errors.round(6)) == [0.0, 0.0, 0.1, 0.1, 0.9, 1.0]


@pytest.mark.parametrize(
    ("labels", "positives", "expected"),
    [
        ([1, 1, 0, 0], 2, 1.0),
        ([0, 1, 1, 0], 2, 2 / 3),  # precision 1/2 and 2/3 at the two hits, made monotone
        ([1, 0, 1, 0], 2, (1 + 2 / 3) / 2),
        ([1, 1, 0, 0], 4, 0.5),  # two of four were never found
        ([0, 0, 0, 0], 1, 0.0),
    ],
)
def test_average_precision(labels: list[int], positives: int, expected: float) -> None:
    scores = np.array([4.0, 3.0, 2.0, 1.0])
    assert average_precision(scores, np.array(labels, bool), positives) == pytest.approx(expected)


def test_a_folder_without_truth(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no \.rttm"):
        read_truth(tmp_path)


@pytest.mark.parametrize("boxes", ["{}", '{"boxes": 3}', '{"boxes": {"ann": [[1, 2]]}}', "not json"])
def test_a_truth_that_is_none(tmp_path: Path, boxes: str) -> None:
    (tmp_path / "a.rttm").write_text("SPEAKER a 1 0.0 1.0 <NA> <NA> ann <NA> <NA>\n")
    (tmp_path / "a.truth.json").write_text(boxes)
    with pytest.raises(InputError) as caught:
        read_truth(tmp_path)
    assert caught.value.reason_code == "bad_truth"
