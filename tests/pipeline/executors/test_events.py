"""The lines in which a run says what happens."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.executors.events import Event, write_to_log
from pipeline.executors.locks import LOG
from pipeline.stage import VideoJob

AT = datetime(2030, 1, 2, 3, 4, 5, 678_000, UTC)


@pytest.fixture
def video(tmp_path: Path) -> VideoJob:
    return VideoJob(0, tmp_path / "a\nb.mp4", tmp_path / "a")


def test_an_event_is_one_line_with_video_and_stage(video: VideoJob) -> None:
    event = Event("again", "it died\nand is begun again", video, "vision", "warning", at=AT)
    assert str(event).endswith(" vision a b.mp4: warning: it died and is begun again")
    assert str(Event("stopping", "no more", at=AT)).endswith(" run    no more")


def test_as_json_it_has_its_numbers_too(video: VideoJob) -> None:
    event = Event("stage_done", "done", video, "mux", more={"seconds": 1.5}, at=AT)
    line = event.json()
    assert "\n" not in line
    assert json.loads(line) == {
        "time": "2030-01-02T03:04:05.678+00:00",
        "level": "info",
        "event": "stage_done",
        "video": str(video.path),
        "stage": "mux",
        "message": "done",
        "seconds": 1.5,
    }


def test_the_log_of_a_video_gets_its_events_once_it_is_taken(video: VideoJob) -> None:
    write_to_log(Event("skipped", "nothing to do", video, at=AT))
    assert not video.folder.exists()
    video.folder.mkdir()
    (video.folder / LOG).touch()
    write_to_log(Event("begun", "begun", video, at=AT))
    write_to_log(Event("stopping", "of the run", None, at=AT))
    write_to_log(Event("failed", "it \udcff broke", video, "mux", "error", at=AT))
    assert (video.folder / LOG).read_text().splitlines() == [
        "2030-01-02T03:04:05+00:00 video  info    begun",
        "2030-01-02T03:04:05+00:00 mux    error   it \\udcff broke",
    ]
