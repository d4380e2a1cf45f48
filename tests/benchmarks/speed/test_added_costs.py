"""What one more costs is the slope of a line, and the composed videos have the faces that they should."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.common.heads import HEAD_PX, Head
from benchmarks.speed.added_costs import side_by_side, slopes, transcript
from benchmarks.speed.clips import plan_at
from pipeline.media.probe import probe
from pipeline.speech.given import read_transcript

SAMPLE = Path(__file__).resolve().parents[3] / "samples" / "two_shot.mp4"


def test_one_more_costs_the_slope() -> None:
    lines = [{"wall_s": 3.0 + 2 * n, "cpu_s": 1.0, "peak_mb": 100 - n} for n in (1, 2, 4)]
    told = slopes([1, 2, 4], lines)
    assert told["wall_s"] == [5.0, 7.0, 11.0]
    assert told["wall_s_more"] == pytest.approx(2.0)
    assert told["cpu_s_more"] == pytest.approx(0.0)
    assert told["peak_mb_more"] == pytest.approx(-1.0)


def head(name: str, grey: int, frames: int) -> Head:
    pictures = np.arange(grey, grey + frames, dtype=np.uint8)[:, None, None, None]
    pictures = np.broadcast_to(pictures, (frames, HEAD_PX, HEAD_PX, 3))
    return Head(name, pictures, np.zeros(0, np.int16), np.zeros(frames, bool))


def test_heads_play_back_and_forth_from_the_left_and_the_rest_is_grey() -> None:
    pictures = list(side_by_side([head("a", 10, 3), head("b", 50, 2)], 3, 6))
    shown = [[int(picture[0, place * HEAD_PX, 0]) for place in range(3)] for picture in pictures]
    assert shown == [[10, 50, 110], [11, 51, 110], [12, 50, 110], [11, 51, 110], [10, 50, 110], [11, 51, 110]]


def test_sentences_end_before_the_video_does(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(transcript(12.0)))
    segments = read_transcript(path).segments
    assert [(segment.start_s, segment.end_s, len(segment.words)) for segment in segments] == [
        (0.0, 3.0, 3),
        (5.0, 8.0, 3),
    ]


def test_a_measured_clip_has_the_frames_of_its_span() -> None:
    plan = plan_at(3.0, 4.0, probe(SAMPLE))
    assert (plan.start_s, plan.end_s) == (3.0, 7.0)
    assert plan.window_px[0].tolist() == [208.0, 68.0, 432.0, 292.0]
