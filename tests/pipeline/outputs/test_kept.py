"""What a stage leaves for a later run, and when that counts."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import InputError
from pipeline.outputs.kept import (
    put_in_place,
    read_kept,
    remove_partial,
    stages_kept,
    write_pending_tracks,
    write_pending_words,
)
from pipeline.types import Losses, Marks, PictureSizes, ScoredTracks, Segment, Transcript, Word

MARKS = Marks("v" * 64, "s" * 64, "w" * 64)
NONE = np.zeros(0, np.int32)
SCORES = np.zeros(0, np.float32)
TRACKS = ScoredTracks(7, np.zeros(1, np.int32), NONE, NONE, np.zeros((0, 4), np.float32), SCORES, SCORES)
TRANSCRIPT = Transcript("en", (Segment(0.0, 1.0, " Hi.", (Word(" Hi.", 0.25, 0.5, 0.75),)),))
LOSSES = Losses(2, 1, 0.75)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With both results in place."""
    put_in_place(write_pending_tracks(tmp_path, TRACKS, LOSSES, MARKS.vision), "vision")
    put_in_place(write_pending_words(tmp_path, TRANSCRIPT, MARKS.speech), "speech")
    return tmp_path


def test_what_is_kept_comes_back(folder: Path) -> None:
    assert stages_kept(folder, MARKS) == {"vision", "speech"}
    tracks, losses, transcript = read_kept(folder)
    assert (tracks.frame_count, losses, transcript) == (7, LOSSES, TRANSCRIPT)
    assert {path.name for path in folder.iterdir()} == {"tracks.npz", "transcript.json"}


@pytest.mark.parametrize(
    ("changed", "kept"),
    [({"vision": "x"}, {"speech"}), ({"speech": "x"}, {"vision"}), ({"whole": "x"}, {"vision", "speech"})],
)
def test_only_what_still_holds_counts(folder: Path, changed: dict[str, str], kept: set[str]) -> None:
    assert stages_kept(folder, dataclasses.replace(MARKS, **changed)) == kept


@pytest.mark.parametrize(
    ("analysed_px", "most_px", "holds"),
    [
        ((1920, 1080), 0, True),
        ((1920, 1080), 1920 * 1080, True),
        ((1920, 1080), 1 << 30, True),
        ((1920, 1080), 1920 * 1080 - 1, False),
        ((960, 540), 960 * 540, True),
        ((960, 540), 960 * 540 + 1, True),
        ((960, 540), 950 * 540, False),
        ((960, 540), 1920 * 1080, False),
    ],
)
def test_scores_hold_while_the_pictures_would_be_analysed_at_the_same_size(
    folder: Path, analysed_px: tuple[int, int], most_px: int, holds: bool
) -> None:
    sizes = PictureSizes((1920, 1080), analysed_px)
    put_in_place(write_pending_tracks(folder, TRACKS, LOSSES, MARKS.vision, sizes), "vision")
    kept = stages_kept(folder, dataclasses.replace(MARKS, most_px=most_px))
    assert kept == ({"vision", "speech"} if holds else {"speech"})


def test_without_a_mark_nothing_counts(tmp_path: Path) -> None:
    put_in_place(write_pending_tracks(tmp_path, TRACKS, LOSSES, ""), "vision")
    assert stages_kept(tmp_path, Marks()) == frozenset()


@pytest.mark.parametrize(("name", "kept"), [("tracks.npz", {"speech"}), ("transcript.json", {"vision"})])
@pytest.mark.parametrize("half", [True, False])
def test_a_damaged_or_missing_result_does_not_count(folder: Path, name: str, kept: set[str], half: bool) -> None:
    path = folder / name
    content = path.read_bytes()
    path.unlink()
    if half:
        path.write_bytes(content[: len(content) // 2])
    assert stages_kept(folder, MARKS) == kept
    with pytest.raises(InputError):
        read_kept(folder)


def test_what_is_pending_has_no_final_name(tmp_path: Path) -> None:
    pending = write_pending_tracks(tmp_path, TRACKS, LOSSES, MARKS.vision)
    other = write_pending_tracks(tmp_path, TRACKS, LOSSES, MARKS.vision)
    assert pending != other and stages_kept(tmp_path, MARKS) == frozenset()


def test_what_was_left_half_written_is_removed_and_nothing_else(folder: Path) -> None:
    (folder / "output").mkdir()
    left = [
        write_pending_words(folder, TRANSCRIPT, "x"),
        folder / "output" / ".seg_0000_track_000.mp4.part",
        folder / ".transcript.srt.17.part",
    ]
    mine = [folder / "output" / "notes.part", folder / ".hidden", folder / "output" / "seg_0000_track_000.mp4"]
    for path in (*left[1:], *mine):
        path.touch()
    remove_partial(folder)
    assert not any(path.exists() for path in left) and all(path.exists() for path in mine)
    assert stages_kept(folder, MARKS) == {"vision", "speech"}
