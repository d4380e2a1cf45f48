"""Transcripts, scenes and faces of the user that belong to a video."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.errors import InputError
from pipeline.sources.discover import result_folders
from pipeline.sources.sidecars import given_face_boxes, given_ranges, given_scenes, given_transcripts


def _files(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def _given(tmp_path: Path, videos: list[str], *transcripts: str, output: str = "out") -> list[str | None]:
    """What is found in the folder ``t`` for videos of the folder ``v``."""
    _files(tmp_path / "v", *videos)
    (tmp_path / "t").mkdir(exist_ok=True)
    _files(tmp_path / "t", *transcripts)
    paths = [tmp_path / "v" / name for name in videos]
    folders = result_folders(paths, tmp_path / "v", tmp_path / output)
    found = given_transcripts(paths, tmp_path / "v", folders, tmp_path / "t")
    return [None if path is None else path.relative_to(tmp_path / "t").as_posix() for path in found]


@pytest.mark.parametrize(
    ("there", "taken"),
    [
        (["a.json"], "a.json"),
        (["a.srt"], "a.srt"),
        (["a.SRT"], "a.SRT"),
        (["a.json", "a.srt"], "a.json"),
        (["a.json", "a.mp4.srt"], "a.mp4.srt"),
        (["a.json", "a/transcript.json"], "a.json"),
        (["a/transcript.json"], "a/transcript.json"),
        (["a.mp4/transcript.json"], "a.mp4/transcript.json"),
        (["b.json", "a.txt", "a.vtt", "aa.json"], None),
        (["a.json/other"], None),
    ],
)
def test_the_transcript_of_a_video(tmp_path: Path, there: list[str], taken: str | None) -> None:
    assert _given(tmp_path, ["a.mp4"], *there) == [taken]


def test_videos_that_share_a_name_may_have_transcripts_of_their_own(tmp_path: Path) -> None:
    assert _given(tmp_path, ["a.mkv", "a.mp4"], "a.json", "a.mp4.json") == ["a.json", "a.mp4.json"]


def test_a_video_of_a_folder_inside_is_looked_for_in_the_folder_of_that_name_first(tmp_path: Path) -> None:
    videos = ["in/a.mp4", "in/b.mp4", "a.mp4"]
    assert _given(tmp_path, videos, "in/a.json", "a.json", "b.json") == ["in/a.json", "b.json", "a.json"]


def test_what_this_run_will_write_is_never_taken(tmp_path: Path) -> None:
    """Results go to the very folder of transcripts: the one of an earlier run would be written over."""
    assert _given(tmp_path, ["a.mp4", "b.mp4"], "a/transcript.json", "b.srt", output="t") == [None, "b.srt"]


def test_a_missing_folder_of_transcripts(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--transcripts") as caught:
        given_transcripts([], tmp_path, [], tmp_path / "nowhere")
    assert caught.value.reason_code == "not_found"


@pytest.mark.parametrize("letter", ["a", "語", os.fsdecode(b"\xe9")])
def test_no_name_is_too_long_to_ask_for(tmp_path: Path, letter: str) -> None:
    name = letter * (251 // len(os.fsencode(letter))) + ".mp4"
    assert _given(tmp_path, [name]) == [None]


@pytest.mark.parametrize(
    ("find", "ending"),
    [(given_scenes, "-Scenes.csv"), (given_face_boxes, "-faces.csv"), (given_ranges, "-ranges.csv")],
)
def test_the_list_of_a_video(
    tmp_path: Path, find: Callable[[list[Path], Path], list[Path | None]], ending: str
) -> None:
    """The name with the ending comes before the one without, and the video's whole name before its stem."""
    videos = [tmp_path / "v" / name for name in ("a.mp4", "b.mp4", "c.mp4")]
    _files(tmp_path / "t", "a.csv", f"a{ending}", "b.csv", "b.mp4.csv", "d.csv")
    assert find(videos, tmp_path / "t") == [tmp_path / "t" / f"a{ending}", tmp_path / "t" / "b.mp4.csv", None]


@pytest.mark.parametrize("there", ["a.csv", "a.mp4.json", "a.srt", "a.edl", "a.EDL"])
def test_ranges_may_be_in_each_kind_of_file(tmp_path: Path, there: str) -> None:
    _files(tmp_path / "t", there, "b.txt")
    videos = [tmp_path / "v" / name for name in ("a.mp4", "b.mp4")]
    assert given_ranges(videos, tmp_path / "t") == [tmp_path / "t" / there, None]


@pytest.mark.parametrize("find", [given_scenes, given_face_boxes, given_ranges])
def test_one_list_is_that_of_the_only_video(
    tmp_path: Path, find: Callable[[list[Path], Path], list[Path | None]]
) -> None:
    _files(tmp_path, "list.csv")
    assert find([tmp_path / "a.mp4"], tmp_path / "list.csv") == [tmp_path / "list.csv"]
    for videos, there, code in [(2, "list.csv", "bad_setting"), (1, "nowhere.csv", "not_found")]:
        with pytest.raises(InputError) as caught:
            find([tmp_path / f"{number}.mp4" for number in range(videos)], tmp_path / there)
        assert caught.value.reason_code == code
