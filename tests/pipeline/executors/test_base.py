"""The result of a video that has ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.executors import base
from pipeline.executors.base import Attempt, result_of
from pipeline.executors.scheduler import Ended, Failure
from pipeline.stage import VideoJob
from pipeline.types import FinishedVideo
from tests.support.by_hand import prints

ENDS = {
    "done": Ended(1, (), FinishedVideo(Path("manifest.json"), 1, 0, 0)),
    "failed": Ended(1, (), failure=Failure("io_error", "the disk is gone")),
}


@pytest.mark.parametrize("status", ENDS)
def test_a_folder_that_cannot_be_tidied_is_told_and_is_no_end_of_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    def refuse(folder: Path) -> None:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(base, "remove_partial", refuse)
    video = VideoJob(0, tmp_path / "a.mp4", tmp_path / "a", prints("v", "s"))
    result = result_of(Attempt(video, 0.0), ENDS[status], ())
    assert result.status == status
    assert result.details["left_behind"] == f"[Errno 13] Permission denied: '{tmp_path / 'a'}'"


def test_a_video_that_ends_without_a_summary_is_a_bug(tmp_path: Path) -> None:
    result = result_of(Attempt(VideoJob(0, tmp_path / "a.mp4", tmp_path / "a"), 0.0), Ended(1, ()), ())
    assert (result.status, result.reason_code) == ("failed", "internal_error")
    assert result.message == "a bug in the program: it ended with NoneType as its summary"
