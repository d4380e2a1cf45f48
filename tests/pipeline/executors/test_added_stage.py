"""A stage that is added to the graph is run, resumed, retried, shown, timed and redone by every executor.

The stage is `tests.support.counting`: a function, a record, two settings. No file of the product knows it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.executors.serial import SerialExecutor
from pipeline.outputs.tracks import tracks_mark
from tests.support import fake_stages
from tests.support.counted_runs import count, counted, done
from tests.support.executing import Kind

OTHERS = {"decode", "vision", "speech", "attribution", "clips"}


def test_it_is_run_shown_timed_resumed_and_redone_when_its_setting_changes(kind: Kind, folder: Path) -> None:
    first = count(kind, folder, "a.mp4", "b.mp4")
    assert {result.status for result in first.results.values()} == {"done"}
    assert counted(folder, "a.mp4") == {"first": 0, "faces": [fake_stages.FRAMES]}
    assert done(first, "a.mp4") == {*OTHERS, "count_faces"}
    begin_s, end_s = first.results["a.mp4"].timings["count_faces"]
    assert max(span[1] for stage, span in first.results["a.mp4"].timings.items() if stage in OTHERS) <= begin_s <= end_s
    shown = [(at, total) for name, stage, at, total in first.progress if (name, stage) == ("a.mp4", "count_faces")]
    assert shown and shown[-1][0] == pytest.approx(shown[-1][1])

    again = count(kind, folder, "a.mp4", "b.mp4")
    assert {result.status for result in again.results.values()} == {"skipped"} and done(again, "a.mp4") == set()

    (folder / "b.mp4.out" / "faces_per_shot.json").unlink()
    resumed = count(kind, folder, "a.mp4", "b.mp4")
    assert (resumed.results["a.mp4"].status, resumed.results["b.mp4"].status) == ("skipped", "done")
    assert done(resumed, "b.mp4") - {"decode"} == {"count_faces"}
    assert counted(folder, "b.mp4") == counted(folder, "a.mp4")

    changed = count(kind, folder, "a.mp4", COUNT_FROM=100)
    assert done(changed, "a.mp4") - {"decode"} == {"count_faces"}
    assert counted(folder, "a.mp4") == {"first": 100, "faces": [fake_stages.FRAMES - 100]}


def test_it_is_left_out_where_nobody_asks_for_it(kind: Kind, folder: Path) -> None:
    recorder = count(kind, folder, "a.mp4", COUNT_FACES=False)
    assert done(recorder, "a.mp4") == OTHERS and not (folder / "a.mp4.out" / "faces_per_shot.json").exists()


def test_its_failure_leaves_a_note_and_the_video_is_done(kind: Kind, folder: Path) -> None:
    recorder = count(kind, folder, "bug-count_faces.mp4", "a.mp4")
    result = recorder.results["bug-count_faces.mp4"]
    assert result.status == "done" and recorder.results["a.mp4"].status == "done"
    (note,) = result.details["notes"]
    assert note.startswith("count_faces could not be written: a bug in the program: RuntimeError")
    assert (folder / "bug-count_faces.mp4.out" / "output" / "manifest.json").exists()
    again = count(kind, folder, "bug-count_faces.mp4")
    assert done(again, "bug-count_faces.mp4") <= {"decode"} and again.results["bug-count_faces.mp4"].status == "done"


@pytest.mark.parametrize("behaviour", ["kill", "deadly"])
def test_it_is_begun_again_when_its_worker_is_killed(kind: Kind, folder: Path, behaviour: str) -> None:
    if kind is SerialExecutor:
        pytest.skip("it is one process")
    name = f"{behaviour}-count_faces.mp4"
    recorder = count(kind, folder, name, "a.mp4")
    assert {result.status for result in recorder.results.values()} == {"done"}
    again = [event.stage for event in recorder.events if event.name == "again"]
    assert again == ["count_faces"]
    assert (folder / f"{name}.out" / "faces_per_shot.json").exists() is (behaviour == "kill")
    assert ("could not be written" in recorder.results[name].message) is (behaviour == "deadly")
    assert not list((folder / f"{name}.out").rglob("*.part"))


def test_what_an_output_needs_and_an_earlier_run_has_not_left_is_made_for_it(kind: Kind, folder: Path) -> None:
    """As in a folder of an earlier version, or one that was tidied: the clips are not cut again."""
    count(kind, folder, "a.mp4", "b.mp4", COUNT_FACES=False)
    (folder / "a.mp4.out" / "attribution.json").unlink()
    (folder / "b.mp4.out" / "tracks.npz").unlink()
    recorder = count(kind, folder, "a.mp4", "b.mp4", ANNOTATE=True)
    assert {result.status for result in recorder.results.values()} == {"done"}
    assert all("notes" not in result.details for result in recorder.results.values())
    assert done(recorder, "a.mp4") - {"decode"} == {"attribution", "annotate", "count_faces"}
    assert done(recorder, "b.mp4") - {"decode"} == {"vision", "attribution", "annotate", "count_faces"}
    assert (folder / "a.mp4.out" / "annotated.mp4").exists() and counted(folder, "b.mp4") == counted(folder, "a.mp4")


@pytest.mark.slow
def test_outputs_are_made_of_the_results_that_take_the_place_of_the_old_ones(kind: Kind, folder: Path) -> None:
    def annotated() -> str:
        return (folder / "a.mp4.out" / "annotated.mp4").read_text()

    def manifest() -> str:
        return (folder / "a.mp4.out" / "output" / "manifest.json").read_text()

    count(kind, folder, "a.mp4", ANNOTATE=True)
    (folder / "a.mp4.out" / "faces_per_shot.json").write_text("{}")
    old = annotated()
    assert old == manifest()
    renewed = count(kind, folder, "a.mp4", ANNOTATE=True, MIN_SENTENCE_S=1.25)
    assert done(renewed, "a.mp4") - {"decode"} == {"clips", "annotate", "count_faces"}
    assert annotated() == manifest() != old
    assert counted(folder, "a.mp4") == {"first": 0, "faces": [fake_stages.FRAMES]}
    assert not (folder / "a.mp4.out" / ".next").exists()
    again = count(kind, folder, "a.mp4", ANNOTATE=True, MIN_SENTENCE_S=1.25)
    assert again.results["a.mp4"].status == "skipped"


def test_what_an_attempt_with_other_settings_left_is_not_taken_for_that_of_this_one(kind: Kind, folder: Path) -> None:
    """A is whole, B with other tracks ends before its clips, C has A's tracks and other clips."""
    first = count(kind, folder, "a.mp4", COUNT_FACES=False)
    out, bug = folder / "a.mp4.out", folder / ".a.mp4.clips.bug"
    tracks = tracks_mark(out / "tracks.npz")
    bug.touch()
    failed = count(kind, folder, "a.mp4", COUNT_FACES=False, MIN_TRACK=99)
    assert (first.results["a.mp4"].status, failed.results["a.mp4"].status) == ("done", "failed")
    assert tracks_mark(out / ".next" / "tracks.npz") != tracks == tracks_mark(out / "tracks.npz")
    bug.unlink()
    renewed = count(kind, folder, "a.mp4", COUNT_FACES=False, MIN_SENTENCE_S=1.25)
    assert done(renewed, "a.mp4") - {"decode"} == {"clips"}
    assert tracks_mark(out / "tracks.npz") == tracks and not (out / ".next").exists()
