"""Finished results stay until a new state is complete, or the file itself is to blame."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.executors.base import failed
from pipeline.graph import GRAPH
from pipeline.results import (
    OUTPUTS,
    forget_attempt,
    is_result,
    made_of,
    note_made,
    recover,
    remove_outputs,
    remove_partial,
    remove_results,
    replace_results,
)
from pipeline.stage import VideoJob
from tests.support import counting
from tests.support.by_hand import prints

OLD = (
    *("output/manifest.json", "output/seg_0000_track_000.mp4", "output/seg_0001_track_000.mp4", "report.html"),
    *("persons/person_000.jpg", "persons/person_001.jpg", "annotated.mp4", "export/speakers.rttm"),
    *("tracks.npz", "transcript.json", "transcript.srt"),
)
NEW = (
    *("output/manifest.json", "output/seg_0000_track_002.mp4", "report.html", "persons/person_000.jpg"),
    *("transcript.json", "transcript.srt"),
)
OTHERS = ("log.txt", "output/holiday.mp4", "notes.txt")
"""Files that no run has made, or that outlast all."""


def fill(folder: Path, names: tuple[str, ...], content: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)


def found(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): p.read_text() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Finished results, and a new attempt beside them that has come to its end."""
    fill(tmp_path, OLD, "old")
    fill(tmp_path, OTHERS, "other")
    fill(tmp_path / ".next", NEW, "new")
    return tmp_path


def test_a_new_state_takes_the_place_of_the_old_one_whole(folder: Path) -> None:
    replace_results(folder)
    assert found(folder) == {
        **dict.fromkeys(OTHERS, "other"),
        **dict.fromkeys(NEW, "new"),
        "tracks.npz": "old",  # the new attempt has used it
    }
    assert not (folder / ".next").exists()


def test_the_manifest_goes_first_and_comes_last(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moved: list[str] = []
    replace = Path.replace

    def note(self: Path, target: Path) -> Path:
        assert not (folder / "output" / "manifest.json").exists()
        moved.append(target.relative_to(folder).as_posix())
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", note)
    replace_results(folder)
    assert moved[-1] == "output/manifest.json" and sorted(moved) == sorted(NEW)


def test_one_that_was_killed_while_it_took_their_place_is_gone_on_with(folder: Path) -> None:
    remove_results(folder)
    fill(folder / ".next", ("tracks.npz",), "new")
    recover(folder)
    left = {**dict.fromkeys(OTHERS, "other"), "tracks.npz": "new", "transcript.json": "new", "transcript.srt": "old"}
    assert found(folder) == left


@pytest.mark.parametrize(
    "code", ["worker_died", "disk_full", "io_error", "unreadable", "changed", "bad_transcript", "too_large", "too_long"]
)
def test_a_fault_that_may_pass_leaves_them_byte_for_byte(folder: Path, code: str) -> None:
    fill(folder / ".next", ("tracks.npz",), "new")
    job = VideoJob(0, folder / "a.mp4", folder, prints("v", "s", "w", "f"), renews=True)
    result = failed(job, code, "it cannot be done now", "", 0.0)
    left = found(folder)
    assert ("failure.json" in left) is code.startswith("too_") and left.pop("failure.json", "")[:1] in ("", "{")
    assert left == {
        **dict.fromkeys(OTHERS, "other"),
        **dict.fromkeys(OLD, "old"),
        ".next/tracks.npz": "new",
        ".next/transcript.json": "new",
    }
    assert result.details["earlier_results"] is True
    assert result.message == "it cannot be done now; the results of an earlier run are kept as they are"


@pytest.mark.parametrize("code", ["not_media", "no_audio", "no_video", "undecodable"])
def test_a_fault_of_the_file_itself_takes_them_away(folder: Path, code: str) -> None:
    job = VideoJob(0, folder / "a.mp4", folder, prints("v", "s", "w", "f"), renews=True)
    result = failed(job, code, "it is no video", "", 0.0)
    assert not {
        name for name in found(folder) if name.startswith(("output/seg", "output/manifest", "report", "export"))
    }
    assert {name: text for name, text in found(folder).items() if name in OTHERS} == dict.fromkeys(OTHERS, "other")
    assert "earlier_results" not in result.details and result.message == "it is no video"


def test_without_a_fingerprint_no_fault_takes_them_away(folder: Path) -> None:
    job = VideoJob(0, folder / "a.mp4", folder)
    failed(job, "not_media", "it is no video", "", 0.0)
    assert {name for name, text in found(folder).items() if text == "old"} == set(OLD)


def test_an_attempt_without_earlier_results_leaves_nothing_half_done(tmp_path: Path) -> None:
    fill(tmp_path, ("output/seg_0000_track_000.mp4", "tracks.npz", "log.txt"), "new")
    forget_attempt(tmp_path)
    assert set(found(tmp_path)) == {"tracks.npz", "log.txt"}


def test_all_outputs_can_be_removed_and_nothing_else(tmp_path: Path) -> None:
    names = [name for files in OUTPUTS.values() for name in files]
    fill(tmp_path, (*names, "export/mine.csv"), "x")
    note_made(tmp_path, "annotate", "f" * 64)
    assert made_of(tmp_path, "annotate") == "f" * 64 and made_of(tmp_path, "export") == ""
    remove_outputs(tmp_path)
    assert list(found(tmp_path)) == ["export/mine.csv"]
    assert made_of(tmp_path, "annotate") == ""
    remove_outputs(tmp_path / "nowhere")


def test_upright_videos_of_ranges_go_and_stay_with_the_upright_video(tmp_path: Path) -> None:
    ours = ("reframed/001.mp4", "reframed/1000_a b.mp4", "reframed/001.ass", "reframed/ranges.json")
    others = ("reframed/mine.mp4", "reframed/001_a.mov", "reframed/in/002.mp4", "002.mp4")
    fill(tmp_path, (*ours, *others, "reframe.json"), "x")
    assert [name for name in (*ours, *others) if is_result(name)] == list(ours)
    remove_outputs(tmp_path, {"reframe"})
    assert set(found(tmp_path)) == {*ours, *others, "reframe.json"}
    remove_outputs(tmp_path)
    assert set(found(tmp_path)) == set(others)


def test_half_written_upright_videos_go(tmp_path: Path) -> None:
    fill(tmp_path, ("reframed/.001.mp4.part", "reframed/.001.mp4.h264.part", "reframed/001.mp4"), "x")
    remove_partial(tmp_path)
    assert set(found(tmp_path)) == {"reframed/001.mp4"}


def test_outputs_that_hold_can_stay(tmp_path: Path) -> None:
    fill(tmp_path, ("annotated.mp4", "export/sieve.json"), "x")
    for output in ("annotate", "export"):
        note_made(tmp_path, output, "f" * 64)
    remove_outputs(tmp_path, {"annotate"})
    assert set(found(tmp_path)) == {"annotated.mp4", ".made/annotate"}
    remove_outputs(tmp_path / "nowhere", {"annotate"})


def test_outputs_are_kept_by_the_names_of_their_stages(tmp_path: Path) -> None:
    fill(tmp_path, ("annotated.mp4", "export/sieve.json", "export/speakers.rttm"), "x")
    note_made(tmp_path, "export", "f" * 64)
    remove_outputs(tmp_path, {"export"})
    assert set(found(tmp_path)) == {"export/sieve.json", "export/speakers.rttm", ".made/export"}


def test_every_file_of_an_output_has_its_line() -> None:
    """Without it the file would not go with the results, and would be made again in each run over a storage."""
    for stage in (*GRAPH.outputs, *counting.GRAPH.outputs):
        assert {artifact.file for artifact in stage.makes} <= set(OUTPUTS.get(stage.name, ()))
    assert set(OUTPUTS) <= {stage.name for stage in (*GRAPH.outputs, *counting.GRAPH.outputs)}


@pytest.mark.parametrize(
    ("code", "is_finished", "stay"),
    [("no_audio", False, True), ("no_audio", True, False), ("undecodable", False, False)],
)
def test_outputs_that_were_made_without_sound_stay_where_there_is_none(
    tmp_path: Path, code: str, is_finished: bool, stay: bool
) -> None:
    """Those beside a manifest were made of a video with sound."""
    outputs = {"annotated.mp4", ".made/annotate"}
    fill(tmp_path, (*outputs, "report.html", "output/seg_0000_track_000.mp4"), "x")
    if is_finished:
        fill(tmp_path, ("output/manifest.json",), "x")
    failed(VideoJob(0, tmp_path / "a.mp4", tmp_path, prints("v", "s", "w", "f")), code, "has no sound", "", 0.0)
    assert set(found(tmp_path)) - {"failure.json"} == (outputs if stay else set())


def test_pages_go_with_the_results_and_other_pictures_stay(tmp_path: Path) -> None:
    fill(tmp_path, ("report.html", "persons/person_000.jpg", "persons/mine.jpg"), "x")
    remove_results(tmp_path)
    assert list(found(tmp_path)) == ["persons/mine.jpg"]
