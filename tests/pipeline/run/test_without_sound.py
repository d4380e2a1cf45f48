"""A whole run over videos without sound, with an output that needs none: what its files and its console say."""

from __future__ import annotations

import dataclasses
import functools
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from config import Config
from pipeline.graph import GRAPH
from pipeline.machine import resolved
from pipeline.outputs.tracks import read_faces
from pipeline.run import dry_run, plan, runner
from pipeline.run.report import read_run
from pipeline.stage import Graph
from pipeline.types import ScoredTracks
from tests.support import counting, fake_stages
from tests.support.film import Film
from tests.support.quick_run import quick

COUNTED = dataclasses.replace(GRAPH, stages=(*GRAPH.stages, counting.COUNT_FACES))
"""The product with an output more. Only in it are pictures and sound real."""


@pytest.fixture
def videos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a video without sound and a file that is none."""
    for name in ("HOME", "XDG_CACHE_HOME", "LIPGEN_WEIGHTS"):
        monkeypatch.setenv(name, str(tmp_path / "empty"))
    folder = tmp_path / "videos"
    folder.mkdir()
    film = Film(folder)
    film.make("mute.mkv", film.times(Fraction(25), 2), pictures=[np.full((240, 320, 3), 90, np.uint8)] * 50)
    (folder / "text.mp4").write_text("no video at all")
    return folder


def settings(videos: Path, **changed: Any) -> Config:
    """Return quick settings that ask for the faces of each shot; ``mute.mkv`` shows one, as the user says."""
    words = videos.parent / "words"
    words.mkdir(exist_ok=True)
    (words / "mute-faces.csv").write_text("".join(f"{frame},80,40,200,180,0.9\n" for frame in range(50)))
    (words / "mute.json").write_text(json.dumps({"segments": [{"start": 0, "end": 1, "text": "Hello."}]}))
    config = counting.counting_config(resolved(quick(words)), DEBUG=False, ENGINE="serial", COUNT_FACES=True)
    return dataclasses.replace(config, **changed)


def use(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let runs have the stages of *graph*."""
    monkeypatch.setattr(plan, "GRAPH", graph)
    monkeypatch.setattr(dry_run, "GRAPH", graph)
    monkeypatch.setattr(runner, "_execute", functools.partial(runner._execute, graph=graph))


def line(videos: Path, name: str = "mute.mkv") -> dict[str, Any]:
    """Return the line of a video in ``run.json``, which fits its schema."""
    found = read_run(videos / "run.json")["videos"]
    return next(video for video in found if Path(video["path"]).name == name)


def end(videos: Path) -> tuple[str, str]:
    return line(videos)["status"], line(videos)["reason_code"]


@pytest.mark.slow
def test_real_vision_makes_faces_without_scores_of_it(
    videos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(COUNTED, monkeypatch)
    given = str(videos.parent / "words")
    assert runner.run(videos, settings(videos, FACE_BOXES=given)) == 1, "for the file that is no video"
    said = capsys.readouterr()
    found = line(videos)
    assert end(videos) == ("partial", "no_audio") and found["manifest"] is None and found["clips"] == 0
    assert (found["made"], found["not_made"]) == (["count_faces"], ["clips"])
    assert found["message"] == (
        f"{videos / 'mute.mkv'}: has no sound track that can be decoded; who speaks cannot be told without sound; "
        "made without sound: count_faces; not made for want of sound: clips"
    )
    assert set(found["timings"]) == {"decode", "vision", "count_faces"} and found["video_seconds"] == 2.0
    assert "speaking" in "".join(model["job"] for model in read_run(videos / "run.json")["models"])
    tracks = read_faces(videos / "mute" / "tracks.npz")
    assert not isinstance(tracks, ScoredTracks) and (tracks.frame_count, len(tracks.track)) == (50, 50)
    with np.load(videos / "mute" / "tracks.npz") as stored:
        assert {"track", "frame", "box_px", "person", "shot_starts"} <= set(stored) and "logit" not in stored
    assert json.loads((videos / "mute" / "faces_per_shot.json").read_text())["faces"] == [50]
    assert "1 partial, 1 failed" in said.out and "no_audio: " in said.out and "made without sound" in said.err
    page = (videos / "index.html").read_text()
    assert "no_audio" in page and "made without sound: count_faces" in page and '"partial"' in page
    assert "partial (no_audio)" in (videos / "mute" / "log.txt").read_text()


@pytest.mark.slow
def test_a_later_run_does_not_open_it_and_works_on_what_has_changed(
    videos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[str] = []

    def open_video(*call: Any) -> Any:
        opened.append("with sound" if call[1] else "without")
        return fake_stages.open_video(*call)

    (videos / "text.mp4").unlink()
    use(dataclasses.replace(counting.GRAPH, open_video=open_video), monkeypatch)
    for changed, status, openings in (
        ({}, "partial", ["with sound", "without"]),
        ({}, "skipped", []),
        ({"COUNT_FROM": 100}, "partial", ["without"]),
        ({"COUNT_FACES": False}, "failed", []),
        ({"COUNT_FROM": 100}, "skipped", []),
        ({"COUNT_FROM": 100, "CLIP_SIZE": 128}, "skipped", ["with sound"]),
        ({"COUNT_FROM": 100, "CLIP_SIZE": 128}, "skipped", []),
        ({"COUNT_FROM": 100, "CLIP_SIZE": 128, "RETRY_FAILED": True}, "skipped", ["with sound"]),
    ):
        opened.clear()
        assert runner.run(videos, settings(videos, **changed)) == (1 if status == "failed" else 0)
        assert (end(videos), opened) == ((status, "no_audio"), openings), changed
    assert "no_audio" in capsys.readouterr().err
    counts = videos / "mute" / "faces_per_shot.json"
    assert json.loads(counts.read_text()) == {"first": 100, "faces": [fake_stages.FRAMES - 100]}

    counts.write_text("{}")
    with (videos / "mute.mkv").open("ab") as file:
        file.write(b"more")
    assert runner.run(videos, settings(videos, COUNT_FROM=100)) == 0
    assert end(videos) == ("partial", "no_audio") and json.loads(counts.read_text())["first"] == 100


def test_a_dry_run_tells_what_is_left_to_do_of_it(videos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (videos / "text.mp4").unlink()
    use(counting.GRAPH, monkeypatch)
    assert runner.run(videos, settings(videos)) == 0

    def told(**changed: Any) -> str:
        lines: list[str] = []
        assert dry_run.dry_run(videos, settings(videos, **changed), lines.append) == 0
        return next(each for each in lines if "mute.mkv" in each)

    assert told().startswith("skipped  mute.mkv (no_audio): ")
    assert told(COUNT_FROM=100) == "to do    mute.mkv: 2.0 s without sound; vision kept from an earlier run"
