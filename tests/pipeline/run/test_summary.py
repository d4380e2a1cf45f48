"""The last words of a run."""

from __future__ import annotations

from pathlib import Path

from pipeline.run.summary import MAX_ROWS, models_used, summary
from pipeline.types import ModelChoice, VideoResult


def test_the_table_begins_with_what_went_wrong() -> None:
    results = [
        VideoResult(Path("/v/good one.mp4"), "done", seconds=12.34, duration_s=125, clip_count=7),
        VideoResult(Path("/v/bad.mp4"), "failed", "no_audio", "has no\nsound", 0.5),
        VideoResult(Path("/v/half.mp4"), "partial", "truncated", "the last 2.0 s are missing", 3, duration_s=3700),
        VideoResult(Path("/v/old.mp4"), "skipped"),
    ]
    assert summary(results, 100).splitlines() == [
        "4 videos: 1 skipped, 1 done, 1 partial, 1 failed; 7 new clips",
        "  status      video          length     took clips  reason",
        "  failed      bad.mp4             -    0.5 s     0  no_audio: has no sound",
        "  partial     half.mp4      1:01:40    3.0 s     0  truncated: the last 2.0 s are missing",
        "  done        good one.mp4     2:05   12.3 s     7",
        "  skipped     old.mp4             -        -     0",
        "1:03:45 of video in 1:40: 38.25 times real time",
    ]


def test_clips_that_an_earlier_run_cut_are_not_new() -> None:
    results = [
        VideoResult(Path("/v/a.mp4"), "done", clip_count=7, details={"kept": ["clips", "speech", "vision"]}),
        VideoResult(Path("/v/b.mp4"), "done", clip_count=1, details={"kept": ["speech", "vision"]}),
    ]
    assert summary(results, 1).splitlines()[0] == "2 videos: 2 done; 1 new clip"
    assert summary(results[:1], 1).splitlines()[0] == "1 video: 1 done; 0 new clips"


def test_a_long_table_is_cut_and_says_so() -> None:
    results = [VideoResult(Path(f"/v/{number}.mp4"), "done") for number in range(MAX_ROWS + 3)]
    lines = summary(results, 1).splitlines()
    assert lines[-1] == "  and 3 more" and len(lines) == MAX_ROWS + 3


def test_a_long_name_is_shortened() -> None:
    row = summary([VideoResult(Path("/v") / ("x" * 100 + ".mp4"), "done")], 1).splitlines()[2]
    assert f"  done        {'x' * 39}…" in row


def test_no_videos() -> None:
    assert summary([], 0) == "0 videos: nothing to do; 0 new clips"


def test_models_and_devices_are_named_with_what_stands_in() -> None:
    models = [
        ModelChoice("faces", "mtcnn", None, stands_in_for="yunet", why="it is not here"),
        ModelChoice("words", "whisper-base", Path("/w/base.pt")),
    ]
    assert models_used(models, "cuda:1", "cpu").splitlines() == [
        "Models: faces mtcnn (stands in for yunet), words whisper-base; pictures on cuda:1, words on cpu",
        "To fetch the real models: python -m pipeline.weights fetch yunet",
    ]
    assert models_used(models[1:], "cpu", "cpu") == "Models: words whisper-base; pictures on cpu, words on cpu"
