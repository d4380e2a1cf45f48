"""Videos without sound, by every executor: outputs that need none are made, and those videos end `partial`.

The output is `tests.support.counting`, which needs faces alone; ``annotate`` needs who says what.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from pipeline.executors.admission import AdmissionQueue
from pipeline.executors.base import Attempt
from pipeline.executors.scheduler import Ended, Failure
from pipeline.executors.serial import SerialExecutor
from pipeline.outputs.failure import failed_before
from pipeline.outputs.tracks import read_faces
from pipeline.types import ScoredTracks, VideoResult
from tests.support import counting, fake_stages
from tests.support.counted_runs import COUNTING, count, counted, done
from tests.support.executing import Kind, prepared, run

WHY = "has no sound"
ALL = {"decode", "vision", "speech", "attribution", "clips", "count_faces"}


def end(result: VideoResult) -> tuple[str, str]:
    return result.status, result.reason_code


def left(folder: Path, name: str) -> set[str]:
    """Name all files of one video but its log."""
    found = folder / f"{name}.out"
    names = {path.relative_to(found).as_posix() for path in found.rglob("*") if path.is_file()}
    return names - {"log.txt"}


def test_they_are_made_beside_videos_with_sound_and_the_message_says_what_was_made(kind: Kind, folder: Path) -> None:
    recorder = count(kind, folder, "mute.mp4", "a.mp4", "bad.mp4", "mute2.mp4", ANNOTATE=True)
    assert {name: end(result) for name, result in recorder.results.items()} == {
        "mute.mp4": ("partial", "no_audio"),
        "a.mp4": ("done", ""),
        "bad.mp4": ("failed", "not_media"),
        "mute2.mp4": ("partial", "no_audio"),
    }
    result = recorder.results["mute.mp4"]
    why = f"{folder / 'mute.mp4'}: {WHY}"
    assert result.message == f"{why}; made without sound: count_faces; not made for want of sound: clips and annotate"
    assert (result.details["made"], result.details["not_made"]) == (["count_faces"], ["clips", "annotate"])
    assert result.manifest is None and result.clip_count == 0 and result.duration_s == fake_stages.FRAMES / 25
    assert done(recorder, "mute.mp4") == set(result.timings) == {"decode", "vision", "count_faces"}
    assert done(recorder, "a.mp4") == {*ALL, "annotate"}
    assert left(folder, "mute.mp4") == {"tracks.npz", "faces_per_shot.json", "failure.json", ".made/count_faces"}
    assert counted(folder, "mute.mp4") == counted(folder, "a.mp4") == {"first": 0, "faces": [fake_stages.FRAMES]}
    assert not isinstance(read_faces(folder / "mute.mp4.out" / "tracks.npz"), ScoredTracks)
    told = [event for event in recorder.events if event.video and event.video.path.name == "mute.mp4"]
    assert [event.name for event in told if event.name in ("begun", "no_audio")] == ["begun", "no_audio", "begun"]
    assert not list((folder / ".work").rglob("*.pcm"))


@pytest.mark.slow
def test_what_is_made_is_not_made_again_until_its_setting_changes(kind: Kind, folder: Path) -> None:
    count(kind, folder, "mute.mp4")
    again = count(kind, folder, "mute.mp4")
    assert end(again.results["mute.mp4"]) == ("skipped", "no_audio") and done(again, "mute.mp4") == set()
    assert "made without sound: count_faces; not made" in again.results["mute.mp4"].message

    changed = count(kind, folder, "mute.mp4", COUNT_FROM=100)
    assert end(changed.results["mute.mp4"]) == ("partial", "no_audio")
    assert done(changed, "mute.mp4") - {"decode"} == {"count_faces"}
    assert changed.results["mute.mp4"].details["kept"] == ["vision"]
    assert counted(folder, "mute.mp4") == {"first": 100, "faces": [fake_stages.FRAMES - 100]}


def test_they_fail_as_ever_where_all_that_is_asked_for_needs_sound(kind: Kind, folder: Path) -> None:
    recorder = count(kind, folder, "mute.mp4", COUNT_FACES=False, ANNOTATE=True)
    result = recorder.results["mute.mp4"]
    assert end(result) == ("failed", "no_audio") and result.message == f"{folder / 'mute.mp4'}: {WHY}"
    assert not result.details and done(recorder, "mute.mp4") == set() and left(folder, "mute.mp4") == {"failure.json"}
    assert failed_before(folder / "mute.mp4.out", "fmute.mp4") == ("no_audio", result.message)


def test_pictures_are_not_looked_at_where_no_output_needs_them(kind: Kind, folder: Path) -> None:
    graph = dataclasses.replace(counting.GRAPH, stages=(*counting.GRAPH.stages, fake_stages.MEASURE))
    recorder, _ = run(kind, folder, ["mute.mp4"], dataclasses.replace(COUNTING, COUNT_FACES=False), graph)
    assert end(recorder.results["mute.mp4"]) == ("partial", "no_audio")
    assert done(recorder, "mute.mp4") - {"decode"} == {"measure"}
    assert left(folder, "mute.mp4") == {"size.txt", "failure.json", ".made/measure"}


@pytest.mark.parametrize("stage", ["vision", "count_faces"])
def test_a_stage_whose_worker_is_killed_is_begun_again(kind: Kind, folder: Path, stage: str) -> None:
    if kind is SerialExecutor:
        pytest.skip("it is one process")
    name = f"mute-kill-{stage}.mp4"
    recorder = count(kind, folder, name, "a.mp4")
    assert end(recorder.results[name]) == ("partial", "no_audio") and end(recorder.results["a.mp4"]) == ("done", "")
    again = [event for event in recorder.events if event.name == "again" and event.video]
    assert [event.stage for event in again if event.video and event.video.path.name == name] == [stage]
    assert counted(folder, name) == counted(folder, "a.mp4")


class TestInOneProcess:
    """What is the same for every executor: it is decided before one of them is asked, or when a video has ended."""

    @pytest.mark.slow
    def test_what_its_setting_does_not_change_is_kept(self, folder: Path) -> None:
        count(SerialExecutor, folder, "mute.mp4", COUNT_FROM=100)
        tracked = count(SerialExecutor, folder, "mute.mp4", COUNT_FROM=100, MIN_TRACK=99)
        assert done(tracked, "mute.mp4") - {"decode"} == {"vision", "count_faces"}

        of_clips = count(SerialExecutor, folder, "mute.mp4", COUNT_FROM=100, MIN_TRACK=99, MIN_SENTENCE_S=1.25)
        assert end(of_clips.results["mute.mp4"]) == ("skipped", "no_audio") and done(of_clips, "mute.mp4") == set()

        forced = count(SerialExecutor, folder, "mute.mp4", COUNT_FROM=100, MIN_TRACK=99, FORCE=True)
        assert done(forced, "mute.mp4") - {"decode"} == {"vision", "count_faces"}

    @pytest.mark.slow
    def test_what_was_made_stays_where_a_later_run_asks_for_nothing_of_the_kind(self, folder: Path) -> None:
        count(SerialExecutor, folder, "mute.mp4")
        later = count(SerialExecutor, folder, "mute.mp4", COUNT_FACES=False)
        assert end(later.results["mute.mp4"]) == ("failed", "no_audio")
        assert end(count(SerialExecutor, folder, "mute.mp4").results["mute.mp4"]) == ("skipped", "no_audio")

    def test_results_of_another_file_of_that_name_go_when_it_turns_out_to_be_mute(self, folder: Path) -> None:
        """As where a file was replaced, or its sound came from another file before."""
        count(SerialExecutor, folder, "a.mp4", ANNOTATE=True)
        (folder / "a.mp4.out").rename(folder / "mute.mp4.out")
        recorder = count(SerialExecutor, folder, "mute.mp4", ANNOTATE=True)
        assert end(recorder.results["mute.mp4"]) == ("partial", "no_audio")
        assert done(recorder, "mute.mp4") - {"decode"} == {"vision", "count_faces"}
        staged = {"tracks.npz", "transcript.json", "attribution.json"}
        assert left(folder, "mute.mp4") == {*staged, "faces_per_shot.json", "failure.json", ".made/count_faces"}

    def test_what_was_made_without_sound_is_not_taken_for_what_is_made_with_it(self, folder: Path) -> None:
        """As where a later version can decode a sound that this one cannot: the file and the settings are the same."""
        (folder / ".a.mp4.mute").touch()
        assert end(count(SerialExecutor, folder, "a.mp4").results["a.mp4"]) == ("partial", "no_audio")
        (folder / ".a.mp4.mute").unlink()
        recorder = count(SerialExecutor, folder, "a.mp4")
        assert end(recorder.results["a.mp4"]) == ("done", "") and done(recorder, "a.mp4") == ALL

    def test_the_failure_of_the_only_output_fails_them(self, folder: Path) -> None:
        name = "mute-bug-count_faces.mp4"
        recorder = count(SerialExecutor, folder, name)
        result = recorder.results[name]
        assert end(result) == ("failed", "no_audio") and result.details["made"] == []
        assert f"{WHY}; not made for want of sound: clips; count_faces could not be written: a bug" in result.message
        again = count(SerialExecutor, folder, name)
        assert done(again, name) <= {"decode"} and again.results[name].details["kept"] == ["vision"]

    def test_the_failure_of_a_stage_that_it_needs_is_their_failure(self, folder: Path) -> None:
        recorder = count(SerialExecutor, folder, "mute-bug-vision.mp4", "mute.mp4")
        assert end(recorder.results["mute-bug-vision.mp4"]) == ("failed", "internal_error")
        assert end(recorder.results["mute.mp4"]) == ("partial", "no_audio")

    def test_it_is_begun_again_once_its_attempt_is_released(self, folder: Path) -> None:
        """A worker of the attempt may still write; nothing is begun again after an interruption."""
        recorder, _, (job,) = prepared(SerialExecutor, folder, ["mute.mp4"], COUNTING, counting.GRAPH)
        admission = AdmissionQueue(COUNTING, folder, [job], recorder, counting.GRAPH)
        queued = admission.acquire()
        assert queued is not None and len(admission) == 0
        failure = Failure("no_audio", "has no sound")
        admission.report(Attempt(queued.video, queued.begun_s), Ended(1, (), failure=failure), ())
        assert len(admission) == 1 and admission.acquire() is None and recorder.results == {}
        admission.release(queued.video)
        again = admission.acquire()
        assert again is not None and again.video.no_sound is not None and len(admission) == 0
        admission.report(Attempt(again.video, again.begun_s), Ended(2, (), failure=failure), ())
        assert end(recorder.results["mute.mp4"]) == ("failed", "no_audio") and len(admission) == 0
        admission.release_all()
        admission.close()
        admission.report(Attempt(queued.video, queued.begun_s), Ended(1, (), failure=failure), ())
        assert len(admission) == 0
