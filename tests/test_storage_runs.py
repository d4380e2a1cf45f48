"""Runs from and to a storage, with the real stages and a real S3 service."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from config import Config
from pipeline.errors import InputError
from pipeline.run.runner import run
from pipeline.storage.objects import fetch, listing, push, remove
from tests.support.s3 import s3_service

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent
GOOD = "late_sound.mp4"
MANIFEST = "late_sound/output/manifest.json"

CONFIG = Config(
    ENGINE="serial",
    WHISPER_DEVICE="cpu",
    VISION_DEVICE="cpu",
    DOWNLOAD_WEIGHTS=False,
    FACE_DETECTOR="mtcnn",
    SPEAKER_MODEL="lip-motion",
    IDENTITY_MODEL="none",
    DETECT_EVERY=25,
    CLIP_PRESET="ultrafast",
    TRANSCRIPTS=str(ROOT / "samples" / "transcripts"),
)


@dataclass
class Place:
    """Videos in a bucket, and where their results go."""

    videos: str
    results: str
    work: Path

    def run(self, config: Config = CONFIG) -> dict[str, tuple[str, str]]:
        """Status and reason of each video by its name; nothing is left on this machine."""
        run(self.videos, replace(config, OUTPUT_DIR=self.results, WORK_DIR=str(self.work)))
        assert list(self.work.iterdir()) == []
        lines = self.json("run.json")["videos"]
        return {line["path"].rpartition("/")[2]: (line["status"], line["reason_code"]) for line in lines}

    def json(self, name: str) -> Any:
        return json.loads(self.text(name))

    def text(self, name: str) -> str:
        path = self.work.with_name("looked-at")
        fetch(f"{self.results}/{name}", path)
        return path.read_text()

    def names(self) -> set[str]:
        return {entry.name for entry in listing(self.results)}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A good video and one that is none, in a bucket, done once."""
    folder = tmp_path_factory.mktemp("storage")
    (folder / "bad.mp4").write_text("this is no video\n" * 50)
    shutil.copy(ROOT / "samples" / GOOD, folder / GOOD)
    with s3_service() as bucket:
        for name in (GOOD, "bad.mp4"):
            push(folder / name, f"{bucket}/videos/{name}")
        found = Place(f"{bucket}/videos", f"{bucket}/out", folder / "work")
        assert found.run() == {GOOD: ("done", ""), "bad.mp4": ("failed", "not_media")}
        yield found


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results of the same run over a folder."""
    folder = tmp_path_factory.mktemp("local")
    (folder / "videos").mkdir()
    (folder / "videos" / "bad.mp4").write_text("this is no video\n" * 50)
    shutil.copy(ROOT / "samples" / GOOD, folder / "videos" / GOOD)
    run(folder / "videos", replace(CONFIG, OUTPUT_DIR=str(folder / "out")))
    return folder / "out"


def test_the_same_files_are_left_as_in_a_folder(place: Place, local: Path) -> None:
    assert place.names() == {path.relative_to(local).as_posix() for path in local.rglob("*") if path.is_file()}


def test_the_manifest_is_the_same_and_names_the_url(place: Place, local: Path) -> None:
    theirs, ours = json.loads((local / MANIFEST).read_bytes()), place.json(MANIFEST)
    assert ours["source"].pop("path") == f"{place.videos}/{GOOD}" and ours["clips"]
    for manifest in (theirs, ours):
        manifest["source"].pop("path", None)
        del manifest["created_at"], manifest["digest"]
    assert ours == theirs


def test_clips_are_the_same(place: Place, local: Path, tmp_path: Path) -> None:
    for clip in place.json(MANIFEST)["clips"]:
        fetch(f"{place.results}/late_sound/output/{clip['clip']}", tmp_path / "clip.mp4")
        assert (tmp_path / "clip.mp4").read_bytes() == (local / "late_sound/output" / clip["clip"]).read_bytes()


def test_the_files_of_the_run_name_urls_and_no_path_of_the_mirror(place: Place) -> None:
    content = place.json("run.json")
    assert content["source"] == place.videos
    done = next(line for line in content["videos"] if line["path"] == f"{place.videos}/{GOOD}")
    assert done["manifest"] == f"{place.results}/{MANIFEST}"
    line = json.loads(place.text("clips.jsonl").splitlines()[0])
    assert line["video"] == f"{place.videos}/{GOOD}" and line["path"].startswith("late_sound/output/seg_")
    assert "./late_sound/report.html" in place.text("index.html")
    texts = ("run.json", "clips.jsonl", "index.html", "bad/failure.json", "bad/log.txt", "late_sound/report.html")
    for name in texts:
        assert str(place.work) not in place.text(name), name


def test_a_failed_video_says_why_and_has_no_manifest(place: Place) -> None:
    assert {name for name in place.names() if name.startswith("bad/")} == {"bad/failure.json", "bad/log.txt"}
    assert f"{place.videos}/bad.mp4" in place.json("bad/failure.json")["message"]


def test_the_next_run_does_nothing_again(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    before = place.json(MANIFEST)
    log = place.text("late_sound/log.txt")
    assert place.run() == {GOOD: ("skipped", ""), "bad.mp4": ("failed", "not_media")}
    assert "found by an earlier run" in capsys.readouterr().out
    assert place.json(MANIFEST) == before and place.text("late_sound/log.txt") == log
    assert "./late_sound/report.html" in place.text("index.html")


def test_a_clip_that_was_taken_away_is_made_again_of_what_is_kept(place: Place) -> None:
    before, manifest = place.names(), place.json(MANIFEST)
    remove(f"{place.results}/late_sound/output/{manifest['clips'][0]['clip']}")
    assert place.run()[GOOD] == ("done", "")
    assert place.names() == before
    line = next(line for line in place.json("run.json")["videos"] if line["path"].endswith(GOOD))
    assert line["kept"] == ["attribution", "speech", "vision"]


def test_extras_are_added_to_what_is_done(place: Place) -> None:
    config, created_at = replace(CONFIG, EXPORT="rttm", CLIP_TEXT=True), place.json(MANIFEST)["created_at"]
    assert place.run(config)[GOOD] == ("done", "")
    assert "SPEAKER" in place.text("late_sound/export/speakers.rttm")
    for clip in place.json(MANIFEST)["clips"]:
        assert place.text(f"late_sound/output/{clip['clip'].replace('.mp4', '.txt')}") == clip["text"] != ""
    assert place.json(MANIFEST)["created_at"] == created_at
    assert place.run(config)[GOOD] == ("skipped", "")


def test_other_settings_take_the_place_of_all_clips(place: Place) -> None:
    assert place.run(replace(CONFIG, SCORE_ONLY=True))[GOOD] == ("done", "")
    assert not any("/seg_" in name for name in place.names())
    assert place.json(MANIFEST)["clips"] == []


@pytest.mark.parametrize("url_is", ["source", "results"])
def test_one_side_may_be_a_folder(place: Place, tmp_path: Path, url_is: str) -> None:
    config = replace(CONFIG, SCORE_ONLY=True, WORK_DIR=str(tmp_path / "work"))
    if url_is == "source":
        assert run(f"{place.videos}/{GOOD}", replace(config, OUTPUT_DIR=str(tmp_path / "out"))) == 0
        assert (tmp_path / "out" / MANIFEST).is_file() and (tmp_path / "out" / "run.json").is_file()
    else:
        shutil.copy(ROOT / "samples" / GOOD, tmp_path / GOOD)
        results = place.results.replace("/out", "/half")
        assert run(tmp_path / GOOD, replace(config, OUTPUT_DIR=results)) == 0
        assert {MANIFEST, "run.json"} <= {entry.name for entry in listing(results)}
        assert (tmp_path / GOOD).is_file() and {path.name for path in tmp_path.iterdir()} == {GOOD, "work"}
    assert list((tmp_path / "work").iterdir()) == []


def test_results_lie_beside_the_videos_where_nothing_else_is_said(place: Place, tmp_path: Path) -> None:
    home = place.videos.replace("/videos", "/beside")
    push(ROOT / "samples" / GOOD, f"{home}/deep/{GOOD}")
    config = replace(CONFIG, SCORE_ONLY=True, RECURSIVE=True, WORK_DIR=str(tmp_path))
    for _ in range(2):
        assert run(home, config) == 0
        assert {f"deep/{MANIFEST}", "run.json", f"deep/{GOOD}"} <= {entry.name for entry in listing(home)}


def test_what_cannot_be_used_is_said_before_anything_starts(place: Place, tmp_path: Path) -> None:
    config = replace(CONFIG, WORK_DIR=str(tmp_path / "work"))
    for source, output, said in (
        (place.videos, "s3://nobody-has-this/out", "nobody-has-this"),
        ("https://example.org/v", "", "s3:// and file:// only"),
        (f"{place.videos}/nothing", place.results, "/videos/nothing: no videos in this folder"),
    ):
        with pytest.raises(InputError) as raised:
            run(source, replace(config, OUTPUT_DIR=output))
        assert said in str(raised.value)
    assert os.listdir(tmp_path / "work") == []  # noqa: PTH208 - hidden files too
