"""What every executor promises, held for each of them: in one process, in many, and on a cluster of two machines."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.executors.events import Event
from pipeline.executors.locks import VideoLocks
from pipeline.executors.serial import SerialExecutor
from pipeline.outputs.failure import failed_before
from pipeline.outputs.tracks import read_tracks
from tests.support import fake_stages
from tests.support.executing import CONFIG, Kind, Recorder, prepared, run

NAMES = [
    *("a.mp4", "bad.mp4", "b.mp4", "bug-vision.mp4", "bug-clips.mp4", "bug-decode.mp4", "blocked.mp4", "note.mp4"),
    *("damaged.mp4", "c.mp4"),
]
GOOD = ("a.mp4", "b.mp4", "c.mp4", "note.mp4")

ONE_TEAM = dataclasses.replace(CONFIG, RAY_TEAMS=1)
"""On a cluster half as many workers are started."""


@dataclass(frozen=True, slots=True)
class Mixed:
    """A run over good and bad videos."""

    folder: Path
    recorder: Recorder

    def results(self, name: str) -> Path:
        return self.folder / f"{name}.out"


@pytest.fixture(scope="module")
def mixed(kind: Kind, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mixed]:
    """One run of each executor over `NAMES`; three were done by an earlier run, in another state."""
    folder = tmp_path_factory.mktemp("mixed")
    (folder / ".work").mkdir()
    for name in ("bug-vision.mp4", "bad.mp4", "b.mp4"):
        manifest = folder / f"{name}.out" / "output" / "manifest.json"
        manifest.parent.mkdir(parents=True)
        manifest.write_text("{}")
    (folder / "blocked.mp4.out").write_text("in the way")
    recorder, _ = run(kind, folder, NAMES)
    yield Mixed(folder, recorder)


class TestMixed:
    def test_every_video_ends_once_and_bad_ones_do_not_touch_good_ones(self, mixed: Mixed) -> None:
        results = mixed.recorder.results
        assert {name: (result.status, result.reason_code) for name, result in results.items()} == {
            **dict.fromkeys(GOOD, ("done", "")),
            "damaged.mp4": ("partial", "damaged"),
            "bad.mp4": ("failed", "not_media"),
            "bug-vision.mp4": ("failed", "internal_error"),
            "bug-clips.mp4": ("failed", "internal_error"),
            "bug-decode.mp4": ("failed", "internal_error"),
            "blocked.mp4": ("failed", "io_error"),
        }
        assert "RuntimeError: a bug in clips" in results["bug-clips.mp4"].details["traceback"]
        assert "is no video" in results["bad.mp4"].message
        assert "3 packets of its picture could not be decoded" in results["damaged.mp4"].message

    def test_every_picture_reaches_vision_unharmed(self, mixed: Mixed) -> None:
        assert {mixed.recorder.results[name].clip_count for name in GOOD} == {fake_stages.FRAMES}

    def test_nothing_is_left_in_the_working_folder(self, mixed: Mixed) -> None:
        assert list((mixed.folder / ".work").iterdir()) == []

    def test_nothing_half_written_is_left(self, mixed: Mixed) -> None:
        assert [path for path in mixed.folder.rglob("*") if path.name.endswith(".part")] == []

    def test_results_of_an_earlier_run_go_with_a_fault_of_the_file_alone(self, mixed: Mixed) -> None:
        assert (mixed.results("bug-vision.mp4") / "output" / "manifest.json").read_text() == "{}"
        assert not (mixed.results("bad.mp4") / "output" / "manifest.json").exists()
        with_earlier = [name for name, found in mixed.recorder.results.items() if "earlier_results" in found.details]
        assert with_earlier == ["bug-vision.mp4"]
        assert "the results of an earlier run are kept" in mixed.recorder.results["bug-vision.mp4"].message

    def test_progress_reaches_the_end_of_each_stage(self, mixed: Mixed) -> None:
        last = {stage: (done, total) for name, stage, done, total in mixed.recorder.progress if name == "a.mp4"}
        assert {"vision", "speech", "clips"} <= set(last)
        assert all(done == pytest.approx(total) for done, total in last.values())

    def test_what_vision_notes_is_in_the_result(self, mixed: Mixed) -> None:
        noted, other = mixed.recorder.results["note.mp4"], mixed.recorder.results["a.mp4"]
        assert noted.details == {"notes": ["vision was short of memory"]}
        assert noted.message.endswith("; vision was short of memory")
        assert other.details == {} and "memory" not in other.message

    def test_a_fault_of_the_file_is_written_down_and_others_are_not(self, mixed: Mixed) -> None:
        message = f"{mixed.folder}/bad.mp4: is no video"
        assert failed_before(mixed.results("bad.mp4"), "fbad.mp4") == ("not_media", message)
        assert failed_before(mixed.results("bug-clips.mp4"), "fbug-clips.mp4") is None


def test_what_an_earlier_run_left_is_not_done_again(kind: Kind, folder: Path) -> None:
    stage_of = {"tracks.npz": "vision", "transcript.json": "speech", "attribution.json": "attribution"}
    left = {"a.mp4": {"tracks.npz"}, "b.mp4": {"transcript.json"}, "c.mp4": {"tracks.npz", "transcript.json"}}
    left["d.mp4"] = set(stage_of)
    run(SerialExecutor, folder, list(left))
    before = {}
    for name, files in left.items():
        results = folder / f"{name}.out"
        before[name] = {file: (results / file).stat().st_mtime_ns for file in stage_of}
        for file in stage_of.keys() - files:
            (results / file).unlink()
    recorder, _ = run(kind, folder, list(left), ONE_TEAM)
    for name, files in left.items():
        events = [event for event in recorder.events if event.video and event.video.path.name == name]
        done = {event.stage for event in events if event.name == "stage_done"}
        assert done & set(stage_of.values()) == {stage for file, stage in stage_of.items() if file not in files}
        result, results = recorder.results[name], folder / f"{name}.out"
        assert (result.status, result.clip_count) == ("done", fake_stages.FRAMES)
        assert result.details.get("kept", []) == sorted(stage_of[file] for file in files)
        unchanged = {file for file in stage_of if (results / file).stat().st_mtime_ns == before[name][file]}
        assert unchanged == files


@pytest.mark.slow
def test_a_video_that_another_run_holds_is_come_back_to(kind: Kind, folder: Path) -> None:
    recorder, executor, jobs = prepared(kind, folder, ["a.mp4", "b.mp4"], ONE_TEAM)
    other = VideoLocks(CONFIG, folder, fake_stages.GRAPH)
    other.acquire(jobs[0])

    def let_go(event: Event) -> None:
        if event.name == "stage_done" and event.stage == "clips":
            other.release(jobs[0])

    recorder.when_told = let_go
    executor.run(jobs, recorder)
    assert [event.video for event in recorder.events if event.name == "elsewhere"] == [jobs[0]]
    assert list(recorder.results) == ["b.mp4", "a.mp4"]
    assert {result.status for result in recorder.results.values()} == {"done"}


def test_annotate_acts_and_where_it_fails_the_clips_are_kept(kind: Kind, folder: Path) -> None:
    config = dataclasses.replace(ONE_TEAM, ANNOTATE=True)
    recorder, _ = run(kind, folder, ["a.mp4", "bug-annotate.mp4"], config)
    good, bad = recorder.results["a.mp4"], recorder.results["bug-annotate.mp4"]
    assert (good.status, bad.status) == ("done", "done")
    assert (folder / "a.mp4.out" / "annotated.mp4").exists() and "annotate" in good.timings
    assert "annotate could not be written: a bug in the program: RuntimeError" in bad.message
    assert (folder / "bug-annotate.mp4.out" / "output" / "manifest.json").exists()


def test_results_of_an_earlier_run_are_replaced_when_a_video_is_done(mixed: Mixed) -> None:
    assert (mixed.results("b.mp4") / "output" / "manifest.json").read_text() != "{}"
    assert not (mixed.results("b.mp4") / ".next").exists()
    assert (mixed.results("b.mp4") / "tracks.npz").exists() and (mixed.results("b.mp4") / "transcript.json").exists()


@pytest.mark.parametrize("behaviour", ["kill", "deadly"])
def test_the_death_of_a_worker_beside_the_clips_leaves_a_note_at_most(kind: Kind, folder: Path, behaviour: str) -> None:
    if kind is SerialExecutor:
        pytest.skip("it is one process")
    name = f"{behaviour}-annotate.mp4"
    recorder, _ = run(kind, folder, [name, "a.mp4"], dataclasses.replace(ONE_TEAM, ANNOTATE=True))
    result = recorder.results[name]
    assert (result.status, recorder.results["a.mp4"].status) == ("done", "done")
    assert (folder / f"{name}.out" / "output" / "manifest.json").exists()
    assert (folder / f"{name}.out" / "annotated.mp4").exists() is (behaviour == "kill")
    assert ("could not be written" in result.message) is (behaviour == "deadly")
    cut = [
        event for event in recorder.events if event.video and event.video.path.name == name and event.stage == "clips"
    ]
    assert len([event for event in cut if event.name == "stage_done"]) == 1


@pytest.mark.parametrize("debug", [True, False])
def test_debug_acts(folder: Path, debug: bool, caplog: pytest.LogCaptureFixture) -> None:
    """It shows the traceback at once; without it that stands in the result alone."""
    recorder, _ = run(SerialExecutor, folder, ["bug-clips.mp4"], dataclasses.replace(CONFIG, DEBUG=debug))
    assert ("RuntimeError: a bug in clips" in caplog.text) is debug
    assert "RuntimeError: a bug in clips" in recorder.results["bug-clips.mp4"].details["traceback"]


def test_no_videos_is_no_work(kind: Kind, folder: Path) -> None:
    recorder, _ = run(kind, folder, [])
    assert recorder.results == {}


def test_an_excerpt_reaches_vision_with_its_frames(kind: Kind, folder: Path) -> None:
    """More frames than the ring holds, from one in the middle of it on; progress counts what is worked on."""
    recorder, _ = run(kind, folder, ["excerpt.mp4", "a.mp4"], dataclasses.replace(ONE_TEAM, RING_MB=16))
    excerpt, result = fake_stages.EXCERPT, recorder.results["excerpt.mp4"]
    tracks = read_tracks(folder / "excerpt.mp4.out" / "tracks.npz")
    assert tracks.frame.tolist() == list(range(excerpt.first_frame, excerpt.stop_frame or 0))
    assert (tracks.first_frame, tracks.frame_count) == (13, 111)
    lengths_s = result.duration_s, recorder.results["a.mp4"].duration_s
    assert (result.status, lengths_s) == ("done", pytest.approx((98 / 25, 120 / 25)))
    vision = [
        (done, total) for name, stage, done, total in recorder.progress if (name, stage) == ("excerpt.mp4", "vision")
    ]
    assert vision[-1] == pytest.approx((98 / 25, 98 / 25))
    assert all(done <= total + 1e-6 for done, total in vision)
