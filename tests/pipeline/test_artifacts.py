"""What a stage leaves for a later run, and when that counts."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from pipeline.artifacts import MANIFEST, kept_stages
from pipeline.errors import InputError
from pipeline.graph import GRAPH
from pipeline.outputs.attribution import digest_of, write_attribution
from pipeline.outputs.tracks import read_losses, read_tracks, write_tracks
from pipeline.outputs.transcript import read_own_transcript, write_transcript
from pipeline.results import Artifact, remove_partial
from pipeline.stage import CLIPS_POOL, Graph, Stage
from pipeline.types import (
    AttributedWord,
    Attribution,
    Fingerprints,
    Losses,
    PictureSizes,
    ScoredTracks,
    Segment,
    Transcript,
    Word,
)
from tests.support.by_hand import kept, prints

PRINTS = prints("v" * 64, "s" * 64, "w" * 64)
NONE = np.zeros(0, np.int32)
SCORES = np.zeros(0, np.float32)
TRACKS = ScoredTracks(7, np.zeros(1, np.int32), NONE, NONE, np.zeros((0, 4), np.float32), SCORES, SCORES)
TRANSCRIPT = Transcript("en", (Segment(0.0, 1.0, " Hi.", (Word(" Hi.", 0.25, 0.5, 0.75),)),))
LOSSES = Losses(2, 1, 0.75)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With both results in place."""
    kept(tmp_path, TRACKS, TRANSCRIPT, PRINTS, LOSSES)
    return tmp_path


def test_what_is_kept_comes_back(folder: Path) -> None:
    assert kept_stages(GRAPH, PRINTS, folder) == {"vision", "speech"}
    tracks, losses = read_tracks(folder / "tracks.npz"), read_losses(folder / "tracks.npz")
    transcript, _ = read_own_transcript(folder / "transcript.json")
    assert (tracks.frame_count, losses, transcript) == (7, LOSSES, TRANSCRIPT)
    assert {path.name for path in folder.iterdir()} == {"tracks.npz", "transcript.json"}


@pytest.mark.parametrize(
    ("changed", "left"),
    [({"vision": "x"}, {"speech"}), ({"speech": "x"}, {"vision"}), ({"clips": "x"}, {"vision", "speech"})],
)
def test_only_what_still_holds_counts(folder: Path, changed: dict[str, str], left: set[str]) -> None:
    assert kept_stages(GRAPH, Fingerprints({**PRINTS.stages, **changed}), folder) == left


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
    write_tracks(folder / "tracks.npz", TRACKS, LOSSES, PRINTS.of("vision"), sizes)
    found = kept_stages(GRAPH, dataclasses.replace(PRINTS, most_px=most_px), folder)
    assert found == ({"vision", "speech"} if holds else {"speech"})


def test_without_a_mark_nothing_counts(tmp_path: Path) -> None:
    write_tracks(tmp_path / "tracks.npz", TRACKS, LOSSES, "")
    assert kept_stages(GRAPH, Fingerprints(), tmp_path) == frozenset()


@pytest.mark.parametrize(("name", "left"), [("tracks.npz", {"speech"}), ("transcript.json", {"vision"})])
@pytest.mark.parametrize("half", [True, False])
def test_a_damaged_or_missing_result_does_not_count(folder: Path, name: str, left: set[str], half: bool) -> None:
    path = folder / name
    content = path.read_bytes()
    path.unlink()
    if half:
        path.write_bytes(content[: len(content) // 2])
    assert kept_stages(GRAPH, PRINTS, folder) == left
    with pytest.raises(InputError):
        read_tracks(path) if name == "tracks.npz" else read_own_transcript(path)


def test_what_was_left_half_written_is_removed_and_nothing_else(folder: Path) -> None:
    (folder / "output").mkdir()
    left = [
        folder / ".transcript.json.7-ab.part",
        folder / "output" / ".seg_0000_track_000.mp4.part",
        folder / ".transcript.srt.17.part",
    ]
    mine = [folder / "output" / "notes.part", folder / ".hidden", folder / "output" / "seg_0000_track_000.mp4"]
    for path in (*left, *mine):
        path.touch()
    remove_partial(folder)
    assert not any(path.exists() for path in left) and all(path.exists() for path in mine)
    assert kept_stages(GRAPH, PRINTS, folder) == {"vision", "speech"}


def _attribute(folder: Path) -> None:
    said = Attribution((AttributedWord(TRANSCRIPT.words[0], None, None),), ())
    made_of = digest_of(folder / "tracks.npz", TRANSCRIPT.words)
    write_attribution(folder / "attribution.json", said, "a", made_of)


def test_who_says_what_is_asked_again_when_the_faces_are_made_anew(folder: Path) -> None:
    found = Fingerprints({**PRINTS.stages, "attribution": "a"})
    _attribute(folder)
    assert kept_stages(GRAPH, found, folder) == {"vision", "speech", "attribution"}
    (folder / "tracks.npz").unlink()
    assert kept_stages(GRAPH, found, folder) == {"speech"}


def test_artifacts_may_lie_in_two_folders(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("next")
    (folder / "tracks.npz").rename(other / "tracks.npz")
    assert kept_stages(GRAPH, PRINTS, folder) == {"speech"} and kept_stages(GRAPH, PRINTS, other) == {"vision"}
    assert kept_stages(GRAPH, PRINTS, other, folder) == {"vision", "speech"}


def test_who_says_what_holds_for_the_very_faces_that_it_was_made_of(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Fingerprints do not tell at which size, or on which device, faces were found; track numbers may be others."""
    found = Fingerprints({**PRINTS.stages, "attribution": "a"})
    _attribute(folder)
    old = (folder / "tracks.npz").read_bytes()
    write_tracks(folder / "tracks.npz", dataclasses.replace(TRACKS, frame_count=8), LOSSES, found.of("vision"))
    assert kept_stages(GRAPH, found, folder) == {"vision", "speech"}
    other = tmp_path_factory.mktemp("next")
    (other / "tracks.npz").write_bytes(old)
    assert kept_stages(GRAPH, found, other, folder) == {"vision", "speech", "attribution"}
    assert kept_stages(GRAPH, found, folder, other) == {"vision", "speech"}, "the first folder's are read"


def test_a_stage_that_lacks_one_of_its_files_takes_along_who_needs_the_other(tmp_path: Path) -> None:
    def holds(path: Path, mark: str, most_px: int) -> bool:
        return path.read_text() == mark

    one, other, third = (Artifact(name, holds=holds) for name in ("one", "other", "third"))
    run = cast(Any, None)
    stages = (
        Stage("two", run, CLIPS_POOL, makes=(one, other)),
        Stage("needs_one", run, CLIPS_POOL, makes=(third,), needs=(one,)),
        Stage("last", run, CLIPS_POOL, makes=(MANIFEST,), needs=(third,)),
    )
    graph, found = Graph(stages, run, run), Fingerprints({"two": "2", "needs_one": "1"})
    for name, mark in (("one", "2"), ("other", "2"), ("third", "1")):
        (tmp_path / name).write_text(mark)
    assert kept_stages(graph, found, tmp_path) == {"two", "needs_one"}
    (tmp_path / "other").unlink()
    assert kept_stages(graph, found, tmp_path) == frozenset()


def test_speakers_that_are_added_to_the_transcript_change_nothing(folder: Path) -> None:
    found = Fingerprints({**PRINTS.stages, "attribution": "a"})
    _attribute(folder)
    spoken = (AttributedWord(TRANSCRIPT.words[0], 1, 2, ((1, 1.0),)),)
    write_transcript(folder / "transcript.json", TRANSCRIPT, spoken, found.of("speech"))
    assert kept_stages(GRAPH, found, folder) == {"vision", "speech", "attribution"}
