"""What a run shows while it works."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from pipeline.executors.events import Event
from pipeline.executors.locks import LOG
from pipeline.run.console import ConsoleListener
from pipeline.run.report import RunReport
from pipeline.stage import VideoJob
from pipeline.types import VideoResult


class Terminal(io.StringIO):
    """A stream that takes itself for a terminal."""

    encoding = "ascii"  # type: ignore[assignment]

    def isatty(self) -> bool:
        return True


@pytest.fixture
def video(tmp_path: Path) -> VideoJob:
    return VideoJob(0, tmp_path / "a\udcff.mp4", tmp_path / "a")


def listener(video: VideoJob, stream: io.StringIO, as_json: bool = False) -> ConsoleListener:
    return ConsoleListener(2, RunReport(video.path.parent, video.path.parent, [video.path]), as_json, stream)


def test_a_terminal_gets_bars_and_only_what_they_do_not_show(video: VideoJob) -> None:
    stream = Terminal()
    shown = listener(video, stream)
    shown.on_event(Event("begun", "begun", video))
    shown.on_progress(video, "decode", 5.0, 10.0)
    shown.on_event(Event("worker_died", "it died", video, "vision", "warning"))
    shown.close()
    assert "decode   50%" in stream.getvalue() and "5/10 s" in stream.getvalue()
    assert "a\\udcff.mp4: warning: it died" in stream.getvalue() and "begun" not in stream.getvalue()


def test_bars_remember_the_videos_that_have_ended(video: VideoJob) -> None:
    """Without holding on to each of them."""
    stream = Terminal()
    shown = listener(video, stream)
    for number in range(3):
        each = VideoJob(number, video.path, video.folder)
        shown.on_progress(each, "decode", 10.0, 10.0)
        shown.on_result(each, VideoResult(video.path, "done"))
    shown.on_progress(VideoJob(3, video.path, video.folder), "decode", 0.0, 10.0)
    shown.close()
    assert "30/40 s" in stream.getvalue()


def test_elsewhere_each_event_is_a_line(video: VideoJob) -> None:
    stream = io.StringIO()
    shown = listener(video, stream)
    shown.on_progress(video, "decode", 5.0, 10.0)
    shown.on_event(Event("stage_done", "10.0 s of video", video, "decode"))
    shown.on_result(video, VideoResult(video.path, "failed", "no_audio", "has no sound"))
    first, second = stream.getvalue().splitlines()
    assert first.endswith(" decode a\\udcff.mp4: 10.0 s of video")
    assert second.endswith(" run    a\\udcff.mp4: error: [1/2] failed (no_audio): has no sound")


def test_as_json_a_result_has_its_numbers(video: VideoJob) -> None:
    stream = Terminal()
    listener(video, stream, as_json=True).on_result(video, VideoResult(video.path, "partial", "damaged", clip_count=3))
    event = json.loads(stream.getvalue())
    assert (event["event"], event["level"], event["status"]) == ("partial", "warning", "partial")
    assert (event["reason_code"], event["clips"], event["video"]) == ("damaged", 3, str(video.path))


def test_the_log_of_the_video_says_how_it_ended(video: VideoJob) -> None:
    video.folder.mkdir()
    (video.folder / LOG).touch()
    listener(video, io.StringIO()).on_result(video, VideoResult(video.path, "done", message="3 clips"))
    assert (video.folder / LOG).read_text().endswith("done: 3 clips\n")
