"""Transcripts are looped as the videos are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.common.speed_videos import looped, make_videos
from pipeline.media.probe import probe
from pipeline.speech.given import read_transcript

SEGMENT = {
    "id": 7,
    "start": 1.0,
    "end": 3.0,
    "text": " Hello.",
    "words": [{"word": " Hello.", "start": 1.0, "end": 3.0, "probability": 1.0}],
}


def test_segments_come_again_in_every_loop() -> None:
    starts = [(segment["start"], segment["words"][0]["start"]) for segment in looped([SEGMENT], 5.0, 13.0)]
    assert starts == [(1.0, 1.0), (6.0, 6.0), (11.0, 11.0)]


def test_a_segment_that_the_end_cuts_is_left_out() -> None:
    assert [segment["end"] for segment in looped([SEGMENT], 5.0, 12.9)] == [3.0, 8.0]


def test_what_is_not_time_stays() -> None:
    (segment,) = looped([SEGMENT], 5.0, 5.0)
    assert segment["text"] == " Hello."
    assert segment["words"][0]["probability"] == 1.0


@pytest.mark.slow
def test_videos_have_the_length_and_a_transcript_that_the_product_reads(tmp_path: Path) -> None:
    made = make_videos(tmp_path / "set", 4, 6.0)
    videos = sorted(made.videos.iterdir())
    assert len(videos) == 4
    assert all(abs(probe(video).duration_s - 6.0) < 0.1 for video in videos)
    assert videos[0].read_bytes() == videos[3].read_bytes()
    for video in videos:
        transcript = made.transcripts / f"{video.stem}.json"
        assert read_transcript(transcript).segments[-1].end_s <= 6.0
        assert json.loads(transcript.read_bytes())["language"] == "en"
