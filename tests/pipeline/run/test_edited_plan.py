"""Plans that people have edited, rendered without analysis."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

import optimized_runner
from config import Config
from pipeline.executors.runtime import run_stage
from pipeline.framing.plan import CameraPath, FramingPlan, Panel, Run
from pipeline.framing.plan_file import PlanFile, plan_text, read_plan
from pipeline.graph import GRAPH
from pipeline.media.probe import probe
from pipeline.results import made_of, note_made
from pipeline.stage import OpenedVideo, VideoJob
from pipeline.types import FaceTracks, ScoredTracks, Segment, SpeakerScores, Transcript, Word
from tests.support.by_hand import kept, prints, work_of
from tests.support.disks import BLUE, RED, disk_in, disks
from tests.support.film import Film

SOURCE_PX = (640, 360)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a video of two seconds, a red disk on the left and a blue one on the right, and a plan of it."""
    film = Film(tmp_path)
    picture = disks(SOURCE_PX, {RED: (160, 150, 30), BLUE: (480, 170, 40)})
    film.make("v.mp4", film.times(Fraction(25), 2), pictures=[picture] * 50)
    path = CameraPath(np.zeros(1), np.array([[160.0, 180.0, 360.0]]))
    run = Run(0, 50, "follow", (Panel((0,), path),), "start", "speaker model", 1, "")
    plan = FramingPlan(SOURCE_PX, (270, 480), (0, 0, *SOURCE_PX), "blur", (run,))
    (tmp_path / "plan.json").write_text(plan_text(PlanFile(plan, "v.mp4", 50, "f" * 64)))
    return tmp_path


def edit(place: Path, change: Any) -> None:
    """Change the plan as a person would, in its text."""
    content = json.loads((place / "plan.json").read_bytes())
    change(content)
    (place / "plan.json").write_text(json.dumps(content, indent=1))


def render(place: Path, *more: str) -> int:
    words = [str(place / "v.mp4"), "--output-dir", str(place / "out"), "--reframe-plan", str(place / "plan.json")]
    return optimized_runner.main([*words, "--clip-preset", "ultrafast", *more])


def seen(place: Path) -> str:
    """A letter for the disk in each picture."""
    with av.open(str(place / "out" / "v" / "reframed.mp4")) as container:
        frames = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    return "".join("R" if disk_in(frame, RED) else "B" if disk_in(frame, BLUE) else "-" for frame in frames)


def split_at(content: Any, second: float) -> None:
    """The first half on the red disk, the second on the blue one."""
    first, then = content["runs"][0], json.loads(json.dumps(content["runs"][0]))
    first["end_s"] = then["start_s"] = second
    then.update(begin="turn", panels=[{"persons": [1], "keys": [[second, 480, 180, 360]]}])
    content["runs"] = [first, then]


def test_an_edited_plan_is_rendered_and_nothing_else_is_made(place: Path, capsys: Any) -> None:
    edit(place, lambda content: split_at(content, 1.2))
    assert render(place) == 0
    assert seen(place) == "R" * 30 + "B" * 20
    assert sorted(path.name for path in (place / "out" / "v").iterdir()) == ["log.txt", "reframe.json", "reframed.mp4"]
    assert [path.name for path in (place / "out").iterdir()] == ["v"]
    assert read_plan(place / "out" / "v" / "reframe.json").plan.runs[1].first == 30
    assert "2.0 s of 2 runs" in capsys.readouterr().out


def test_a_plan_of_a_part_makes_that_part(place: Path) -> None:
    def shorten(content: Any) -> None:
        split_at(content, 1.2)
        content["runs"][0]["start_s"], content["runs"][1]["end_s"] = 0.8, 1.6
        content["runs"][0]["panels"][0]["keys"][0][0] = 0.8

    edit(place, shorten)
    assert render(place) == 0
    assert seen(place) == "R" * 10 + "B" * 10


def test_a_wrong_edit_is_refused_with_its_place_before_anything_starts(place: Path, capsys: Any) -> None:
    edit(place, lambda content: content["runs"][0]["panels"][0]["keys"][0].__setitem__(1, 20))
    assert render(place) == 2
    told = capsys.readouterr().err
    assert "plan.json: runs[0].panels[0].keys[0][1]: expected x" in told and "got 20" in told
    assert not (place / "out").exists()


def test_a_plan_of_another_video_is_refused(place: Path, capsys: Any) -> None:
    film = Film(place)
    film.make("v.mp4", film.times(Fraction(25), 2))
    assert render(place) == 2
    assert "source.size_px: the plan is for 640x360, and the picture is 64x48" in capsys.readouterr().err
    picture = disks(SOURCE_PX, {})
    film.make("v.mp4", film.times(Fraction(25), 1), pictures=[picture] * 25)
    assert render(place) == 2
    assert "runs[0].end_s: the plan ends at 2 s, and the video at 1 s" in capsys.readouterr().err


def test_a_plan_and_ranges_are_refused_together(place: Path, capsys: Any) -> None:
    assert render(place, "--ranges", "r.csv") == 2
    assert "Give one of the two" in capsys.readouterr().err
    assert not (place / "out").exists()


def test_a_dry_run_checks_and_writes_nothing(place: Path) -> None:
    assert render(place, "--dry-run") == 0
    assert not (place / "out").exists()


def test_a_plan_is_of_one_video(place: Path, capsys: Any) -> None:
    (place / "w.mp4").write_bytes((place / "v.mp4").read_bytes())
    assert optimized_runner.main([str(place), "--reframe-plan", str(place / "plan.json")]) == 2
    assert "is the plan of one video, and here are 2" in capsys.readouterr().err


def test_a_run_plans_anew_what_was_edited(place: Path) -> None:
    """The note of what the upright video was made of goes: it was not made by analysis."""
    (place / "out" / "v").mkdir(parents=True)
    note_made(place / "out" / "v", "reframe", "f" * 64)
    assert render(place) == 0
    assert made_of(place / "out" / "v", "reframe") == ""


def test_captions_are_those_of_an_earlier_run(place: Path, capsys: Any) -> None:
    """Without one they are refused; a plan of a part has the words of that part, counted from its beginning."""
    assert render(place, "--captions", "file") == 2
    assert "CAPTIONS needs the words of an earlier run" in capsys.readouterr().err
    words = tuple(Word(f" word{number}", number / 4, number / 4 + 0.2, 0.9) for number in range(8))
    transcript = Transcript("en", (Segment(0, 2, "", words),))
    none = np.zeros(0, np.int32)
    faces = FaceTracks(50, np.zeros(1, np.int32), none, none, np.zeros((0, 4), np.float32))
    scored = ScoredTracks.of(faces, SpeakerScores(np.zeros(0, np.float32), np.zeros(0, np.float32)))
    folder, made = place / "out" / "v", prints("v", "s", attribution="a")
    folder.mkdir(parents=True)
    kept(folder, scored, transcript, made)
    video = VideoJob(0, place / "v.mp4", folder, made)
    run_stage(GRAPH.stage("attribution"), work_of(video, OpenedVideo(probe(video.path), None), Config(), ()))

    def shorten(content: Any) -> None:
        content["runs"][0].update(start_s=1.0)
        content["runs"][0]["panels"][0]["keys"][0][0] = 1.0

    edit(place, shorten)
    assert render(place, "--captions", "burn") == 0
    text = (folder / "reframed.ass").read_text()
    assert "word3" not in text and "word4" in text and "word7" in text
    assert next(line.split(",")[1] for line in text.splitlines() if line.startswith("Dialogue")) == "0:00:00.00"
    with av.open(str(folder / "reframed.mp4")) as container:
        picture = next(container.decode(video=0)).to_ndarray(format="bgr24")
    assert (picture[300:350] < 60).all(axis=2).any()  # the outline of the text


def test_the_rate_and_the_quality_act(place: Path) -> None:
    assert render(place, "--reframe-fps", "50", "--clip-crf", "40") == 0
    assert len(seen(place)) == 100
    large = (place / "out" / "v" / "reframed.mp4").stat().st_size
    assert render(place, "--reframe-fps", "50", "--clip-crf", "51") == 0
    assert (place / "out" / "v" / "reframed.mp4").stat().st_size < large
